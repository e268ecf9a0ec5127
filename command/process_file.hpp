#pragma once

#include <string>
#include <string_view>

namespace troupe::detail {

/// A file that says something about a running process: it appears with its whole content, and goes
/// with this object.
class process_file {
public:
  /// Throws `usage_error` when it cannot be written.
  process_file(std::string path, std::string_view content);
  ~process_file();
  process_file(process_file&& other) noexcept;
  process_file& operator=(process_file&&) = delete;

  /// Makes its time of change now.
  void renew() const;

private:
  std::string path_;
};

} // namespace troupe::detail
