#include "link_loop.hpp"

#include "frame_buffer.hpp"
#include "tcp_link.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/io/broker.hpp>
#include <caf/io/middleman.hpp>
#include <caf/io/network/default_multiplexer.hpp>
#include <caf/io/network/stream_impl.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <condition_variable>
#include <unordered_set>

namespace troupe::nodes {

namespace {

using caf::io::network::operation;
using caf::io::network::rw_state;
using signal_atom = caf::atom_constant<caf::atom("signal")>;
using linger_atom = caf::atom_constant<caf::atom("linger")>;

constexpr std::size_t read_bytes = std::size_t{64} << 10;
/// How often a link may fill its buffer before the others get their turn.
constexpr std::size_t reads_in_a_row = 4;
/// How much it may write before that.
constexpr std::size_t write_bytes = std::size_t{256} << 10;

/// What the links of a loop share.
struct loop_state {
  loop_state(const transport_options& from, transport_counters& counted)
      : options(from), counters(counted) {}

  void add(const std::shared_ptr<tcp_link>& made) {
    const std::scoped_lock lock(mutex);
    links.insert(made);
  }
  void remove(const std::shared_ptr<tcp_link>& gone) {
    const std::scoped_lock lock(mutex);
    links.erase(gone);
    changed.notify_all();
  }
  bool is_halting() const {
    const std::scoped_lock lock(mutex);
    return halting;
  }
  void task_begins() {
    const std::scoped_lock lock(mutex);
    ++tasks;
  }
  void task_ends() {
    const std::scoped_lock lock(mutex);
    --tasks;
    changed.notify_all();
  }

  const transport_options options;
  transport_counters& counters;
  mutable std::mutex mutex;
  std::condition_variable changed;
  std::unordered_set<std::shared_ptr<tcp_link>> links; ///< until their `over` was handled
  std::size_t tasks = 0;                               ///< posted and not yet done
  bool halting = false;
};

/// What CAF's `stream_impl` needs to know about a transport. TLS is already up when CAF sees it.
struct channel_policy {
  rw_state read_some(std::size_t& count, int, void* into, std::size_t size) const {
    count = 0;
    if (drained) return rw_state::success;
    const auto result = channel.read(static_cast<char*>(into), size);
    count = result.bytes;
    drained =
        result.state == channel_state::wants_read || result.state == channel_state::wants_write;
    // What came before the end is delivered first; the next call reports the end.
    return result.state == channel_state::ended && count == 0 ? rw_state::failure
                                                              : rw_state::success;
  }
  rw_state write_some(std::size_t& count, int, const void* from, std::size_t size) const {
    const auto result = channel.write(static_cast<const char*>(from), std::min(size, write_bytes));
    count = result.bytes;
    return result.state == channel_state::ended ? rw_state::failure : rw_state::success;
  }
  static bool must_read_more(int, std::size_t) { return false; }

  byte_channel& channel;
  bool& drained;
};

/// CAF's stream, except that it writes at once where the system takes it, which spares three system
/// calls and a turn of the loop, and that it can be ended at once.
class link_stream final : public caf::io::network::stream_impl<channel_policy> {
public:
  link_stream(caf::io::network::default_multiplexer& loop, byte_channel& channel)
      : stream_impl(loop, channel.release_descriptor(), channel_policy{channel, drained_}),
        channel_(channel) {}

  void handle_event(operation what) override {
    if (stopped_) return;
    drained_ = false;
    stream_impl::handle_event(what);
  }

  [[nodiscard]] bool writing() const noexcept { return state_.writing; }
  [[nodiscard]] bool stopped() const noexcept { return stopped_; }
  /// True when there is more to read that polling would not report.
  [[nodiscard]] bool must_read_on() const {
    return !stopped_ && !drained_ && channel_.holds_received();
  }

  /// Returns how much of the buffer was written; the rest follows when the socket is writable.
  byte_channel::moved write_now(caf::io::network::stream_manager* owner) {
    auto& waiting = wr_buf();
    if (waiting.size() > write_bytes) {
      flush(owner);
      return {};
    }
    const auto result = channel_.write(waiting.data(), waiting.size());
    if (result.bytes == waiting.size()) {
      waiting.clear();
    } else if (result.state != channel_state::ended) {
      waiting.erase(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(result.bytes));
      flush(owner);
    }
    return result;
  }

