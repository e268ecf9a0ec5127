#pragma once

#include <troupe/runtime/observer.hpp>

#include <mutex>
#include <string>
#include <vector>

namespace troupe::testing {

/// Keeps a copy of every event.
class recording_observer final : public observer {
public:
  struct record {
    event_kind kind;
    std::string step;
    std::string correlation_id;
    std::string why;
    std::string detail;
    duration delay;
    instant at;
  };

  void on_event(const run_event& event) override {
    const std::scoped_lock lock(mutex_);
    records_.push_back({event.kind, std::string(event.step),
                        event.run ? event.run->correlation_id() : std::string(),
                        event.why ? event.why->message : std::string(), std::string(event.detail),
                        event.delay, event.at});
  }

  [[nodiscard]] std::vector<record> all() const {
    const std::scoped_lock lock(mutex_);
    return records_;
  }

  [[nodiscard]] std::vector<record> of(event_kind kind) const {
    std::vector<record> found;
    for (auto& each : all()) {
      if (each.kind == kind) found.push_back(each);
    }
    return found;
  }

private:
  mutable std::mutex mutex_;
  std::vector<record> records_;
};

} // namespace troupe::testing
