#pragma once

#include "http_message.hpp"

#include <troupe/protocol/outcome.hpp>
#include <troupe/protocol/value.hpp>
#include <troupe/service/run_book.hpp>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

namespace troupe::service {

/// Thrown for a request that is answered with that status instead.
class request_error : public std::runtime_error {
public:
  request_error(int status, const std::string& message)
      : std::runtime_error(message), status_(status) {}
  [[nodiscard]] int status() const noexcept { return status_; }

private:
  int status_;
};

[[nodiscard]] http_response json_response(const value& content, int status = 200);
/// `missing` is the status of a `permanent` failure.
[[nodiscard]] http_response failure_response(const failure& why, int missing);

// Each throws `request_error`.

/// The body of a request: a JSON object, null when it is empty.
[[nodiscard]] value object_of(const http_request& request);
[[nodiscard]] submission submission_of(const http_request& request);
[[nodiscard]] run_filter filter_of(const http_request& request);
[[nodiscard]] std::uint64_t number_of(const http_request& request, const std::string& name,
                                      std::uint64_t otherwise, std::uint64_t most);

/// The events of a run as server-sent events, to its end.
[[nodiscard]] std::unique_ptr<body_stream> stream_of(std::unique_ptr<event_viewer> viewer);

} // namespace troupe::service
