#pragma once

#include <troupe/protocol/time.hpp>
#include <troupe/runtime/runtime.hpp>
#include <troupe/service/endpoint.hpp>
#include <troupe/service/tls_files.hpp>
#include <troupe/workflows/step_registry.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace troupe {

enum class node_role : std::uint8_t {
  coordinator, ///< owns runs and hands out their work
  worker,      ///< does it
};

[[nodiscard]] std::string_view to_string(node_role role);

/// Thrown for node options that make no sense, or that this machine cannot fulfil (a port in use, a
/// file that cannot be read); names the option.
class node_error : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

struct node_options {
  node_role role = node_role::worker;
  std::string name{};                          ///< what people call it; default `host:process`
  std::map<std::string, std::string> labels{}; ///< of a worker, for `place`

  endpoint listen{}; ///< of a coordinator: for its workers; port 0 takes a free one
  endpoint http{};   ///< of a coordinator: for its HTTP API
  /// Of a worker: whom to work for, at least one. Of a coordinator: with whom to share what has
  /// `scope: cluster`; one of two is enough to list the other, and each may list itself.
  std::vector<endpoint> coordinators{};

  bool serves_http = true; ///< without, only this process starts and follows runs
  tls_files tls{};         ///< for the links between nodes, and the HTTP API
  bool insecure = false;   ///< allows addresses outside of loopback without TLS
  std::string api_token{}; ///< what clients of the HTTP API must show; required outside of loopback

  std::size_t credit = 256;         ///< of a worker: branches it takes at a time; at least 1
  std::size_t max_queued = 100'000; ///< of a coordinator: branches that wait, for each placement
  duration placement_wait = std::chrono::seconds(30); ///< for a worker that fits
  duration heartbeat = std::chrono::milliseconds(500);
  duration lost_after = std::chrono::seconds(10);  ///< without a word of the other node
  duration orphan_grace = std::chrono::seconds(5); ///< how long work outlives its coordinator
  duration drain_limit = std::chrono::seconds(30); ///< to finish what is running
  std::size_t max_runs_kept = 10'000;              ///< ended runs that a coordinator remembers

  /// Steps and pipelines that this node offers beside those of troupe.
  step_registry registry{};
  runtime_options runtime{}; ///< its `node_name` is `name`
};

/// A worker or coordinator inside this process. Thread-safe.
///
/// Destroying it ends it at once: its work is cancelled, or handed to others.
class node {
public:
  /// Starts it; a coordinator listens when this returns, a worker may still be connecting. Throws
  /// `node_error`.
  explicit node(node_options options);
  ~node();
  node(const node&) = delete;
  node& operator=(const node&) = delete;

  [[nodiscard]] const std::string& name() const noexcept;
  /// Of a coordinator: where workers and clients find it.
  [[nodiscard]] endpoint listen_address() const;
  [[nodiscard]] endpoint http_address() const;
  /// Of a worker: how many coordinators it is connected to. Of a coordinator: how many workers are.
  [[nodiscard]] std::size_t connections() const;
  /// Waits at most `limit` until `connections()` is at least `count`.
  bool wait_for_connections(std::size_t count, duration limit) const;

  /// Of a worker: a coordinator has asked it to leave; `drain` and destroy it.
  [[nodiscard]] bool wants_to_leave() const;
  /// Returns once the node has had a turn, and never if it is stuck: for a watchdog.
  void ping() const;

  /// Takes no new work, finishes what is running or hands it back within the limit of the options,
  /// and leaves. Returns true when everything was finished.
  bool drain();
  /// The runtime behind it: of a coordinator, where its runs live.
  [[nodiscard]] troupe::runtime& runtime() const noexcept;

private:
  class implementation;
  std::unique_ptr<implementation> implementation_;
};

} // namespace troupe
