#pragma once

#include <troupe/protocol/digest.hpp>
#include <troupe/protocol/time.hpp>
#include <troupe/protocol/value.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace troupe {

class plan;

enum class plan_kind : std::uint8_t {
  step,
  sequence,
  parallel,
  map,
  branch,
  router,
  loop,
  use,   ///< a pipeline registered under a name
  pause, ///< waits for a person
  retry,
  timeout,
  fallback,
  breaker,
  cache,
  hedge,
  bulkhead,
  rate_limit,
  save_as,    ///< keeps the output in the context
  compensate, ///< the second child undoes the first
  place,      ///< where in a cluster
};

[[nodiscard]] std::string_view to_string(plan_kind kind);

/// One thing that is wrong with a plan.
struct plan_issue {
  std::string where;   ///< names from the outside in, joined by `/`
  std::string field;   ///< the option, such as `retry.max_retries`; may be empty
  std::string message; ///< the value and its bound: `is -1; it must be at least 0`
};

/// `where: field message`
[[nodiscard]] std::string to_string(const plan_issue& issue);

/// Thrown for a plan that makes no sense. `what()` lists every issue, one a line.
class plan_error : public std::invalid_argument {
public:
  explicit plan_error(std::vector<plan_issue> issues);
  [[nodiscard]] const std::vector<plan_issue>& issues() const noexcept { return *issues_; }

private:
  std::shared_ptr<const std::vector<plan_issue>> issues_;
};

/// Thrown for fallbacks that lead back to themselves; the message shows the cycle: `a → b → a`.
class infinite_fallback_error : public plan_error {
public:
  using plan_error::plan_error;
};

/// Collects what is wrong with the options of one stage.
class option_check {
public:
  option_check(std::string where, std::string prefix, std::vector<plan_issue>& issues);

  /// Reports `field message` unless `fine`.
  void require(bool fine, std::string_view field, const std::string& message);
  void at_least(std::string_view field, std::int64_t given, std::int64_t least);
  void at_most(std::string_view field, std::int64_t given, std::int64_t most);
  void positive(std::string_view field, duration given);
  void not_negative(std::string_view field, duration given);
  /// Both ends included; NaN is outside.
  void between(std::string_view field, double given, double least, double most);

private:
  std::string where_;
  std::string prefix_;
  std::vector<plan_issue>& issues_;
};

/// The options of one kind of stage, as a plan sees them.
class plan_options {
public:
  virtual ~plan_options() = default;
  /// Everything that decides how the stage behaves, for the hash, the cache key and the printed
  /// plan. Members that are null are left out.
  [[nodiscard]] virtual value describe() const = 0;
  virtual void check(option_check& report) const = 0;
  /// What `describe` says of options that nobody has set.
  [[nodiscard]] virtual value describe_defaults() const { return {}; }
  /// Called with the number of children of the stage, for options that depend on it.
  virtual void check_children(option_check& /*report*/, std::size_t /*branches*/) const {}
  /// False for a step that must not run twice for one request.
  [[nodiscard]] virtual bool idempotent() const { return true; }
  /// Stages of one kind and one shared name share their state and must agree on their options;
  /// empty when nothing is shared.
  [[nodiscard]] virtual std::string shared_name() const { return {}; }
  /// The options that stages of one shared name must agree on.
  [[nodiscard]] virtual value describe_shared() const { return describe(); }
};

/// Makes any option struct with `troupe_describe(options)` and `troupe_check(options, report)`
/// beside it part of a plan. `troupe_check_children(options, report, branches)` and
/// `troupe_idempotent(options)` are used where they exist; a `std::string name` among the options
/// is their shared name, and `troupe_describe_shared(options)` what those of one name agree on.
template <class Options>
class options_of final : public plan_options {
public:
  explicit options_of(Options given) : options(std::move(given)) {}
  [[nodiscard]] value describe() const override { return troupe_describe(options); }
  void check(option_check& report) const override { troupe_check(options, report); }
  [[nodiscard]] value describe_defaults() const override {
    if constexpr (std::is_default_constructible_v<Options>) return troupe_describe(Options());
    else return {};
  }
  void check_children(option_check& report, std::size_t branches) const override {
    if constexpr (requires { troupe_check_children(options, report, branches); }) {
      troupe_check_children(options, report, branches);
    }
  }
  [[nodiscard]] bool idempotent() const override {
    if constexpr (requires { troupe_idempotent(options); }) return troupe_idempotent(options);
    else return true;
  }
  [[nodiscard]] std::string shared_name() const override {
    if constexpr (requires { requires std::is_same_v<decltype(Options::name), std::string>; }) {
      return options.name;
    } else {
      return {};
    }
  }
  [[nodiscard]] value describe_shared() const override {
    if constexpr (requires { troupe_describe_shared(options); }) {
      return troupe_describe_shared(options);
    } else {
      return describe();
    }
  }

