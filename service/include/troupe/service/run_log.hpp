#pragma once

#include <troupe/protocol/failure.hpp>
#include <troupe/protocol/ids.hpp>
#include <troupe/protocol/value.hpp>
#include <troupe/runtime/observer.hpp>
#include <troupe/service/cluster_view.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::service {

/// A fact about a run, kept for those who ask later.
struct logged_event {
  std::uint64_t seq = 0; ///< from 1, without gaps
  double at_ms = 0;      ///< since the run was started
  event_kind kind = event_kind::warning;
  std::string step{};
  std::string path{};
  std::string turns{}; ///< of the blocks around it, the outermost first: `/3/0`
  std::string node{};
  std::string detail{};
  std::uint32_t attempt = 0;
  double delay_ms = 0;
  std::shared_ptr<const failure> why{};
};

/// `seq, at_ms, kind`, and where there are any `step, path, turns, node, attempt, delay_ms, detail,
/// failure`.
[[nodiscard]] value to_value(const logged_event& event);

/// A part of the events of a run.
struct event_page {
  std::vector<logged_event> events{};
  std::uint64_t next = 0;   ///< the events after this one come next
  std::uint64_t missed = 0; ///< events in front of these that are no longer kept
  std::string ended{};      ///< the status of the run, once nothing more will come
};

/// Follows the events of one run, at the speed of whoever takes them: what waits for a slow viewer
/// is kept once, in the log. Thread-safe.
class event_viewer {
public:
  virtual ~event_viewer() = default;
  /// Takes what has come since, at most so many.
  virtual event_page take(std::size_t limit) = 0;
  /// `wake` is called once after each `take` that has found nothing, when there is something. It is
  /// called on threads of the runtime and must neither block nor call this viewer.
  virtual void on_news(std::function<void()> wake) = 0;
};

struct run_log_options {
  std::size_t max_events = 1'000;    ///< of one run; the oldest are dropped first
  std::size_t max_bytes = 128 << 20; ///< of all events; beyond, runs keep the newest few only
};

/// Keeps the newest events of runs, and what each waits for. Give it to a runtime as an observer,
/// and to the `run_book` of that runtime. Thread-safe.
class run_log final : public observer {
public:
  explicit run_log(run_log_options options = {});
  ~run_log() override;

  void on_event(const run_event& event) override;

  /// The events of a run after number `after`.
  [[nodiscard]] event_page page(const run_id& run, std::uint64_t after, std::size_t limit) const;
  [[nodiscard]] std::unique_ptr<event_viewer> follow(const run_id& run, std::uint64_t after);

  /// Runs that nobody keeps are forgotten when there are more of them. May be called before the
  /// first event of the run has come.
  void keep(const run_id& run, instant started);
  /// Nothing more will come, until the run is gone on with.
  void close(const run_id& run, std::string status);
  void reopen(const run_id& run);
  void forget(const run_id& run);

  /// Adds a warning, which does not count as progress.
  void warn(const run_id& run, instant now, std::string text);

  using retry_counts = std::function<std::uint32_t(const std::string& path)>;
  [[nodiscard]] std::vector<wait_reason> why(const run_id& run, instant now,
                                             const retry_counts& retries_at = {}) const;
  /// How a run is getting on.
  struct progress {
    instant newest{};      ///< when something happened last
    std::uint64_t seq = 0; ///< number of that event
    bool idle = false;     ///< nothing is at work, and nothing is waited for
    bool sleeps = false;   ///< until a time that is known
  };
  [[nodiscard]] std::optional<progress> progress_of(const run_id& run, instant now) const;
  [[nodiscard]] std::size_t bytes() const noexcept;

private:
  struct entry;
  class viewer;
  class storage;
  std::unique_ptr<storage> storage_;
};

} // namespace troupe::service
