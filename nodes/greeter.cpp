#include "greeter.hpp"

#include "greeting.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <list>
#include <mutex>
#include <stdexcept>
#include <thread>

namespace troupe::nodes {

namespace {

/// How long not to accept when the process or the system is out of descriptors or memory.
constexpr duration accept_pause = std::chrono::milliseconds(100);
/// Connections taken from one listener before the others get their turn.
constexpr int accepts_in_a_row = 64;

instant now() {
  return std::chrono::steady_clock::now();
}

/// Wakes a thread that polls. Thread-safe.
class waker {
public:
  waker() : event_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (!event_) throw std::runtime_error("no event descriptor: " + system_message(errno));
  }
  void wake() const {
    const std::uint64_t one = 1;
    static_cast<void>(!::write(event_.get(), &one, sizeof one));
  }
  void calm() const {
    std::uint64_t count = 0;
    static_cast<void>(!::read(event_.get(), &count, sizeof count));
  }
  [[nodiscard]] int descriptor() const noexcept { return event_.get(); }

private:
  socket_handle event_;
};

struct listener {
  socket_handle socket;
  std::shared_ptr<link_handler> handler;
};

/// A greeting, and who wants to know.
struct attempt {
  greeting connection;
  std::string address;
  std::uint64_t ticket;
  std::shared_ptr<link_handler> handler;
};

} // namespace

class greeter::implementation {
public:
  implementation(const transport_options& options, std::optional<tls_context> tls, link_loop& loop,
                 transport_counters& counters)
      : options_(options), tls_(std::move(tls)), loop_(loop), counters_(counters),
        thread_([this] { run(); }) {}

  outcome<endpoint> listen(const endpoint& where, std::shared_ptr<link_handler> handler) {
    auto made = listen_at(where);
    if (!made) return made.why();
    const endpoint actual{where.host, port_of(*made)};
    const std::scoped_lock lock(mutex_);
    if (ending_) return failure{failure_kind::cancelled, "the transport was shut down"};
    new_listeners_.push_back({*std::move(made), std::move(handler)});
    waker_->wake();
    return actual;
  }

  void connect(const endpoint& where, std::uint64_t ticket, std::shared_ptr<link_handler> handler) {
    auto addresses = numeric_address(where);
    std::shared_ptr<name_lookup> lookup;
    if (addresses.empty()) lookup = name_lookup::start(where, [wakes = waker_] { wakes->wake(); });
    greeting::session_maker make_session;
    if (tls_) make_session = [this](int socket) { return session(socket, tls_side::client); };
    const std::scoped_lock lock(mutex_);
    if (ending_) return;
    new_attempts_.push_back({greeting(std::move(addresses), std::move(lookup),
                                      std::move(make_session), now(), options_.handshake_limit),
                             troupe::to_string(where), ticket, std::move(handler)});
    waker_->wake();
  }

  void shut_down() {
    {
      const std::scoped_lock lock(mutex_);
      ending_ = true;
      waker_->wake();
    }
    if (thread_.joinable()) thread_.join();
  }

private:
  openssl_ptr<ssl_st> session(int socket, tls_side side) const {
    return tls_ ? tls_->make_session(socket, side) : nullptr;
  }

  void run() {
    while (take_orders()) {
      advance_all();
      wait();
      accept_all();
    }
    listeners_.clear();
    for (auto& each : attempts_) {
      if (!each.connection.accepted()) report(each, "the transport was shut down");
    }
    attempts_.clear();
  }

  /// Returns false when it is time to end.
  bool take_orders() {
    const std::scoped_lock lock(mutex_);
    for (auto& each : new_listeners_) listeners_.push_back(std::move(each));
    new_listeners_.clear();
    attempts_.splice(attempts_.end(), new_attempts_);
    return !ending_;
  }

  void wait() {
    auto until = now() + std::chrono::hours(1);
    polled_.assign(1, {waker_->descriptor(), POLLIN, 0});
    for (const auto& each : attempts_) {
      until = std::min(until, each.connection.due());
      polled_.push_back({each.connection.descriptor(), each.connection.events(), 0});
    }
    const auto accepts_from = may_accept_from();
    if (accepts_from <= now()) {
      for (const auto& each : listeners_) polled_.push_back({each.socket.get(), POLLIN, 0});
    } else {
      until = std::min(until, accepts_from);
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - now()).count();
    ::poll(polled_.data(), polled_.size(), static_cast<int>(std::max<decltype(left)>(left, 0)));
    waker_->calm();
  }

