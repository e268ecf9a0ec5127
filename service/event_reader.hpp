#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace troupe::service {

/// One server-sent event.
struct sent_event {
  std::string kind = "message";
  std::string data{};
  std::string id{}; ///< of the last event that had one
};

/// Takes a stream of server-sent events apart as it comes (WHATWG HTML, 9.2.6).
class event_reader {
public:
  /// `take` returns false when it wants no more.
  explicit event_reader(std::function<bool(const sent_event&)> take) : take_(std::move(take)) {}

  /// Returns false once `take` has done so.
  bool feed(std::string_view bytes);
  [[nodiscard]] const std::string& last_id() const noexcept { return last_id_; }

private:
  bool on_line(std::string_view line);
  bool dispatch();

  std::function<bool(const sent_event&)> take_;
  std::string line_;
  bool after_return_ = false;
  bool begun_ = false;
  std::string kind_;
  std::string data_;
  bool has_data_ = false;
  std::string last_id_;
};

} // namespace troupe::service
