#include "support/simulated_network.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace troupe::testing {

using nodes::frame;
using nodes::link_handler;

void simulated_time::call_at(instant due, std::function<void()> what) {
  due_.emplace(std::pair(std::max(due, now_), ++last_), std::move(what));
}

bool simulated_time::step() {
  if (due_.empty()) return false;
  const auto next = due_.extract(due_.begin());
  now_ = next.key().first;
  next.mapped()();
  return true;
}

void simulated_process::perform(std::function<void()> what) {
  if (dead_) return;
  if (frozen_) held_.push_back(std::move(what));
  else what();
}

void simulated_process::perform_after(duration wait, std::function<void()> what) {
  time_.call_after(wait, [self = shared_from_this(), what = std::move(what)]() mutable {
    self->perform(std::move(what));
  });
}

void simulated_process::thaw() {
  frozen_ = false;
  while (!held_.empty() && !frozen_ && !dead_) {
    const auto what = std::move(held_.front());
    held_.pop_front();
    what();
  }
}

void simulated_process::die() {
  dead_ = true;
  // What it would have done may hold what holds the process.
  std::exchange(held_, {}).clear();
}

/// A connection: two ends, and what is under way between them.
class cable : public std::enable_shared_from_this<cable> {
public:
  cable(simulated_network& network, std::shared_ptr<simulated_process> caller,
        std::shared_ptr<simulated_process> called)
      : network_(network) {
    sides_[0].process = std::move(caller);
    sides_[1].process = std::move(called);
  }

  class end final : public nodes::link {
  public:
    end(std::weak_ptr<cable> whole, std::size_t side) : whole_(std::move(whole)), side_(side) {}
    void send(std::vector<frame> frames) override {
      if (const auto whole = whole_.lock()) whole->send(side_, std::move(frames));
    }
    void close() override {
      if (const auto whole = whole_.lock()) whole->close(side_);
    }
    [[nodiscard]] const nodes::link_peer& peer() const noexcept override { return peer_; }
    [[nodiscard]] std::size_t unsent_bytes() const noexcept override { return 0; }

  private:
    std::weak_ptr<cable> whole_;
    std::size_t side_;
    nodes::link_peer peer_{"simulated:1", {}};
  };

  void open(std::size_t side, const std::shared_ptr<link_handler>& handler, std::uint64_t ticket) {
    auto& of = sides_[side];
    of.handler = handler;
    of.plug = std::make_shared<end>(weak_from_this(), side);
    of.process->perform([self = shared_from_this(), side, ticket] {
      auto& opened = self->sides_[side];
      if (opened.gone) return;
      if (const auto alive = opened.handler.lock()) alive->on_open(opened.plug, ticket);
    });
  }

  [[nodiscard]] std::size_t machine(std::size_t side) const {
    return sides_[side].process->machine();
  }
  [[nodiscard]] bool has(const simulated_process& process) const {
    return sides_[0].process.get() == &process || sides_[1].process.get() == &process;
  }
  [[nodiscard]] bool is_over() const { return sides_[0].gone && sides_[1].gone; }

  // Nothing of what is under way arrives any more.
  void reset() {
    for (std::size_t side = 0; side < 2; ++side) {
      sides_[side].stalled.clear();
      ++sides_[side].generation;
      hang_up(side, "the connection was reset");
    }
  }

  void end_process(const simulated_process& gone, bool is_seen) {
    const std::size_t side = sides_[0].process.get() == &gone ? 0 : 1;
    sides_[side].gone = true;
    if (is_seen) send_item(side, std::nullopt);
  }

  void flush(std::size_t from) {
    auto& of = sides_[from];
    while (!of.stalled.empty() && !network_.is_cut(machine(from), machine(1 - from))) {
      auto next = std::move(of.stalled.front());
      of.stalled.pop_front();
      arrive(from, std::move(next));
    }
  }

private:
  using item = std::optional<std::vector<frame>>; // nothing: the end of the stream

  struct half {
    std::shared_ptr<simulated_process> process{};
    std::weak_ptr<link_handler> handler{};
    std::shared_ptr<end> plug{};
    bool gone = false; ///< it has closed, or heard of the end
    // Of what it sends:
    instant last_arrival{};
    std::deque<item> stalled{};
    std::uint64_t generation = 0;
  };

  void send(std::size_t from, std::vector<frame> frames) {
    if (!sides_[from].gone && !sides_[from].process->is_dead()) send_item(from, std::move(frames));
  }

  void send_item(std::size_t from, item what) {
    auto& of = sides_[from];
    auto& time = network_.time_;
    const auto due = later(time.now(), time.up_to(network_.options_.longest_delay));
    const auto overtakes = time.chance(network_.options_.exchanged);
    if (!overtakes) of.last_arrival = std::max(of.last_arrival, due);
    time.call_at(overtakes ? due : of.last_arrival, [self = shared_from_this(), from,
                                                     generation = of.generation,
                                                     what = std::move(what)]() mutable {
      auto& sender = self->sides_[from];
      if (sender.generation != generation) return;
      const auto is_cut = self->network_.is_cut(self->machine(from), self->machine(1 - from));
      if (is_cut || !sender.stalled.empty()) sender.stalled.push_back(std::move(what));
      else self->arrive(from, std::move(what));
    });
  }

