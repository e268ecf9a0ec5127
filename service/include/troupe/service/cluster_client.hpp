#pragma once

#include <troupe/protocol/outcome.hpp>
#include <troupe/protocol/time.hpp>
#include <troupe/protocol/value.hpp>
#include <troupe/service/submission.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace troupe {

struct cluster_options {
  std::string token{};   ///< shown to the coordinator
  std::string ca_file{}; ///< PEM file; empty: what the system trusts
  duration connect_limit = std::chrono::seconds(5);
  duration limit = std::chrono::seconds(60); ///< of one request; streams have none
  /// How long a stream that breaks off is taken up again before that is a failure.
  duration patience = std::chrono::seconds(30);
};

/// What kind of no a cluster has said, beside the kind of the failure.
enum class cluster_problem : std::uint8_t {
  unreachable,    ///< nobody answers there, or not for whom we take it
  not_authorized, ///< the token is missing, or another one
  not_found,      ///< there is no such run, node, breaker, cache or workflow
  other,          ///< see the failure
};

[[nodiscard]] cluster_problem problem_of(const failure& why);

/// Which runs to list.
struct cluster_query {
  std::string status{};
  std::string name{};
  std::size_t limit = 50;
  std::string cursor{}; ///< `next` of the page before
};

/// A cluster, from outside: speaks to the HTTP API of a coordinator. What comes back is JSON as
/// `openapi.json` says. A run may be named by an unambiguous beginning of its id. Thread-safe; each
/// call blocks its caller until it is answered.
class cluster_client {
public:
  /// `url` is `http://HOST:PORT` or `https://HOST:PORT`. Throws `std::invalid_argument` for
  /// anything else; connects to nobody yet.
  explicit cluster_client(const std::string& url, cluster_options options = {});
  ~cluster_client();
  cluster_client(const cluster_client&) = delete;
  cluster_client& operator=(const cluster_client&) = delete;

  /// Starts a run: `run_id`, `status` and so on.
  outcome<value> submit(const service::submission& what);
  /// Starts a run of a workflow that the cluster knows.
  outcome<value> start(const std::string& name, const value& input);
  outcome<value> show(const std::string& run);
  outcome<value> cancel(const std::string& run);
  outcome<value> resume(const std::string& run, const value& answer);
  outcome<value> retry(const std::string& run);
  outcome<value> why(const std::string& run);
  outcome<value> list(const cluster_query& query = {});
  /// One page of events, those after number `after`.
  outcome<value> events(const std::string& run, std::uint64_t after = 0, std::size_t limit = 1'000);

  /// Takes one event after the other; false stops watching.
  using on_event = std::function<bool(const value& event)>;
  /// Follows the events of a run until it has ended or is paused, also over broken connections;
  /// returns its status then, or an empty text when it was stopped. Events that are no longer kept
  /// come as one `{kind: "missed", missed: COUNT}`.
  outcome<std::string> watch(const std::string& run, const on_event& take, std::uint64_t after = 0);
  /// Waits until a run has ended or is paused, and returns its whole result.
  outcome<value> result(const std::string& run);

  outcome<value> nodes();
  outcome<value> drain(const std::string& node);
  outcome<value> breakers();
  outcome<value> reset_breaker(const std::string& name);
  outcome<value> caches();
  outcome<value> clear_cache(const std::string& name);
  /// An answer when the coordinator takes work, a failure when it does not.
  outcome<value> ready();
  outcome<value> status();

  [[nodiscard]] const std::string& url() const noexcept;

private:
  class implementation;
  std::unique_ptr<implementation> implementation_;
};

} // namespace troupe