  const Options options;
};

/// Of a `use` that is shown under another name.
struct use_options {
  std::string target{};
};

value troupe_describe(const use_options& options);
void troupe_check(const use_options& options, option_check& report);

/// The untyped tree behind every pipeline: an immutable value, O(1) to copy. Nothing runs until it
/// is deployed.
///
/// A policy is a node with the protected stage as its first child. The children of `parallel`,
/// `branch` and `router` have keys; a `branch` or `router` may have one more child keyed `default`.
class plan {
public:
  struct child;
  struct node;

  /// A plan of one node. `name` may be empty: then it is shown under the name of its kind, or, for
  /// a policy, under the name of what it protects.
  [[nodiscard]] static plan make(plan_kind kind, std::string name, std::vector<child> children,
                                 std::shared_ptr<const plan_options> options = nullptr);
  template <class Options>
    requires(!std::is_convertible_v<Options, std::shared_ptr<const plan_options>>)
  [[nodiscard]] static plan make(plan_kind kind, std::string name, std::vector<child> children,
                                 Options options);
  /// `first`, then `next`; sequences without a name are spliced, so grouping does not matter.
  [[nodiscard]] static plan sequence(const plan& first, const plan& next);
  /// Stands for the pipeline registered under that name when the plan is deployed.
  [[nodiscard]] static plan use(std::string name);

  [[nodiscard]] plan_kind kind() const noexcept;
  /// The name given, or empty.
  [[nodiscard]] const std::string& given_name() const noexcept;
  /// The name that results carry.
  [[nodiscard]] const std::string& name() const noexcept;
  /// Of a `use`: the name of the pipeline it stands for, however it is shown.
  [[nodiscard]] const std::string& target() const noexcept;
  [[nodiscard]] const std::vector<child>& children() const noexcept;
  /// The same plan shown under another name; a policy passes it on to what it protects.
  [[nodiscard]] plan renamed(std::string name) const;
  [[nodiscard]] const plan_options* options() const noexcept;
  /// REQUIRES: the node was made with options of that type.
  template <class Options>
  [[nodiscard]] const Options& options_as() const {
    return static_cast<const options_of<Options>*>(options())->options;
  }
  /// True for a sequence without a name: its parent shows its entries as its own.
  [[nodiscard]] bool is_spliced() const noexcept;
  [[nodiscard]] bool is_policy() const noexcept;
  [[nodiscard]] bool same_node(const plan& other) const noexcept { return node_ == other.node_; }

  /// Finds what a `use` stands for; null when there is nothing of that name.
  using resolver = std::function<const plan*(const std::string&)>;

  /// Throws `infinite_fallback_error` for a fallback cycle, else `plan_error` with all issues of
  /// the whole tree. Trees of more than 200 levels or 100,000 stages are refused; the stages of a
  /// `use` count as its own.
  void validate(const resolver& find = nullptr) const;

  /// The whole configuration as a plain value; `use` nodes are described by what they stand for
  /// when it can be found. Throws `plan_error` for a tree too large to validate.
  [[nodiscard]] value describe(const resolver& find = nullptr) const;
  /// Equal for plans that behave the same, in every process: SHA-256 of the canonical bytes of
  /// `describe()`.
  [[nodiscard]] digest hash(const resolver& find = nullptr) const;

private:
  explicit plan(std::shared_ptr<const node> content) : node_(std::move(content)) {}
  std::shared_ptr<const node> node_;
};

struct plan::child {
  std::string key; ///< of a branch; empty where order alone counts
  plan stage;
};

template <class Options>
  requires(!std::is_convertible_v<Options, std::shared_ptr<const plan_options>>)
plan plan::make(plan_kind kind, std::string name, std::vector<child> children, Options options) {
  std::shared_ptr<const plan_options> shared =
      std::make_shared<options_of<Options>>(std::move(options));
  return make(kind, std::move(name), std::move(children), std::move(shared));
}

/// Returns the plan as an indented tree, one stage a line, with the options that differ from their
/// defaults. Very deep and very long trees are cut off with `…`.
[[nodiscard]] std::string to_string(const plan& tree);

} // namespace troupe
