#pragma once

#include "support/program_runner.hpp"

#include <filesystem>
#include <map>
#include <optional>
#include <string>

namespace troupe::testing {

/// Runs commands as a reader of the documents would: in a folder of its own that goes with it, with
/// this build's programs first in the PATH and the examples beside it.
class shell {
public:
  /// `environment` is what differs from that of this process.
  explicit shell(std::map<std::string, std::optional<std::string>> environment = {});
  ~shell();
  shell(const shell&) = delete;
  shell& operator=(const shell&) = delete;

  /// Runs it by `/bin/sh`, without a terminal and with nothing to read.
  [[nodiscard]] program_result run(const std::string& command,
                                   const std::filesystem::path& folder) const;
  [[nodiscard]] program_result run(const std::string& command) const {
    return run(command, folder_);
  }
  void write(const std::string& name, const std::string& text) const;
  [[nodiscard]] const std::filesystem::path& folder() const noexcept { return folder_; }

private:
  std::filesystem::path folder_;
  std::map<std::string, std::optional<std::string>> environment_;
};

/// The content of a file; throws `std::runtime_error` when it cannot be read.
[[nodiscard]] std::string read_text(const std::filesystem::path& file);

} // namespace troupe::testing
