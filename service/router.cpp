#include "router.hpp"

#include <optional>
#include <utility>

namespace troupe::service {

namespace {

std::vector<std::string> segments_of(const std::string& pattern) {
  http_request read;
  (void)read_target(pattern, read);
  return read.path;
}

std::optional<std::vector<std::string>> fit(const std::vector<std::string>& pattern,
                                            const std::vector<std::string>& path) {
  if (pattern.size() != path.size()) return std::nullopt;
  std::vector<std::string> words;
  for (std::size_t at = 0; at < path.size(); ++at) {
    if (pattern[at].starts_with('{')) {
      if (path[at].empty()) return std::nullopt;
      words.push_back(path[at]);
    } else if (pattern[at] != path[at]) {
      return std::nullopt;
    }
  }
  return words;
}

} // namespace

router::router(std::vector<route> routes) : routes_(std::move(routes)) {
  for (const auto& each : routes_) patterns_.push_back(segments_of(each.pattern));
}

router::match router::find(const http_request& request) const {
  match result;
  for (std::size_t at = 0; at < routes_.size(); ++at) {
    auto words = fit(patterns_[at], request.path);
    if (!words) continue;
    if (routes_[at].method == request.method) return {&routes_[at], *std::move(words), {}};
    result.allowed += (result.allowed.empty() ? "" : ", ") + routes_[at].method;
  }
  return result;
}

} // namespace troupe::service
