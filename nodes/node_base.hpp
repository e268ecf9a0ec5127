#pragma once

#include "failure_detector.hpp"
#include "link.hpp"
#include "serial_queue.hpp"
#include "session.hpp"
#include "wire.hpp"

#include <troupe/actors/message.hpp>
#include <troupe/nodes/node.hpp>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <variant>
#include <vector>

namespace troupe::nodes {

struct link_opened {
  std::shared_ptr<link> opened;
  std::uint64_t ticket;
};
struct link_spoke {
  std::shared_ptr<link> from;
  std::vector<frame> frames;
};
struct link_ended {
  std::shared_ptr<link> gone;
  std::string why;
};
struct connect_failed {
  std::uint64_t ticket;
  std::string why;
};
struct stage_asked {
  std::uint64_t branch;
  actors::message content;
};
struct stage_answered {
  step_result result;
};
struct run_told {
  const run_scope* run;
  event_kind kind;
  value::list_type event;
};
struct usage_told {
  const run_scope* run;
  usage spent;
};
struct tick {};
/// Anything else that has to be done in turn.
struct errand {
  std::function<void()> what;
};
using node_event = std::variant<link_opened, link_spoke, link_ended, connect_failed, stage_asked,
                                stage_answered, run_told, usage_told, tick, errand>;

/// How many requests may be under way between two nodes that count as quiet.
inline constexpr std::size_t few_requests = 16;

/// A conversation with another node, from the link on.
struct peer {
  std::uint64_t number = 0;
  std::shared_ptr<link> wire{};
  session talk{};
  failure_detector detector;
  node_facts facts{};
  bool is_known = false; ///< it has said who it is, and fits
  instant opened{};
  instant spoken{}; ///< when this node last said something
  bool leaving = false;
  bool is_called = false;  ///< this node has connected to it
  value load{};            ///< what its last heartbeat said
  bool has_output = false; ///< is among those that something is to be sent to
};

/// What both roles have: links, peers, time. One event is handled at a time; the functions called
/// with events run with nothing else of the node at work.
class node_base : public link_handler, public std::enable_shared_from_this<node_base> {
public:
  ~node_base() override;

  [[nodiscard]] const node_facts& facts() const noexcept { return facts_; }
  [[nodiscard]] std::size_t connections() const noexcept { return connections_; }
  bool wait_for_connections(std::size_t count, duration limit);
  void post(node_event event) { queue_.post(std::move(event)); }
  /// The same in the middle of a stage's turn: for who waits until it is done.
  void post_now(node_event event) { queue_.post_now(std::move(event)); }
  /// Does something in turn and waits until it is done. Not from inside a handler.
  void in_turn(const std::function<void()>& what);

  // From links.
  void on_open(const std::shared_ptr<link>& opened, std::uint64_t ticket) final;
  void on_frames(const std::shared_ptr<link>& from, std::vector<frame> frames) final;
  void on_closed(const std::shared_ptr<link>& gone, const std::string& why) final;
  void on_connect_failed(std::uint64_t ticket, const std::string& why) final;

protected:
  /// `clock` is read whenever something happens.
  node_base(node_options options, std::unique_ptr<transport> wires,
            std::function<instant()> clock = std::chrono::steady_clock::now);

  /// Lets a thread post a `tick` a few times in each heartbeat.
  void start_ticking();
  void stop_base();

  virtual void opened(peer& with, std::uint64_t ticket) = 0;
  virtual void said(peer& by, message& content) = 0;
  virtual void ended(peer& with, const std::string& why) = 0;
  virtual void failed_to_connect(std::uint64_t ticket, const std::string& why) = 0;
  virtual void judged(peer& of, liveness verdict) = 0;
  virtual void handle_other(node_event& event) = 0;
  virtual void look(instant now) = 0;
  virtual void rest() = 0;
  /// So little is going on with it that what is said had better travel at once than together.
  [[nodiscard]] virtual bool is_quiet(const peer& with) const = 0;
  [[nodiscard]] virtual value own_load() = 0;
  /// Says something to people.
  virtual void tell(const std::string& text) = 0;

  [[nodiscard]] instant read_clock() const { return clock_(); }
  void say(peer& to, frame body);
  /// Ends a conversation.
  void drop(peer& with, const std::string& why);
  void set_connections(std::size_t count);
  [[nodiscard]] peer* find_peer(std::uint64_t number);
  [[nodiscard]] std::map<std::uint64_t, std::unique_ptr<peer>>& peers() noexcept { return peers_; }

  const node_options options_;
  node_facts facts_;
  std::unique_ptr<transport> wires_;

private:
  void handle(node_event& event);
  void handle_frames(link_spoke& event);
  void beat();
  void flush_peers();
  void note_output(peer& of);

  std::map<std::uint64_t, std::unique_ptr<peer>> peers_;
  std::map<const link*, std::uint64_t> by_link_;
  std::vector<std::uint64_t> with_output_;
  std::uint64_t last_peer_ = 0;
  std::function<instant()> clock_;
  std::atomic<std::size_t> connections_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
  serial_queue<node_event> queue_;
  std::jthread ticking_;
};

} // namespace troupe::nodes
