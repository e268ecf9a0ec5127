#pragma once

#include <troupe/protocol/value.hpp>

#include <map>
#include <mutex>
#include <string>

namespace troupe {

/// What the scripted steps (`test.script`) of a file were asked: calls and inputs by the name of
/// the step; steps of equal names add up. Thread-safe.
class script_book {
public:
  /// Makes a name known, so that a step that was never called is listed too.
  void open(const std::string& name);
  void record(const std::string& name, const value& input);
  [[nodiscard]] bool empty() const;
  /// `{NAME: {calls, inputs}}`
  [[nodiscard]] value to_value() const;
  /// Forgets calls and inputs, not the names.
  void reset();

private:
  mutable std::mutex mutex_;
  std::map<std::string, value::list_type> inputs_;
};

} // namespace troupe
