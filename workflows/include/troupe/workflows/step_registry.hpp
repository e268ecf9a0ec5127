#pragma once

#include <troupe/actors/step_host.hpp>
#include <troupe/runtime/http_steps.hpp>
#include <troupe/runtime/step.hpp>
#include <troupe/workflows/value_template.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe {

class script_book;

/// What a member of `with` holds.
enum class field_kind : std::uint8_t { any, text, integer, number, boolean, length, list, map };

[[nodiscard]] std::string_view to_string(field_kind kind);

/// One member of the `with` of a step type.
struct step_field {
  std::string name;
  field_kind kind = field_kind::any;
  bool required = false;
  std::string summary{}; ///< for people, with the default
};

/// What the steps of one file share.
struct step_surroundings {
  value env{};                                 ///< the environment variables that the file lists
  std::map<std::string, token_price> prices{}; ///< of models, by name
  std::shared_ptr<script_book> scripts{};
};

/// The `with` of one step of a file. An immutable value.
class step_settings {
public:
  step_settings(std::string name, value_template with,
                std::shared_ptr<const step_surroundings> surroundings);

  [[nodiscard]] const std::string& name() const noexcept { return name_; } ///< of the step
  [[nodiscard]] const value_template& with() const noexcept { return with_; }
  [[nodiscard]] const step_surroundings& surroundings() const noexcept { return *surroundings_; }
  /// The member as the file has it; null when it is absent or depends on the call.
  [[nodiscard]] value fixed(std::string_view field) const;
  [[nodiscard]] bool has(std::string_view field) const { return with_.find(field) != nullptr; }
  /// All members for one call. What goes wrong in an expression is a `permanent` failure.
  outcome<value> resolve(const value& input, const step_context& call) const;
  outcome<value> resolve(const value_template& part, const value& input,
                         const step_context& call) const;

private:
  std::string name_;
  value_template with_;
  std::shared_ptr<const step_surroundings> surroundings_;
};

/// Takes what is wrong with the `with` of a step: the member, as a path such as `script.0.after`,
/// and what was expected instead: `must be at least 1`.
using field_report = std::function<void(const std::string& field, const std::string& message)>;

/// What `uses: TYPE` stands for.
struct step_type {
  std::string summary{};
  std::vector<step_field> fields{};
  bool takes_other_fields = false; ///< any further member is fine
  bool keeps_secrets = false;      ///< plans show a sum of its `with` instead of the content
  /// Checks constant members beyond their kind, when the file is read. What is not constant has to
  /// be checked at each call.
  std::function<void(const step_settings&, const field_report&)> check{};
  /// Makes the step. `type`, `identity` and `parameters` of the definition are filled in by the
  /// reader of the file. Must not throw for settings that `check` has nothing against.
  std::function<step_definition(const step_settings&)> make{};
};

/// The step types that workflow files may use, by name. Holds those that ship with troupe from the
/// start.
class step_registry {
public:
  step_registry();

  /// Adds a type; one that was there before is replaced.
  void add(std::string type, step_type about);
  /// Adds a function of the input; it may take a `step_context&` after it. It runs on the runtime's
  /// thread pool and has to be thread-safe. Steps of this type take no `with`.
  template <class F>
    requires(!std::is_convertible_v<F, step_type>)
  void add(std::string type, F f, step_options options = {}) {
    using In = detail::input_of<F>;
    using Out = detail::output_of<F>;
    step_type about;
    about.make = [definition = step<In, Out>("", std::move(f), std::move(options))
                                   .tree()
                                   .template options_as<step_definition>()](const step_settings&) {
      return definition;
    };
    add(std::move(type), std::move(about));
  }
  /// Null when there is none of that name.
  [[nodiscard]] const step_type* find(std::string_view type) const;
  [[nodiscard]] std::vector<std::string> types() const;

  /// Adds a pipeline that files may use as `pipeline: NAME`.
  template <stage Stage>
  void add_pipeline(std::string name, const Stage& what) {
    pipelines_.insert_or_assign(std::move(name), what.tree());
  }
  [[nodiscard]] const std::map<std::string, plan>& pipelines() const noexcept { return pipelines_; }

private:
  std::map<std::string, step_type, std::less<>> types_;
  std::map<std::string, plan> pipelines_;
};

} // namespace troupe
