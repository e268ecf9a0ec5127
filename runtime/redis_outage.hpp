#pragma once

#include <troupe/protocol/time.hpp>

#include <string>
#include <utility>

namespace troupe {

/// Tells the first failure of an outage from the ones that follow. Pure: the clock is an argument.
class redis_outage {
public:
  /// A success between two failures ends an outage only when they are further apart than this.
  static constexpr duration quiet_time = std::chrono::seconds(5);

  void failed(const std::string& why, instant now) {
    if (!begun_ || (recovered_ && now - last_ > quiet_time)) news_ = why;
    begun_ = true;
    recovered_ = false;
    last_ = now;
  }
  void succeeded() { recovered_ = true; }
  /// What has not been told yet; empty when all has.
  [[nodiscard]] std::string take_news() { return std::exchange(news_, {}); }

private:
  bool begun_ = false;
  bool recovered_ = false;
  instant last_{};
  std::string news_;
};

} // namespace troupe
