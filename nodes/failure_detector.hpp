#pragma once

#include <troupe/protocol/time.hpp>

#include <cstdint>

namespace troupe::nodes {

enum class liveness : std::uint8_t {
  alive,
  suspect, ///< silent for a while: gets no new work, loses none
  gone,    ///< silent for too long: given up
};

struct detector_options {
  duration heartbeat = std::chrono::milliseconds(500); ///< how often the other side speaks
  duration lost_after = std::chrono::seconds(10);      ///< of silence
};

/// Decides from what is heard of another process whether it lives. Suspects it after three missed
/// heartbeats, or half of `lost_after` where that is shorter. Pure: time is an argument.
///
/// A process that was stopped itself has heard nothing meanwhile either: a gap between two looks
/// of its own is not held against the other side.
class failure_detector {
public:
  failure_detector(detector_options options, instant now)
      : options_(options), heard_(now), looked_(now) {}

  void heard(instant now) noexcept { heard_ = now; }
  /// To be called about once a heartbeat.
  [[nodiscard]] liveness look(instant now) noexcept;
  [[nodiscard]] duration silence(instant now) const noexcept { return now - heard_; }

private:
  detector_options options_;
  instant heard_;
  instant looked_;
};

} // namespace troupe::nodes
