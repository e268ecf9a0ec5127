#pragma once

#include <troupe/nodes/node.hpp>
#include <troupe/protocol/value.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace troupe::detail {

/// What settings are read into: the options of a node, and what leads to some of them.
struct node_setup {
  node_options options{};
  std::string api_token_file{};
};

/// Where a setting goes, and so which type it has.
using setting_place =
    std::variant<node_role& (*)(node_setup&), std::string& (*)(node_setup&), bool& (*)(node_setup&),
                 std::size_t& (*)(node_setup&), duration& (*)(node_setup&),
                 endpoint& (*)(node_setup&), std::vector<endpoint>& (*)(node_setup&),
                 std::map<std::string, std::string>& (*)(node_setup&)>;

/// One setting of a node: its place in a file, its environment variable and its option.
struct node_setting {
  const char* path; ///< in the file; `tls.ca` is the member `ca` of `tls`
  const char* type; ///< what help calls its content
  const char* summary;
  setting_place place;
  std::int64_t least = 0;          ///< of a number; of a duration, in nanoseconds
  std::int64_t most = 100'000'000; ///< of a number
  std::uint16_t port = 0;          ///< of addresses that name none

  [[nodiscard]] std::string option() const;   ///< `--tls-ca`
  [[nodiscard]] std::string variable() const; ///< `TROUPE_TLS_CA`
  [[nodiscard]] bool is_file() const;
};

/// All there are, in the order of the documentation.
[[nodiscard]] const std::vector<node_setting>& all_node_settings();

/// Where settings may come from, the weakest first.
struct settings_sources {
  std::vector<std::string> files{};
  std::function<std::optional<std::string>(const std::string& name)> environment{};
  std::map<std::string, std::string> options{}; ///< as they were written, by path
};

/// The settings of a node that have won, and where they came from.
class node_settings {
public:
  /// Throws a complete `usage_error` with everything that is wrong in any of the sources.
  node_settings(const std::string& program, const settings_sources& from);

  /// `default`, `FILE:LINE`, `TROUPE_NAME` or `--option`.
  [[nodiscard]] const std::string& origin(const std::string& path) const;
  [[nodiscard]] bool given(const std::string& path) const { return origins_.contains(path); }
  /// As a file would have it; null for what has no content.
  [[nodiscard]] value content(const node_setting& which) const;
  /// Where the token of the API comes from: a place as `origin` has them, empty when there is none.
  [[nodiscard]] const std::string& token_origin() const noexcept { return token_origin_; }
  /// Of a node that starts: the token is read now. Throws `usage_error`.
  [[nodiscard]] node_options options() const;

private:
  void find_token(const settings_sources& from);

  node_setup setup_{};
  std::map<std::string, std::string> origins_{};
  std::string token_{};
  std::string token_file_{};
  std::string token_origin_{};
};

/// Names the file of `--ready-file`.
inline constexpr auto ready_file_variable = "TROUPE_READY_FILE";
/// The environment of the process; a variable that is empty is not set.
[[nodiscard]] std::optional<std::string> variable_of_process(const std::string& name);
/// The settings of this process: those of the file or, when none is named, of `TROUPE_CONFIG` or
/// the system's file and the user's; of the environment; and these options.
[[nodiscard]] node_settings settings_of_process(const std::string& program,
                                                const std::optional<std::string>& file,
                                                const std::map<std::string, std::string>& options);
/// A line for each variable that looks like a setting and is none.
[[nodiscard]] std::vector<std::string> misspelled_variables();

} // namespace troupe::detail
