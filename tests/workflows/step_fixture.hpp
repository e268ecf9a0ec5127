#pragma once

#include <troupe/protocol/json.hpp>
#include <troupe/runtime/testing.hpp>
#include <troupe/workflows/script_book.hpp>
#include <troupe/workflows/step_registry.hpp>

#include <gmock/gmock.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::testing {

/// What a file with these members would hold.
inline value_template template_of(const value& content) {
  if (const auto* text = content.if_text())
    return {text_template::compile(*text, expression_scope::names), *text};
  if (const auto* items = content.if_list()) {
    std::vector<value_template> parts;
    for (const auto& each : *items) parts.push_back(template_of(each));
    return value_template::list(std::move(parts));
  }
  const auto* members = content.if_map();
  if (!members) return {content};
  std::vector<std::pair<std::string, value_template>> parts;
  for (const auto& [key, item] : *members) parts.emplace_back(key, template_of(item));
  return value_template::map(std::move(parts));
}

/// Steps of the types that ship, made of their `with` as JSON, in virtual time.
class StepFixture : public ::testing::Test {
protected:
  [[nodiscard]] step_settings settings(std::string_view with, std::string name = "s") const {
    return {std::move(name), template_of(parse_json(with).value()),
            std::make_shared<const step_surroundings>(surroundings)};
  }

  /// What a file with this step would be told, as `member: message`.
  [[nodiscard]] std::vector<std::string> complaints(std::string_view type,
                                                    std::string_view with) const {
    std::vector<std::string> found;
    const auto& check = type_of(type).check;
    if (check)
      check(settings(with), [&](const std::string& field, const std::string& message) {
        found.push_back(field + ": " + message);
      });
    return found;
  }

  [[nodiscard]] step_definition definition(std::string_view type, std::string_view with,
                                           std::string name = "s") const {
    return type_of(type).make(settings(with, std::move(name)));
  }

  [[nodiscard]] step<value, value> make(std::string_view type, std::string_view with,
                                        std::string name = "s") const {
    return {name, definition(type, with, name)};
  }

  run_result run(const step<value, value>& what, value input = {}, run_options how = {}) {
    return rt.deploy(what).start_value(std::move(input), std::move(how)).result();
  }

  run_result run(std::string_view type, std::string_view with, value input = {}) {
    return run(make(type, with), std::move(input));
  }

  /// Virtual time since the test began.
  [[nodiscard]] duration elapsed() const { return rt.now() - instant(); }

  virtual_runtime rt{{.log = false, .random_seed = 1}};
  step_registry registry;
  step_surroundings surroundings{.scripts = std::make_shared<script_book>()};

private:
  [[nodiscard]] const step_type& type_of(std::string_view type) const {
    const auto* found = registry.find(type);
    if (!found) throw std::invalid_argument("no step type " + std::string(type));
    return *found;
  }
};

} // namespace troupe::testing
