#pragma once

#include <troupe/protocol/context.hpp>
#include <troupe/protocol/failure.hpp>
#include <troupe/protocol/ids.hpp>
#include <troupe/protocol/outcome.hpp>
#include <troupe/protocol/usage.hpp>
#include <troupe/protocol/value.hpp>

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace troupe {

/// A name that many results share: copying is O(1). Empty by default.
class shared_name {
public:
  shared_name() = default;
  shared_name(std::string text) : text_(std::make_shared<const std::string>(std::move(text))) {}
  shared_name(const char* text) : shared_name(std::string(text)) {}

  [[nodiscard]] const std::string& str() const noexcept;
  operator const std::string&() const noexcept { return str(); }
  friend bool operator==(const shared_name& left, const shared_name& right) {
    return left.str() == right.str();
  }
  // A template, so that text of every kind fits it better than a conversion to a name.
  template <class Text>
    requires(std::is_convertible_v<const Text&, std::string_view>)
  friend bool operator==(const shared_name& left, const Text& right) {
    return left.str() == std::string_view(right);
  }

private:
  std::shared_ptr<const std::string> text_;
};

struct step_result;

/// The result of the stage that undid another one, once it has run. Thread-safe: it is filled after
/// the result that holds it was made.
class compensation_slot {
public:
  compensation_slot() = default;
  explicit compensation_slot(std::shared_ptr<const step_result> result)
      : result_(std::move(result)) {}
  void fill(std::shared_ptr<const step_result> result);
  /// Null as long as nothing was undone.
  [[nodiscard]] std::shared_ptr<const step_result> get() const;

private:
  mutable std::mutex mutex_;
  std::shared_ptr<const step_result> result_;
};

/// What happened beside the output. A field is set only when it is true or holds something.
struct step_metadata {
  bool cache_hit = false;
  bool fallback_triggered = false; ///< a fallback ran and succeeded
  bool hedge_won = false;          ///< an extra attempt answered first
  std::shared_ptr<const step_result> primary_attempt_result{};
  std::shared_ptr<const step_result> fallback_attempt_result{}; ///< the one that ended the chain
  value executed_branch{};   ///< key of the branch taken, or a list of keys
  std::string exit_reason{}; ///< of a loop: `condition` or `max_iterations`
  std::shared_ptr<compensation_slot> undone_by{};

  /// What undid the stage, or null.
  [[nodiscard]] std::shared_ptr<const step_result> compensation() const {
    return undone_by ? undone_by->get() : nullptr;
  }
};

/// The one answer to a `step_request`: what came out, at what price, and how it went.
struct step_result {
  request_id id{}; ///< of the request this answers; 0 in histories
  shared_name name{};
  value output{};
  std::shared_ptr<const failure> why{}; ///< null on success
  context ctx{};                        ///< as it stands after the step; unchanged by what failed
  usage spent{}; ///< everything that ran, failed and repeated attempts included
  std::uint32_t attempts = 1;
  bool replayed = false; ///< comes from the run's journal: nothing was done for it now
  duration latency{};    ///< wall time, waits included
  std::shared_ptr<const step_metadata> metadata_{};
  std::vector<step_result> step_history{}; ///< of composites
  shared_name node{};                      ///< the process that ran it

  [[nodiscard]] bool success() const noexcept { return why == nullptr; }
  /// The failure's message; empty on success.
  [[nodiscard]] const std::string& feedback() const noexcept;
  [[nodiscard]] const step_metadata& metadata() const noexcept;
  [[nodiscard]] double cost_usd() const noexcept { return spent.cost_usd; }
  [[nodiscard]] std::int64_t token_counts() const noexcept { return spent.tokens; }
  [[nodiscard]] bool failed_with(failure_kind kind) const noexcept {
    return why && why->kind == kind;
  }
  /// Lets `change` edit the metadata; other holders of it see nothing.
  template <class Change>
  void edit_metadata(Change&& change) {
    auto copy =
        metadata_ ? std::make_shared<step_metadata>(*metadata_) : std::make_shared<step_metadata>();
    change(*copy);
    metadata_ = std::move(copy);
  }
};

/// Returns a result as a plain map: `name`, `success`, `output`, `attempts`, `latency_ms`,
/// `feedback`, `failure`, `cost_usd`, `token_counts`, `node`, `metadata`, `step_history`. This is
/// its JSON form too. The context is no part of it. Results that nest deeper than the codec takes
/// are cut off further down still, so what was cut is never encoded.
[[nodiscard]] value to_value(const step_result& result);

/// Reads what `to_value` wrote; `malformed` names the member that does not fit. Histories and
/// attempt results may nest 128 deep.
outcome<step_result> step_result_from(const value& content);

/// A failure as a plain map: `kind`, `message`, and where known `retry_after_ms`, `step`, `cause`.
[[nodiscard]] value to_value(const failure& why);
outcome<std::shared_ptr<const failure>> failure_from(const value& content);

/// A result as one value, without copying it: a native `step_result` whose plain form is
/// `to_value(result)`. This is what the output of a parallel block holds.
[[nodiscard]] value wrap_result(step_result result);
/// The result inside such a value, or null.
[[nodiscard]] const step_result* unwrap_result(const value& content) noexcept;

} // namespace troupe
