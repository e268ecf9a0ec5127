#pragma once

#include <troupe/protocol/context.hpp>
#include <troupe/protocol/outcome.hpp>
#include <troupe/protocol/value.hpp>

#include <cstdint>
#include <functional>

namespace troupe::actors {

/// What the outside tells a running step's call. No other stage uses these numbers: by `done` the
/// host knows an answer that came too late.
struct step_signals {
  static constexpr std::uint32_t done = 101;         ///< payload: outcome<value>
  static constexpr std::uint32_t set_alarm = 102;    ///< payload: alarm
  static constexpr std::uint32_t limit_broken = 103; ///< the run's usage limit; no payload

  struct alarm {
    instant due;
    std::function<void()> then;
  };
};

} // namespace troupe::actors
