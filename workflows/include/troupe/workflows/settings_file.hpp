#pragma once

#include <troupe/protocol/value.hpp>
#include <troupe/workflows/step_registry.hpp>

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace troupe {

/// One setting that a file may have.
struct setting_field {
  std::string path; ///< `tls.ca` is the member `ca` of the map `tls`
  field_kind kind = field_kind::any;
  /// Reports what is wrong with the content beyond its kind; the fields it names are paths below
  /// this one, an empty one is the content itself.
  std::function<void(const value& content, const field_report& report)> check{};
};

/// One setting that a file has.
struct file_setting {
  std::string path;
  value content;
  std::size_t line = 1;
};

struct settings_file {
  std::vector<file_setting> settings{}; ///< what is right among them, in the order of the fields
  /// Everything that is wrong, as `FILE:LINE:COLUMN: error: MESSAGE`, each with its line and a
  /// caret; empty when nothing is.
  std::string errors{};
};

/// Reads a YAML file of settings. A member that is null counts as absent; one that no field names
/// is an error. Does not throw for what is in the file, or that it cannot be read.
[[nodiscard]] settings_file read_settings_file(const std::string& file,
                                               const std::vector<setting_field>& fields);

} // namespace troupe
