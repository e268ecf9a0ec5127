#pragma once

#include "progress_model.hpp"

#include <troupe/runtime/observer.hpp>

#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace troupe::detail {

/// Follows one run for the tree, and for the report of a run that has to be given up. Thread-safe.
class run_watch final : public observer {
public:
  explicit run_watch(stage_outline outline) : model_(std::move(outline)) {}

  void on_event(const run_event& event) override;

  /// Looks at the model while nothing changes.
  template <class Look>
  auto look(Look&& at) {
    const std::scoped_lock lock(mutex_);
    return at(model_);
  }
  /// The attempts of steps that have ended, in that order.
  [[nodiscard]] std::vector<step_result> finished_steps() const;
  [[nodiscard]] std::set<std::string> open_steps() const;
  /// Steps that did not obey their cancel.
  [[nodiscard]] std::set<std::string> abandoned_steps() const;
  [[nodiscard]] usage spent() const;

private:
  mutable std::mutex mutex_;
  progress_model model_;
  std::vector<step_result> finished_;
  std::map<std::string, int> open_;
  std::set<std::string> abandoned_;
  usage spent_;
};

/// Turns what people should know into lines. Each text is said once, except that a breaker says
/// every change. Thread-safe.
class warning_lines final : public observer {
public:
  using writer = std::function<void(std::string line)>;
  /// `all`: also what only matters in a single run, such as a fallback.
  warning_lines(writer write, bool all) : write_(std::move(write)), all_(all) {}

  void on_event(const run_event& event) override;
  [[nodiscard]] std::uint32_t interests() const override;

private:
  writer write_;
  bool all_;
  std::mutex mutex_;
  std::set<std::string> said_;
};

/// Keeps the states of breakers by name. Thread-safe.
class breaker_watch final : public observer {
public:
  void on_event(const run_event& event) override;
  [[nodiscard]] std::uint32_t interests() const override {
    return interest_in(event_kind::breaker_changed);
  }
  /// Those that are not closed.
  [[nodiscard]] std::map<std::string, std::string> open() const;

private:
  mutable std::mutex mutex_;
  std::map<std::string, std::string> states_;
};

} // namespace troupe::detail
