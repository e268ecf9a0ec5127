#pragma once

#include <troupe/protocol/time.hpp>

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::service {

/// What a client asks for.
struct http_request {
  std::string method;
  std::vector<std::string> path; ///< the segments, decoded
  std::map<std::string, std::string, std::less<>> query{};
  std::string host{};
  std::string origin{};
  std::string authorization{};
  std::string accept{};
  std::string content_type{};
  std::string last_event_id{};
  std::string body{}; ///< empty as long as only the head has come
};

/// Fills in path and query from what stands in the request line; false when that cannot be read.
[[nodiscard]] bool read_target(std::string_view target, http_request& into);

/// A body that comes bit by bit. Used on one thread, but for the call of what `on_ready` was given.
class body_stream {
public:
  virtual ~body_stream() = default;
  /// Appends what there is by now, a piece of bounded size; false when nothing more will come.
  virtual bool next(std::string& piece) = 0;
  /// `ready` is called after each `next` that appended nothing, once there is something. Any
  /// thread; it does not block.
  virtual void on_ready(std::function<void()> ready) = 0;
};

struct http_response {
  int status = 200;
  std::string body{};
  std::string type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers{};
  std::unique_ptr<body_stream> stream{}; ///< instead of `body`
};

/// What a service does with requests.
struct http_service {
  /// Looks at the head before the body is read; a response refuses the request. Must not block.
  std::function<std::optional<http_response>(const http_request& head)> admit{};
  /// On a thread for handlers. What it throws becomes status 500.
  std::function<http_response(const http_request& request)> answer{};
  /// The response to what never became a request: too large, unreadable, too many.
  std::function<http_response(int status, const std::string& message)> refuse{};
};

} // namespace troupe::service
