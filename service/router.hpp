#pragma once

#include "http_message.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::service {

/// One thing that can be asked for, by method and path: `/v1/runs/{id}/cancel`.
struct route {
  std::string method;
  std::string pattern;
  /// Gets what stands for the words in braces, in their order.
  using handler =
      std::function<http_response(const http_request&, const std::vector<std::string>& words)>;
  handler answer;
};

/// Finds the handler of a request.
class router {
public:
  explicit router(std::vector<route> routes);

  struct match {
    const route* found = nullptr;
    std::vector<std::string> words{};
    std::string allowed{}; ///< methods of that path, when there is no route for this one
  };
  [[nodiscard]] match find(const http_request& request) const;
  [[nodiscard]] const std::vector<route>& routes() const noexcept { return routes_; }

private:
  std::vector<route> routes_;
  std::vector<std::vector<std::string>> patterns_; // in segments
};

} // namespace troupe::service
