#include "process_file.hpp"

#include "command_error.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

namespace troupe::detail {

process_file::process_file(std::string path, std::string_view content) : path_(std::move(path)) {
  const auto refuse = [&] {
    throw usage_error("cannot write " + path_ + ": " + std::generic_category().message(errno));
  };
  auto draft = path_ + ".XXXXXX";
  const auto file = ::mkostemp(draft.data(), O_CLOEXEC);
  if (file < 0) refuse();
  const auto written = ::write(file, content.data(), content.size());
  const auto fine = written == static_cast<ssize_t>(content.size());
  ::close(file);
  if (fine && ::rename(draft.c_str(), path_.c_str()) == 0) return;
  const auto error = errno;
  ::unlink(draft.c_str());
  errno = error;
  refuse();
}

process_file::~process_file() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

void process_file::renew() const {
  // Nothing depends on it here: who looks at the time takes the process for stuck.
  (void)!::utimensat(AT_FDCWD, path_.c_str(), nullptr, 0);
}

process_file::process_file(process_file&& other) noexcept
    : path_(std::exchange(other.path_, std::string())) {}

} // namespace troupe::detail
