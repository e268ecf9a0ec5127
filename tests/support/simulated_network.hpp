#pragma once

#include "link.hpp"

#include <troupe/policies/random.hpp>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace troupe::testing {

/// Time and chance of a world without threads: what is to happen later happens in the order of its
/// time.
class simulated_time {
public:
  explicit simulated_time(std::uint64_t seed) : random_(seed) {}

  [[nodiscard]] instant now() const noexcept { return now_; }
  void call_at(instant due, std::function<void()> what);
  void call_after(duration wait, std::function<void()> what) {
    call_at(later(now_, wait), std::move(what));
  }
  /// Moves on to the next thing; false when there is none.
  bool step();
  void forget_everything() { due_.clear(); }

  [[nodiscard]] std::size_t below(std::size_t bound) {
    return static_cast<std::size_t>(random_.next() % bound);
  }
  [[nodiscard]] bool chance(double share) { return random_.unit() < share; }
  [[nodiscard]] duration up_to(duration most) {
    return duration(static_cast<duration::rep>(random_.unit() * static_cast<double>(most.count())));
  }
  [[nodiscard]] duration between(duration least, duration most) {
    return least + up_to(most - least);
  }

private:
  random_source random_;
  instant now_{};
  std::uint64_t last_ = 0;
  std::map<std::pair<instant, std::uint64_t>, std::function<void()>> due_;
};

/// A process: what is to happen in it happens as long as it lives, and after a stop all at once.
class simulated_process : public std::enable_shared_from_this<simulated_process> {
public:
  simulated_process(simulated_time& time, std::size_t machine, std::uint64_t number)
      : time_(time), machine_(machine), number_(number) {}

  void perform(std::function<void()> what);
  void perform_after(duration wait, std::function<void()> what);
  void freeze() noexcept { frozen_ = true; }
  void thaw();
  void die();
  [[nodiscard]] bool is_dead() const noexcept { return dead_; }
  [[nodiscard]] bool is_frozen() const noexcept { return frozen_; }
  /// Machines stay when processes end.
  [[nodiscard]] std::size_t machine() const noexcept { return machine_; }
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }

private:
  simulated_time& time_;
  std::size_t machine_;
  std::uint64_t number_;
  bool dead_ = false;
  bool frozen_ = false;
  std::deque<std::function<void()>> held_;
};

struct network_options {
  duration longest_delay = std::chrono::milliseconds(2);
  /// Of frames that are lost, repeated or exchanged with the next one inside of a link.
  double lost = 0;
  double repeated = 0;
  double exchanged = 0;
};

/// Connections between processes, in order and whole like TCP's unless told otherwise.
class simulated_network {
public:
  simulated_network(simulated_time& time, network_options options)
      : time_(time), options_(options) {}
  ~simulated_network();

  /// The network as one process sees it.
  [[nodiscard]] std::unique_ptr<nodes::transport>
  wires_of(const std::shared_ptr<simulated_process>& of);

  /// Nothing that one machine sends reaches the other one until `heal`.
  void cut(std::size_t from, std::size_t to) { cuts_.insert({from, to}); }
  void heal(std::size_t from, std::size_t to);
  void heal_all();
  /// Ends every link between two machines; what is under way is lost.
  void reset(std::size_t one, std::size_t other);
  /// Ends the links of a process that is gone: its peers see it at once, or (when the machine lost
  /// its power) never.
  void end_process(const simulated_process& gone, bool is_seen);

  /// Looks at frames before they arrive, and may change them.
  std::function<void(std::size_t from, std::size_t to, std::vector<nodes::frame>&)> tamper;

private:
  friend class simulated_wires;
  friend class cable;
  struct listener {
    std::weak_ptr<simulated_process> process;
    std::weak_ptr<nodes::link_handler> handler;
  };

  void connect(const std::shared_ptr<simulated_process>& from, std::uint16_t port,
               std::uint64_t ticket, const std::shared_ptr<nodes::link_handler>& handler);
  [[nodiscard]] bool is_cut(std::size_t from, std::size_t to) const {
    return cuts_.count({from, to}) > 0;
  }
  void damage(std::vector<nodes::frame>& frames);

  simulated_time& time_;
  network_options options_;
  std::map<std::uint16_t, listener> listening_;
  std::set<std::pair<std::size_t, std::size_t>> cuts_;
  std::vector<std::shared_ptr<class cable>> cables_;
};

} // namespace troupe::testing
