#include "node_base.hpp"

#include <algorithm>
#include <stop_token>
#include <utility>

namespace troupe::nodes {

namespace {

// How long a link may be silent before it says who it is.
constexpr auto introduction_limit = std::chrono::seconds(5);

} // namespace

node_base::node_base(node_options options, std::unique_ptr<transport> wires,
                     std::function<instant()> clock)
    : options_(std::move(options)), wires_(std::move(wires)), clock_(std::move(clock)),
      queue_([this](node_event& event) { handle(event); },
             [this] {
               rest();
               flush_peers();
             }) {
  facts_.identity = make_node_identity(options_.name);
  facts_.role = to_string(options_.role);
  facts_.version = TROUPE_VERSION;
  facts_.labels = options_.labels;
  facts_.credit = options_.credit;
  facts_.heartbeat = options_.heartbeat;
  facts_.lost_after = options_.lost_after;
}

node_base::~node_base() = default;

void node_base::start_ticking() {
  const auto period = std::clamp<duration>(options_.heartbeat / 4, std::chrono::milliseconds(5),
                                           std::chrono::milliseconds(100));
  ticking_ = std::jthread([this, period](const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any waker;
    std::unique_lock lock(mutex);
    while (!stop.stop_requested()) {
      waker.wait_for(lock, stop, period, [] { return false; });
      post(tick{});
    }
  });
}

void node_base::stop_base() {
  if (ticking_.joinable()) {
    ticking_.request_stop();
    ticking_.join();
  }
  wires_->shut_down();
  queue_.close();
}

void node_base::on_open(const std::shared_ptr<link>& opened, std::uint64_t ticket) {
  post(link_opened{opened, ticket});
}

void node_base::on_frames(const std::shared_ptr<link>& from, std::vector<frame> frames) {
  post(link_spoke{from, std::move(frames)});
}

void node_base::on_closed(const std::shared_ptr<link>& gone, const std::string& why) {
  post(link_ended{gone, why});
}

void node_base::on_connect_failed(std::uint64_t ticket, const std::string& why) {
  post(connect_failed{ticket, why});
}

void node_base::in_turn(const std::function<void()>& what) {
  queue_.do_in_turn(what, [](auto job) { return node_event(errand{std::move(job)}); });
}

void node_base::handle(node_event& event) {
  if (auto* spoke = std::get_if<link_spoke>(&event)) return handle_frames(*spoke);
  if (auto* open = std::get_if<link_opened>(&event)) {
    const auto now = read_clock();
    const auto number = ++last_peer_;
    auto made = std::make_unique<peer>(
        peer{.number = number,
             .wire = open->opened,
             .detector = failure_detector({options_.heartbeat, options_.lost_after}, now),
             .opened = now,
             .spoken = now,
             .is_called = open->ticket != 0});
    auto& with = *peers_.emplace(number, std::move(made)).first->second;
    by_link_.emplace(with.wire.get(), number);
    return opened(with, open->ticket);
  }
  if (auto* end = std::get_if<link_ended>(&event)) {
    const auto found = by_link_.find(end->gone.get());
    if (found == by_link_.end()) return;
    const auto gone = std::move(peers_.extract(found->second).mapped());
    by_link_.erase(found);
    return ended(*gone, end->why);
  }
  if (auto* failed = std::get_if<connect_failed>(&event)) {
    return failed_to_connect(failed->ticket, failed->why);
  }
  if (auto* errand_to_do = std::get_if<errand>(&event)) return errand_to_do->what();
  if (std::holds_alternative<tick>(event)) {
    beat();
    return look(read_clock());
  }
  handle_other(event);
}

void node_base::handle_frames(link_spoke& event) {
  const auto found = by_link_.find(event.from.get());
  if (found == by_link_.end()) return;
  const auto number = found->second;
  auto& by = *peers_.at(number);
  by.detector.heard(read_clock());
  auto messages = by.talk.receive(std::move(event.frames));
  note_output(by);
  if (!messages) return drop(by, "it broke the protocol: " + messages.why().message);
  for (auto& each : *messages) {
    if (!find_peer(number)) return;
    if (each.kind == message_kind::heartbeat) by.load = each.item(0);
    else said(by, each);
  }
}

void node_base::beat() {
  const auto now = read_clock();
  std::vector<std::uint64_t> silent;
  value load;
  for (const auto& [number, each] : peers_) {
    const auto verdict = each->detector.look(now);
    if (!each->is_known) {
      if (now - each->opened > introduction_limit) silent.push_back(number);
      continue;
    }
    if (now - each->spoken >= options_.heartbeat) {
      if (load.is_null()) load = own_load();
      say(*each, write_frame(message_kind::heartbeat, {load}));
      each->spoken = now;
    }
    if (verdict == liveness::gone) silent.push_back(number);
    else judged(*each, verdict);
  }
  for (const auto number : silent) {
    if (auto* with = find_peer(number)) {
      drop(*with, "nothing was heard of it for "
                      + troupe::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(
                          with->detector.silence(now))));
    }
  }
}

void node_base::say(peer& to, frame body) {
  if (auto queued = to.talk.post(std::move(body)); !queued) tell(queued.why().message);
  note_output(to);
}

void node_base::note_output(peer& of) {
  if (!of.talk.has_output() || std::exchange(of.has_output, true)) return;
  with_output_.push_back(of.number);
}

void node_base::flush_peers() {
  for (const auto number : std::exchange(with_output_, {})) {
    auto* to = find_peer(number);
    if (!to) continue;
    to->has_output = false;
    if (is_quiet(*to)) to->wire->send_at_once(to->talk.take_output());
    else to->wire->send(to->talk.take_output());
  }
}

void node_base::drop(peer& with, const std::string& why) {
  const auto found = peers_.find(with.number);
  if (found == peers_.end()) return;
  if (with.talk.has_output()) with.wire->send(with.talk.take_output());
  const auto gone = std::move(found->second);
  peers_.erase(found);
  by_link_.erase(gone->wire.get());
  gone->wire->close();
  ended(*gone, why);
}

peer* node_base::find_peer(std::uint64_t number) {
  const auto found = peers_.find(number);
  return found == peers_.end() ? nullptr : found->second.get();
}

void node_base::set_connections(std::size_t count) {
  const std::scoped_lock lock(mutex_);
  connections_ = count;
  changed_.notify_all();
}

bool node_base::wait_for_connections(std::size_t count, duration limit) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, limit, [&] { return connections_ >= count; });
}

} // namespace troupe::nodes
