#pragma once

#include <troupe/protocol/time.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace troupe {

struct http_queue_options {
  std::size_t max_active = 1'024;
  std::size_t max_host_active = 1'024;
  /// Looking up a name takes a thread each time its address is not known yet; so many requests to
  /// one host may do so at a time.
  std::size_t max_lookups = 4;
  duration address_known = std::chrono::seconds(50); ///< after a lookup
};

/// Decides which request goes next: one per host in turn, within the bounds, the oldest of a host
/// first. Pure: the clock is an argument.
class http_queue {
public:
  explicit http_queue(http_queue_options options) : options_(options) {}

  void wait(std::uint64_t id, const std::string& origin, instant deadline);
  /// The next request that may begin; it is active from here on.
  std::optional<std::uint64_t> next(instant now);
  /// An active request needs no lookup any more. `looked_up`: it has found the address of its host.
  void resolved(std::uint64_t id, bool looked_up, instant now);
  /// The requests that wait for the same host as this one.
  [[nodiscard]] std::vector<std::uint64_t> waiting_with(std::uint64_t id) const;
  /// A request ended, waiting or active.
  void leave(std::uint64_t id);

  /// A waiting request that has reached its deadline, the most overdue one.
  [[nodiscard]] std::optional<std::uint64_t> overdue(instant now) const;
  /// When the next waiting request becomes overdue.
  [[nodiscard]] instant first_deadline() const;
  [[nodiscard]] std::size_t active() const noexcept { return active_; }

private:
  struct host {
    std::size_t active = 0;
    std::size_t looking = 0;
    instant known_until{};
    std::set<std::uint64_t> waiting{}; // numbers grow with age, so this is the order of arrival
    bool listed = false;
  };
  struct place {
    host* where;
    instant deadline;
    bool active = false;
    bool resolved = false;
  };

  void list(host& where);
  [[nodiscard]] bool has_room(const host& where, instant now) const;

  http_queue_options options_;
  std::size_t active_ = 0;
  std::map<std::string, host> hosts_;
  std::unordered_map<std::uint64_t, place> places_;
  std::set<std::pair<instant, std::uint64_t>> deadlines_; // of waiting requests
  std::deque<host*> circle_;                              // hosts to be served in turn
};

} // namespace troupe
