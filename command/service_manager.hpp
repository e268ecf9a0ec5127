#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::detail {

/// The service manager that has started this process, if there is one that wants to be told how it
/// is: by datagrams to the socket in `NOTIFY_SOCKET`, as sd_notify(3) documents. Takes the
/// variables out of the environment, so that programs started from here do not speak for it.
class service_manager {
public:
  /// REQUIRES: no other thread reads the environment meanwhile.
  service_manager();
  ~service_manager();
  service_manager(const service_manager&) = delete;
  service_manager& operator=(const service_manager&) = delete;

  /// `READY=1`, `STOPPING=1`, `STATUS=…`: several go on lines of their own.
  void tell(std::string_view state) const;
  /// How often it wants to hear `WATCHDOG=1`, if at all; to be on the safe side, twice as often.
  [[nodiscard]] std::optional<std::chrono::microseconds> watchdog() const { return watchdog_; }

private:
  int socket_ = -1;
  std::string address_;
  std::optional<std::chrono::microseconds> watchdog_;
};

} // namespace troupe::detail