  void stop() {
    if (std::exchange(stopped_, true)) return;
    passivate();
    backend().del(operation::write, fd(), this);
    // CAF drops the references that keep a stream alive when it removes the stream from the
    // system's poll set, and forgets those of one that it had not added yet.
    if ((eventbf() & caf::io::network::output_mask) == 0) removed_from_loop(operation::write);
    if ((eventbf() & caf::io::network::input_mask) == 0) removed_from_loop(operation::read);
  }

private:
  byte_channel& channel_;
  bool drained_ = false; ///< everything the system had was read in this turn
  bool stopped_ = false;
};

/// What a new link starts from.
struct link_start {
  byte_channel channel;
  std::shared_ptr<tcp_link> made;
  std::uint64_t ticket;
  std::shared_ptr<link_handler> handler;
};

/// The side of a link that lives on the thread of the loop.
//
// open    --close()-->                       closing   (writes what waits)
// closing --all is written-->                goodbye   (reads until the peer has closed, too)
// any     --end of the connection, violation, overflow, end of the loop, linger limit--> over
class link_scribe final : public caf::io::scribe {
public:
  link_scribe(caf::io::network::default_multiplexer& loop, link_start&& start,
              std::shared_ptr<loop_state> shared)
      : scribe(caf::io::network::conn_hdl_from_socket(start.channel.descriptor())),
        channel_(std::move(start.channel)), stream_(loop, channel_), link_(std::move(start.made)),
        handler_(std::move(start.handler)), shared_(std::move(shared)) {}

  void open(std::uint64_t ticket) {
    stream_.ack_writes(true);
    configure_read(caf::io::receive_policy::at_most(read_bytes));
    link_->waiting.let_senders_write(
        [this](const char* from, std::size_t size) { return channel_.write(from, size).bytes; });
    handler_->on_open(link_, ticket);
    // TLS may have received more than the handshake. Reading at once would be too early: the broker
    // has no behavior yet, so an end of the connection would go unheard.
    plan_to_read_on();
  }

  /// Writes what waits, unless the stream is still busy: then it takes the rest when it is done.
  void write_out() {
    if (over_ || stream_.writing()) return;
    link_->waiting.take(wr_buf());
    if (!wr_buf().empty()) {
      const auto result = stream_.write_now(this);
      link_->waiting.written(result.bytes);
      if (result.state == channel_state::ended) return finish(channel_.why_ended());
    }
    if (!stream_.writing()) rest();
  }

  void read_on() {
    reading_on_ = false;
    stream_.handle_event(operation::read);
    plan_to_read_on();
  }

  void close() {
    closing_ = true;
    write_out();
  }

  void halt() {
    if (!over_ && !stream_.writing()) {
      closing_ = true;
      write_out();
    }
    finish("the transport was shut down");
  }

  void overflow() {
    shared_->counters.overflows.fetch_add(1, std::memory_order_relaxed);
    finish("more than " + std::to_string(shared_->options.max_unsent_bytes)
           + " bytes waited for the peer to take them");
  }

  void finish(const std::string& why) {
    if (std::exchange(over_, true)) return;
    link_->waiting.abandon();
    link_->signal(link_signal::over);
    link_->detach();
    stream_.stop();
    if (!detached()) detach(&stream_.backend(), false);
    handler_->on_closed(link_, why);
    handler_.reset();
  }

  /// The connection ended by itself.
  void lost() { finish(closing_ ? "closed" : reason_of_loss()); }
  /// The peer had its time to close, too.
  void lingered() { finish("closed"); }

  [[nodiscard]] const std::shared_ptr<tcp_link>& made() const noexcept { return link_; }

  bool consume(caf::execution_unit*, const void* data, std::size_t size) override {
    if (over_) return false;
    std::vector<frame> complete;
    const auto fine = frames_.take({static_cast<const char*>(data), size}, complete);
    // What the handler sends is written below, in one go.
    link_->waiting.expect_look();
    if (!closing_) handler_->on_frames(link_, std::move(complete));
    write_out();
    if (!fine) {
      shared_->counters.violations.fetch_add(1, std::memory_order_relaxed);
      finish("the peer announced a frame of " + std::to_string(frames_.refused_bytes())
             + " bytes; at most " + std::to_string(max_frame_bytes) + " are allowed");
    }
    plan_to_read_on();
    return !over_;
  }

  void data_transferred(caf::execution_unit*, std::size_t written, std::size_t left) override {
    if (over_) return;
    link_->waiting.written(written);
    if (left > 0) return;
    link_->waiting.take(wr_buf());
    if (wr_buf().empty()) rest();
  }

  void configure_read(caf::io::receive_policy::config how) override {
    stream_.configure_read(how);
    if (!std::exchange(launched_, true)) stream_.start(this);
  }
  void ack_writes(bool enable) override { stream_.ack_writes(enable); }
  std::vector<char>& wr_buf() override { return stream_.wr_buf(); }
  std::vector<char>& rd_buf() override { return stream_.rd_buf(); }
  void graceful_shutdown() override {
    finish("the transport was shut down");
    if (!detached()) detach(&stream_.backend(), false);
  }
  void flush() override { write_out(); }
  std::string addr() const override { return link_->peer().address; }
  std::uint16_t port() const override { return 0; }
  void add_to_loop() override { stream_.activate(this); }
  void remove_from_loop() override { stream_.stop(); }

private:
  void rest() {
    link_->waiting.all_written();
    if (!closing_ || goodbye_said_) return;
    goodbye_said_ = true;
    channel_.finish_writing();
  }

