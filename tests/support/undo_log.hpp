#pragma once

#include <troupe/runtime/testing.hpp>

#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace troupe::testing {

/// Makes steps that undo others, and notes what they were called with, in order.
class undo_log {
public:
  struct entry {
    std::string name;
    value input;
    friend bool operator==(const entry&, const entry&) = default;
  };

  /// A step that undoes `name`: it is noted, and answers as told.
  [[nodiscard]] step<value, value> undo(const std::string& name, script_entry answer = ok()) const {
    scripted_step made("undo " + name);
    made.answering([state = state_, name, answer](const value& input, const context& ctx) {
      const std::scoped_lock lock(state->mutex);
      state->entries.push_back({name, input});
      state->contexts.push_back(ctx.to_value());
      return answer;
    });
    return made();
  }

  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& each : entries()) all.push_back(each.name);
    return all;
  }

  [[nodiscard]] std::vector<entry> entries() const {
    const std::scoped_lock lock(state_->mutex);
    return state_->entries;
  }

  [[nodiscard]] std::vector<value> contexts() const {
    const std::scoped_lock lock(state_->mutex);
    return state_->contexts;
  }

private:
  struct state {
    mutable std::mutex mutex;
    std::vector<entry> entries;
    std::vector<value> contexts;
  };
  std::shared_ptr<state> state_ = std::make_shared<state>();
};

} // namespace troupe::testing
