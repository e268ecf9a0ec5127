#pragma once

#include <troupe/protocol/context.hpp>
#include <troupe/protocol/outcome.hpp>
#include <troupe/protocol/step_result.hpp>
#include <troupe/protocol/value.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace troupe {

/// One thing a run has done: the result of a finished stage, and what it did to the context.
struct run_record {
  std::shared_ptr<const step_result> result; ///< without its context
  std::vector<std::pair<std::string, std::optional<value>>>
      changes{}; ///< no value: the key was erased
};

/// Takes the result of a call that was given the context `before`.
[[nodiscard]] run_record make_record(const step_result& result, const context& before);
/// The result as a call that was given the context `before` would have got it.
[[nodiscard]] step_result replay(const run_record& record, const context& before);

/// What a run has finished so far, by place. A run that is started again with its journal does not
/// do again what is in there. A record is decided once and never changes. Thread-safe.
class run_journal {
public:
  /// Names one call of one stage: its place in the plan, the turns of the blocks around it, and the
  /// how-manieth call there it is.
  struct place {
    std::string path;
    std::uint32_t call = 1;
    friend auto operator<=>(const place&, const place&) = default;
  };

  [[nodiscard]] std::optional<run_record> find(const place& where) const;
  /// Keeps the first record for a place.
  void record(place where, run_record what);
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::shared_ptr<run_journal> copy() const;

  /// `[{path, call, result, set, erased}]`
  [[nodiscard]] value to_value() const;
  static outcome<std::shared_ptr<run_journal>> from_value(const value& content);

private:
  mutable std::mutex mutex_;
  std::map<place, run_record> records_;
};

/// What a person may answer to a pause.
struct answer_rule {
  enum class type : std::uint8_t { any, text, integer, number, boolean, list, map };
  type expects = type::any;
  value::list_type choices{}; ///< one of these; anything when empty

  /// Returns what is wrong with an answer: `must be a number; it is text`.
  [[nodiscard]] std::optional<std::string> refuse(const value& answer) const;
};

[[nodiscard]] std::string_view to_string(answer_rule::type expected);
[[nodiscard]] std::optional<answer_rule::type> answer_type_from(std::string_view name);

/// What a paused run waits for.
struct pause_request {
  std::string step; ///< name of the stage that asks
  std::string prompt;
  answer_rule rule{};
  run_journal::place where{};
};

/// `{step, prompt}`, and where given `expects` and `choices`.
[[nodiscard]] value to_value(const pause_request& asked);

} // namespace troupe
