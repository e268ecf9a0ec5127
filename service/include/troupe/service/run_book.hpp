#pragma once

#include <troupe/protocol/ids.hpp>
#include <troupe/protocol/outcome.hpp>
#include <troupe/protocol/usage.hpp>
#include <troupe/protocol/value.hpp>
#include <troupe/runtime/run_result.hpp>
#include <troupe/runtime/runtime.hpp>
#include <troupe/service/run_log.hpp>
#include <troupe/service/submission.hpp>
#include <troupe/workflows/step_registry.hpp>
#include <troupe/workflows/workflow_file.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::service {

struct run_book_options {
  std::size_t max_open = 10'000;          ///< runs that are running or paused; beyond, refused
  std::size_t max_open_bytes = 1 << 30;   ///< of what those were submitted with, roughly
  std::size_t max_kept = 10'000;          ///< runs that have ended; the oldest are forgotten first
  std::size_t max_kept_bytes = 512 << 20; ///< of their inputs and results, roughly
  std::size_t max_deployments = 64;       ///< workflows that are live; the least used goes first
  duration stall_after = std::chrono::seconds(60); ///< without an event, while something is at work
  duration idle_after = std::chrono::seconds(10);  ///< without an event, and with nothing at work
  duration watch_every = std::chrono::seconds(5);  ///< of the real clock; 0: only when told to
  /// Step types of the files, and pipelines that runs may be started of by name.
  step_registry registry{};
  environment_reader environment{}; ///< of the files; of the process when it is not set
  /// Knows what else runs wait for; outlives the book. Null: there is no cluster.
  cluster_view* cluster = nullptr;
};

/// A run in a list.
struct run_entry {
  run_id id{};
  std::string name{};
  std::string correlation_id{};
  run_status status = run_status::running;
  duration latency{};    ///< so far, when it has not ended
  std::string failure{}; ///< kind and message
  std::optional<run_id> retry_of{};
};

struct run_filter {
  std::optional<run_status> status{};
  std::string name{};
  std::size_t limit = 50;         ///< 1 to 1000
  std::optional<run_id> before{}; ///< older ones than this
};

struct run_page {
  std::vector<run_entry> runs{}; ///< newest first
  std::optional<run_id> next{};  ///< where the next page goes on; nothing: this is the last one
};

/// What the book has counted, and holds now.
struct run_counts {
  std::size_t running = 0;
  std::size_t paused = 0;
  std::size_t kept = 0; ///< ended ones that are remembered
  std::uint64_t submitted = 0;
  std::uint64_t completed = 0;
  std::uint64_t failed = 0;
  std::uint64_t cancelled = 0;
  std::uint64_t rejected = 0;  ///< submissions
  std::uint64_t forgotten = 0; ///< ended runs
  std::uint64_t stalls = 0;    ///< reports of the watchdog
  std::size_t stalled = 0;     ///< runs that it has reported and that have not moved since
  std::size_t deployments = 0;
};

/// The runs of one runtime as those see them who come from outside: they are submitted, asked for,
/// listed and forgotten here. Thread-safe.
///
/// Says no with `malformed` for what makes no sense (an invalid workflow: all its errors), with
/// `permanent` for what cannot be, and with `rejected` when there is too much of it.
class run_book {
public:
  /// `log` is an observer of `home`; both outlive the book.
  run_book(runtime& home, std::shared_ptr<run_log> log, run_book_options options = {});
  ~run_book();
  run_book(const run_book&) = delete;
  run_book& operator=(const run_book&) = delete;

  outcome<run_id> submit(submission what);
  /// A new run of the same workflow with the same input and context.
  outcome<run_id> retry(const run_id& run);
  /// Asks a run to stop; false when it was asked before. A paused run ends at once.
  outcome<bool> cancel(const run_id& run);
  /// Answers a paused run, which goes on under its id.
  outcome<run_status> resume(const run_id& run, const value& answer);

  /// The one run whose id begins so. `permanent` when there is none, or more than one.
  outcome<run_id> find(std::string_view id_or_prefix) const;
  [[nodiscard]] std::optional<run_entry> entry(const run_id& run) const;
  /// The whole result of a run that has ended or is paused, as its JSON form; else null.
  [[nodiscard]] value result(const run_id& run) const;
  [[nodiscard]] run_page list(const run_filter& filter) const;
  /// What the run waits for, here and in the cluster; empty when it has ended.
  [[nodiscard]] std::vector<wait_reason> why(const run_id& run) const;
  [[nodiscard]] event_page events(const run_id& run, std::uint64_t after, std::size_t limit) const;
  [[nodiscard]] std::unique_ptr<event_viewer> follow(const run_id& run, std::uint64_t after) const;

  /// Looks for runs that do not get on and reports each once, as an event of the kind `warning`;
  /// returns how many. Happens by itself every `watch_every`.
  std::size_t watch();
  [[nodiscard]] run_counts counts() const;
  [[nodiscard]] troupe::runtime& home() const noexcept;

private:
  class implementation;
  std::shared_ptr<implementation> implementation_;
};

/// A run in a list as a plain map.
[[nodiscard]] value to_value(const run_entry& run);
[[nodiscard]] value to_value(const run_counts& counts);
[[nodiscard]] value to_value(const wait_reason& reason);

} // namespace troupe::service
