#pragma once

#include <troupe/actors/run_event.hpp>
#include <troupe/service/cluster_view.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace troupe::service {

/// The turns of the blocks around an event, the outermost first: `/3/0`; empty without any.
[[nodiscard]] std::string turns_of(const run_event& event);

/// What one run waits for, concluded from its events. Pure: time comes with the events.
class wait_tracker {
public:
  void apply(const run_event& event);
  /// The chain as it stands at `now`, in the order of the places; no more than `most` of it.
  /// `retries_at` knows how many retries the stage at a path makes, 0 where it does not.
  [[nodiscard]] std::vector<wait_reason>
  reasons(instant now, std::size_t most,
          const std::function<std::uint32_t(const std::string&)>& retries_at) const;
  /// True when something is at work, or waits for anything.
  [[nodiscard]] bool empty(instant now) const;
  /// True while the run waits for a time that is known and not yet there.
  [[nodiscard]] bool sleeps(instant now) const;

private:
  struct place {
    std::string path;
    std::string turns;
    friend auto operator<=>(const place&, const place&) = default;
  };
  struct work {
    std::string step;
    std::uint32_t attempt = 0;
    instant since{};
    std::size_t count = 0; // a hedged step is at work more than once
  };
  enum class cause : std::uint8_t { retry, breaker, call, pause };
  struct wait {
    cause why = cause::call;
    std::string step;
    std::string text; // of the failure, the queue, or the prompt
    std::uint32_t attempt = 0;
    instant since{};
    std::optional<instant> until{};
  };

  void start(const run_event& event, place where);
  void finish(const place& where);
  void hold(place where, wait what);
  void release(const place& where);
  [[nodiscard]] static wait_reason describe(const place& where, const wait& what, instant now,
                                            std::uint32_t retries);

  std::map<place, work> at_work_;
  std::map<place, wait> waits_;
};

} // namespace troupe::service
