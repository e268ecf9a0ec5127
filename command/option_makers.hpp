#pragma once

#include <CLI/CLI.hpp>

#include <optional>
#include <string>
#include <utility>

namespace troupe::detail {

inline CLI::App& add_command(CLI::App& app, const std::string& name, const std::string& summary,
                             const std::string& examples) {
  auto& made = *app.add_subcommand(name, summary);
  made.allow_extras();
  made.footer("Examples:\n" + examples);
  return made;
}

/// A value as it was written: CLI11 would take lists apart.
template <class Take>
CLI::Option& value_option(CLI::App& to, const std::string& names, const char* type, Take take,
                          const std::string& summary) {
  auto* made =
      to.add_option(names, CLI::callback_t([take = std::move(take)](const CLI::results_t& given) {
                      for (const auto& each : given) take(each);
                      return true;
                    }),
                    summary);
  return *made->type_name(type)->allow_extra_args(false);
}

inline CLI::Option& text_option(CLI::App& to, const std::string& names, const char* type,
                                std::optional<std::string>& target, const std::string& summary) {
  return value_option(
      to, names, type, [&target](const std::string& given) { target = given; }, summary);
}

inline CLI::Option& word_option(CLI::App& to, const std::string& name, std::string& target,
                                const std::string& summary) {
  return value_option(
      to, name, "", [&target](const std::string& given) { target = given; }, summary);
}

} // namespace troupe::detail