  /// When the next connection may be accepted: not while there is a pause, and when all places are
  /// taken, not before there is one that may be dropped for it.
  instant may_accept_from() const {
    if (handshakes() < options_.max_handshakes) return accepts_again_;
    const auto* oldest = longest_silent();
    if (oldest == nullptr) return no_deadline;
    return std::max(accepts_again_, oldest->connection.began() + options_.handshake_limit / 8);
  }

  std::size_t handshakes() const {
    return static_cast<std::size_t>(
        std::count_if(attempts_.begin(), attempts_.end(),
                      [](const attempt& each) { return each.connection.accepted(); }));
  }

  /// They are kept in the order in which they began.
  const attempt* longest_silent() const {
    const auto found = std::find_if(attempts_.begin(), attempts_.end(),
                                    [](const attempt& each) { return each.connection.silent(); });
    return found != attempts_.end() ? &*found : nullptr;
  }

  void accept_all() {
    for (auto& each : listeners_) {
      for (int i = 0; i < accepts_in_a_row && may_accept_from() <= now(); ++i) {
        if (!accept_one(each)) break;
      }
    }
  }

  bool accept_one(const listener& from) {
    socket_address peer;
    auto socket = accept_from(from.socket, peer);
    if (!socket) {
      const auto error = errno;
      if (error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM) {
        accepts_again_ = now() + accept_pause;
      }
      // A connection that ended while it waited says nothing about the next one.
      return error == ECONNABORTED;
    }
    if (handshakes() >= options_.max_handshakes) drop_longest_silent();
    if (loop_.links() >= options_.max_links) {
      count(counters_.refused);
      return true;
    }
    auto tls = session(socket.get(), tls_side::server);
    attempts_.push_back(
        {greeting(byte_channel(std::move(socket), std::move(tls)), now(), options_.handshake_limit),
         to_string(peer), 0, from.handler});
    advance(std::prev(attempts_.end()));
    return true;
  }

  void drop_longest_silent() {
    const auto* oldest = longest_silent();
    if (oldest == nullptr) return;
    attempts_.remove_if([&](const attempt& each) { return &each == oldest; });
    count(counters_.refused);
  }

  void advance_all() {
    for (auto next = attempts_.begin(); next != attempts_.end();) advance(next++);
  }

  void advance(std::list<attempt>::iterator which) {
    auto& connection = which->connection;
    connection.advance(now());
    if (connection.at() == greeting::phase::ready) {
      finish(*which);
    } else if (connection.at() == greeting::phase::failed) {
      if (connection.accepted()) count(counters_.refused);
      else report(*which, connection.why());
    } else {
      return;
    }
    attempts_.erase(which);
  }

  void finish(attempt& done) {
    const auto accepted = done.connection.accepted();
    if (!accepted && loop_.links() >= options_.max_links) {
      return report(done, "there are " + std::to_string(options_.max_links) + " links already");
    }
    if (accepted) count(counters_.accepted);
    auto connection = done.connection.connection();
    auto name = connection.peer_name();
    loop_.adopt(std::move(connection), {done.address, std::move(name)}, done.ticket, done.handler);
  }

  void report(attempt& failed, const std::string& why) {
    loop_.post([handler = failed.handler, ticket = failed.ticket,
                text = "cannot connect to " + failed.address + ": " + why] {
      handler->on_connect_failed(ticket, text);
    });
  }

  static void count(std::atomic<std::uint64_t>& counter) {
    counter.fetch_add(1, std::memory_order_relaxed);
  }

  const transport_options options_;
  const std::optional<tls_context> tls_;
  link_loop& loop_;
  transport_counters& counters_;
  const std::shared_ptr<const waker> waker_ = std::make_shared<const waker>();

  std::mutex mutex_;
  std::vector<listener> new_listeners_;
  std::list<attempt> new_attempts_;
  bool ending_ = false;

  std::vector<listener> listeners_;
  std::list<attempt> attempts_;
  std::vector<pollfd> polled_;
  instant accepts_again_{};

  std::thread thread_; ///< last, so that everything else is there when it starts
};

greeter::greeter(const transport_options& options, std::optional<tls_context> tls, link_loop& loop,
                 transport_counters& counters)
    : implementation_(std::make_unique<implementation>(options, std::move(tls), loop, counters)) {}

greeter::~greeter() {
  shut_down();
}

outcome<endpoint> greeter::listen(const endpoint& where, std::shared_ptr<link_handler> handler) {
  return implementation_->listen(where, std::move(handler));
}

void greeter::connect(const endpoint& where, std::uint64_t ticket,
                      std::shared_ptr<link_handler> handler) {
  implementation_->connect(where, ticket, std::move(handler));
}

void greeter::shut_down() {
  implementation_->shut_down();
}

} // namespace troupe::nodes