  void arrive(std::size_t from, item what) {
    const auto to = 1 - from;
    if (!what) return hang_up(to, "the peer closed the connection");
    if (network_.tamper) network_.tamper(machine(from), machine(to), *what);
    network_.damage(*what);
    sides_[to].process->perform(
        [self = shared_from_this(), to, frames = std::move(*what)]() mutable {
          auto& receiver = self->sides_[to];
          if (receiver.gone) return;
          if (const auto alive = receiver.handler.lock()) {
            alive->on_frames(receiver.plug, std::move(frames));
          }
        });
  }

  void close(std::size_t from) {
    if (sides_[from].gone) return;
    send_item(from, std::nullopt);
    hang_up(from, "closed here");
  }

  void hang_up(std::size_t at, std::string why) {
    sides_[at].process->perform([self = shared_from_this(), at, why = std::move(why)] {
      auto& of = self->sides_[at];
      if (std::exchange(of.gone, true)) return;
      if (const auto alive = of.handler.lock()) alive->on_closed(of.plug, why);
      // Who hears of the end closes too.
      self->send_item(at, std::nullopt);
    });
  }

  simulated_network& network_;
  std::array<half, 2> sides_{};
};

/// The network as one process sees it.
class simulated_wires final : public nodes::transport {
public:
  simulated_wires(simulated_network& network, std::shared_ptr<simulated_process> of)
      : network_(network), of_(std::move(of)) {}

  outcome<endpoint> listen(const endpoint& where, std::shared_ptr<link_handler> handler) override {
    network_.listening_[where.port] = {of_, handler};
    return where;
  }
  void connect(const endpoint& where, std::uint64_t ticket,
               std::shared_ptr<link_handler> handler) override {
    network_.connect(of_, where.port, ticket, handler);
  }
  [[nodiscard]] const nodes::transport_counters& counters() const noexcept override {
    return counters_;
  }
  void shut_down() override {}

private:
  simulated_network& network_;
  std::shared_ptr<simulated_process> of_;
  nodes::transport_counters counters_;
};

simulated_network::~simulated_network() = default;

std::unique_ptr<nodes::transport>
simulated_network::wires_of(const std::shared_ptr<simulated_process>& of) {
  return std::make_unique<simulated_wires>(*this, of);
}

void simulated_network::connect(const std::shared_ptr<simulated_process>& from, std::uint16_t port,
                                std::uint64_t ticket,
                                const std::shared_ptr<link_handler>& handler) {
  const auto wait = time_.up_to(options_.longest_delay);
  const auto fail = [&](duration after) {
    from->perform_after(after, [handler = std::weak_ptr(handler), ticket] {
      if (const auto alive = handler.lock()) alive->on_connect_failed(ticket, "no answer");
    });
  };
  const auto found = listening_.find(port);
  const auto called = found == listening_.end() ? nullptr : found->second.process.lock();
  const auto acceptor = found == listening_.end() ? nullptr : found->second.handler.lock();
  if (!called || called->is_dead() || !acceptor) return fail(wait);
  if (is_cut(from->machine(), called->machine()) || is_cut(called->machine(), from->machine())) {
    return fail(std::chrono::seconds(2));
  }
  time_.call_after(wait, [this, from, called, ticket, handler = std::weak_ptr(handler),
                          acceptor = std::weak_ptr(acceptor)] {
    const auto caller = handler.lock();
    const auto answering = acceptor.lock();
    if (!caller || from->is_dead()) return;
    auto made = std::make_shared<cable>(*this, from, called);
    std::erase_if(cables_, [](const auto& each) { return each->is_over(); });
    cables_.push_back(made);
    if (answering && !called->is_dead()) made->open(1, answering, 0);
    else made->end_process(*called, true);
    made->open(0, caller, ticket);
  });
}

void simulated_network::heal(std::size_t from, std::size_t to) {
  if (cuts_.erase({from, to}) == 0) return;
  const auto all = cables_;
  for (const auto& each : all) {
    for (std::size_t side = 0; side < 2; ++side) {
      if (each->machine(side) == from && each->machine(1 - side) == to) each->flush(side);
    }
  }
}

void simulated_network::heal_all() {
  while (!cuts_.empty()) {
    const auto [from, to] = *cuts_.begin();
    heal(from, to);
  }
}

void simulated_network::reset(std::size_t one, std::size_t other) {
  const auto all = cables_;
  for (const auto& each : all) {
    const auto ends = std::pair(each->machine(0), each->machine(1));
    if (ends == std::pair(one, other) || ends == std::pair(other, one)) each->reset();
  }
}

void simulated_network::end_process(const simulated_process& gone, bool is_seen) {
  const auto all = cables_;
  for (const auto& each : all) {
    if (each->has(gone)) each->end_process(gone, is_seen);
  }
}

void simulated_network::damage(std::vector<frame>& frames) {
  if (options_.lost + options_.repeated + options_.exchanged == 0) return;
  std::vector<frame> damaged;
  for (auto& each : frames) {
    if (time_.chance(options_.lost)) continue;
    if (time_.chance(options_.repeated)) damaged.push_back(each);
    damaged.push_back(std::move(each));
    const auto last = damaged.size() - 1;
    if (last > 0 && time_.chance(options_.exchanged)) std::swap(damaged[last], damaged[last - 1]);
  }
  frames = std::move(damaged);
}

} // namespace troupe::testing
