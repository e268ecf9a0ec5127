#pragma once

#include "redis_address.hpp"
#include "redis_protocol.hpp"

#include <troupe/protocol/outcome.hpp>
#include <troupe/runtime/redis_cache.hpp>

#include <functional>
#include <memory>
#include <string>

namespace troupe {

/// What became of a command.
struct redis_reply {
  outcome<redis_answer> content; ///< an error of the server is a failure too, but WRONGTYPE
  /// What users have to be told, once per outage; only in replies to commands that said they tell.
  std::string news{};
};

/// Sends commands to one Redis server, pipelined over one connection, on a thread that starts with
/// the first of them. Nothing here waits: while the server cannot be used, commands fail at once.
class redis_client {
public:
  /// Called once per command, on the client's thread. Must neither block nor throw.
  using done = std::function<void(redis_reply)>;

  redis_client(redis_address where, redis_options options);
  /// Waits for what is under way, within the limits; not when called from a `done`.
  ~redis_client();
  redis_client(const redis_client&) = delete;
  redis_client& operator=(const redis_client&) = delete;

  /// From any thread, also from a `done`. `tells`: the reply may bring news.
  void send(std::string command, bool tells, done answer);
  /// The same, waiting for the reply. REQUIRES: not called from a `done`.
  [[nodiscard]] outcome<redis_answer> ask(std::string command);

  /// The client of the process for a server: all that name it share one.
  static std::shared_ptr<redis_client> shared(const redis_address& where,
                                              const redis_options& options);

private:
  class loop;
  std::shared_ptr<loop> loop_;
};

} // namespace troupe
