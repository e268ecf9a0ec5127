#pragma once

#include "redis_client.hpp"
#include "redis_connection.hpp"
#include "redis_outage.hpp"

#include <atomic>
#include <deque>
#include <mutex>
#include <optional>
#include <random>
#include <thread>
#include <vector>

namespace troupe {

// resting      --a command, or the pause after a failure is over-->  resolving
// resolving    --the addresses are there-->                          connecting
// connecting   --connected; otherwise the next address-->            greeting
// greeting     --logged in, database selected-->                     ready
// any of them  --connect_limit has passed, or an error-->            resting, failing, pause grown
// ready        --an error, or silence for command_limit-->           resting, failing
// ready        --closed while nothing is under way-->                resting
//
/// The thread behind a `redis_client`.
class redis_client::loop : public std::enable_shared_from_this<redis_client::loop> {
public:
  loop(redis_address where, redis_options options);

  // From any thread.
  void send(std::string command, bool tells, done answer);
  void stop();

private:
  struct order {
    std::string bytes;
    done answer; // empty once it was called
    bool tells = false;
    bool refused = false; // too many wait
    std::size_t size = 0;
    instant deadline{};
  };
  enum class phase : std::uint8_t { resting, resolving, connecting, greeting, ready };

  void run();
  bool take_orders(instant now);
  void accept(order fresh, instant now);
  void transmit(order what, instant now);
  void give_up_late(instant now);
  void move_on(instant now);
  void resolve(instant now);
  void connect_next(instant now);
  void greet(instant now);
  void wait_for_io(instant now, bool stopping);
  void handle_io(short events, instant now);
  void read_answers(instant now);
  void take_greeting(const redis_answer& said, instant now);
  void take_answer(redis_answer said, instant now);
  void get_ready(instant now);
  void close(const std::string& why, instant now);
  void finish(order& what, outcome<redis_answer> content, instant now);
  void forget(const order& what);
  [[nodiscard]] failure late() const;
  [[nodiscard]] failure unconnected() const;
  [[nodiscard]] instant next_event() const;
  void wake();

  const redis_address where_;
  const std::string shown_;
  const redis_options options_;
  std::shared_ptr<owned_fd> wake_;

  std::mutex mutex_; // guards the next four
  std::vector<order> inbox_;
  std::thread thread_;
  bool asleep_ = false;
  bool stopping_ = false;
  std::atomic<std::size_t> queued_{0};
  std::atomic<std::size_t> queued_bytes_{0};

  // Of the thread.
  phase phase_ = phase::resting;
  bool failing_ = false;
  std::string trouble_; // while failing: why
  instant retry_at_{};
  duration pause_;
  instant attempt_ends_{};
  instant address_ends_{};
  std::shared_ptr<address_query> query_;
  std::vector<socket_address> addresses_;
  std::optional<redis_connection> connection_;
  std::size_t greetings_ = 0; // answers to come before it is ready
  bool wants_password_ = false;
  std::deque<order> waiting_; // for the first connection
  std::deque<order> sent_;    // for their answers, in this order
  std::size_t late_ = 0;      // of the sent ones, from the front: nobody waits for them any more
  instant last_progress_{};
  redis_outage outage_;
  std::minstd_rand random_;
};

} // namespace troupe
