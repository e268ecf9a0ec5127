#pragma once

#include "yaml_document.hpp"

#include <troupe/expressions/expression.hpp>
#include <troupe/policies/breaker.hpp>
#include <troupe/policies/cache.hpp>
#include <troupe/protocol/plan.hpp>
#include <troupe/protocol/time.hpp>
#include <troupe/protocol/value.hpp>
#include <troupe/workflows/step_registry.hpp>
#include <troupe/workflows/value_template.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe {

/// Reads the members of a workflow file and gathers what is wrong with them, each with its place
/// and a rule id. Everything that reads a part of a file is built on this.
class file_reader {
public:
  explicit file_reader(source_text source) : source_(std::move(source)) {}

  [[nodiscard]] const source_text& source() const noexcept { return source_; }
  [[nodiscard]] std::vector<diagnostic>& found() noexcept { return found_; }
  [[nodiscard]] std::size_t errors() const;
  [[nodiscard]] bool has_error_at(text_position at) const;

  void error(text_position at, std::string_view rule, const std::string& message);
  void warn(text_position at, std::string_view rule, const std::string& message);

  /// True when the node is a map; else reports that `what` must be one.
  bool is_map(const yaml_node& node, std::string_view what);
  bool is_list(const yaml_node& node, std::string_view what);
  /// Reports every member whose key is not among `known`.
  void check_keys(const yaml_node& map, std::string_view what, std::vector<std::string> known);

  /// Reports every member whose key is empty.
  void check_names(const yaml_node& map, std::string_view what);

  // Readers of one scalar: nothing when it is something else, which is reported.
  std::optional<std::string> text(const yaml_node& node, std::string_view what);
  std::optional<std::int64_t> integer(const yaml_node& node, std::string_view what);
  std::optional<int> small_integer(const yaml_node& node, std::string_view what);
  std::optional<double> number(const yaml_node& node, std::string_view what);
  std::optional<bool> boolean(const yaml_node& node, std::string_view what);
  std::optional<duration> length(const yaml_node& node, std::string_view what);
  /// A list of texts.
  std::optional<std::vector<std::string>> texts(const yaml_node& node, std::string_view what);
  /// One of these words; reports the near miss.
  std::optional<std::string> word(const yaml_node& node, std::string_view what,
                                  const std::vector<std::string>& words);

  /// Reports what `troupe_check` has against options, at the members they were read from.
  template <class Options>
  void check_options(const Options& options, const yaml_node& node, std::string_view what) {
    std::vector<plan_issue> issues;
    option_check report("", "", issues);
    troupe_check(options, report);
    report_issues(issues, node, what);
  }
  void report_issues(const std::vector<plan_issue>& issues, const yaml_node& node,
                     std::string_view what);

  /// Environment variables that expressions may read.
  std::set<std::string> listed_env{};

  /// Compiles a bare expression, or one in `${{ … }}`; nothing when it is none, which is reported.
  std::optional<expression> compile(const yaml_node& node, std::string_view what,
                                    std::span<const std::string_view> variables);
  /// The content of a node, its texts as templates.
  value_template templates(const yaml_node& node, std::span<const std::string_view> variables);

private:
  void wrong_type(const yaml_node& node, std::string_view what, std::string_view expected);
  void check_env(const expression& made, const yaml_node& node, std::size_t offset);

  source_text source_;
  std::vector<diagnostic> found_;
};

} // namespace troupe