  void plan_to_read_on() {
    if (over_ || reading_on_ || !stream_.must_read_on()) return;
    reading_on_ = true;
    link_->signal(link_signal::read_on);
  }

  std::string reason_of_loss() const {
    if (!channel_.why_ended().empty()) return channel_.why_ended();
    return "the connection failed";
  }

  byte_channel channel_;
  link_stream stream_;
  std::shared_ptr<tcp_link> link_;
  std::shared_ptr<link_handler> handler_;
  std::shared_ptr<loop_state> shared_;
  frame_buffer frames_;
  bool launched_ = false;
  bool closing_ = false;
  bool goodbye_said_ = false;
  bool reading_on_ = false;
  bool over_ = false;
};

void handle(caf::io::broker* self, link_scribe& scribe, loop_state& shared, link_signal which) {
  switch (which) {
  case link_signal::look: return scribe.write_out();
  case link_signal::read_on: return scribe.read_on();
  case link_signal::close: {
    self->delayed_send(self, shared.options.handshake_limit, linger_atom::value);
    return scribe.close();
  }
  case link_signal::overflow: return scribe.overflow();
  case link_signal::halt: return scribe.halt();
  case link_signal::over: {
    self->quit();
    return shared.remove(scribe.made());
  }
  }
}

/// One broker owns one link.
caf::behavior link_broker(caf::io::broker* self, const std::shared_ptr<link_start>& start,
                          const std::shared_ptr<loop_state>& shared) {
  self->set_default_handler(caf::drop);
  self->set_error_handler([](caf::scheduled_actor*, caf::error&) {});
  auto& loop = static_cast<caf::io::network::default_multiplexer&>(self->backend());
  const auto ticket = start->ticket;
  const auto scribe = caf::make_counted<link_scribe>(loop, std::move(*start), shared);
  scribe->made()->attach(
      std::make_shared<const tcp_link::signal_sink>([broker = caf::actor(self)](link_signal which) {
        caf::anon_send(broker, signal_atom::value, static_cast<std::uint8_t>(which));
      }));
  self->add_scribe(scribe);
  scribe->open(ticket);
  // The signal of a loop that ended before the link could hear it.
  if (shared->is_halting()) scribe->made()->signal(link_signal::halt);
  return {[=](signal_atom, std::uint8_t which) {
            handle(self, *scribe, *shared, static_cast<link_signal>(which));
          },
          [=](const caf::io::connection_closed_msg&) { scribe->lost(); },
          [=](linger_atom) { scribe->lingered(); }};
}

caf::actor_system_config& configured(caf::actor_system_config& config) {
  config.load<caf::io::middleman>();
  config.set("scheduler.policy", caf::atom("sharing"))
      .set("scheduler.max-threads", std::size_t{1})
      .set("scheduler.max-throughput", std::size_t{300})
      .set("middleman.workers", std::size_t{0})
      .set("middleman.attach-utility-actors", true)
      .set("middleman.max-consecutive-reads", reads_in_a_row);
  return config;
}

} // namespace

struct link_loop::implementation {
  implementation(const transport_options& options, transport_counters& counters)
      : shared(std::make_shared<loop_state>(options, counters)), system(configured(config)) {}

  std::shared_ptr<loop_state> shared;
  caf::actor_system_config config;
  caf::actor_system system;
};

link_loop::link_loop(const transport_options& options, transport_counters& counters)
    : implementation_(std::make_unique<implementation>(options, counters)) {}

link_loop::~link_loop() {
  shut_down();
}

void link_loop::adopt(byte_channel connection, link_peer peer, std::uint64_t ticket,
                      std::shared_ptr<link_handler> handler) {
  auto& shared = implementation_->shared;
  auto made = std::make_shared<tcp_link>(std::move(peer), shared->options.max_unsent_bytes);
  shared->add(made);
  auto start = std::make_shared<link_start>(
      link_start{std::move(connection), std::move(made), ticket, std::move(handler)});
  implementation_->system.middleman().spawn_broker(link_broker, std::move(start), shared);
}

void link_loop::post(std::function<void()> task) {
  auto& shared = implementation_->shared;
  shared->task_begins();
  implementation_->system.middleman().backend().post([shared, task = std::move(task)]() mutable {
    task();
    task = nullptr;
    shared->task_ends();
  });
}

std::size_t link_loop::links() const {
  const auto& shared = *implementation_->shared;
  const std::scoped_lock lock(shared.mutex);
  return shared.links.size();
}

void link_loop::shut_down() {
  if (!implementation_) return;
  auto& shared = *implementation_->shared;
  {
    std::unique_lock lock(shared.mutex);
    shared.halting = true;
    const std::vector<std::shared_ptr<tcp_link>> all(shared.links.begin(), shared.links.end());
    lock.unlock();
    for (const auto& each : all) each->signal(link_signal::halt);
    lock.lock();
    shared.changed.wait(lock, [&] { return shared.links.empty() && shared.tasks == 0; });
  }
  implementation_.reset();
}

} // namespace troupe::nodes
