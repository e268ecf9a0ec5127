#pragma once

#include "console.hpp"
#include "interrupts.hpp"

#include <troupe/runtime/run_result.hpp>

#include <optional>
#include <string>

namespace troupe::detail {

/// Reads the state of a paused run: what `save_state` wrote, or the `--json` result of such a run.
/// Throws `usage_error` for anything else.
[[nodiscard]] run_snapshot load_state(const std::string& path);

/// The name of a state file that nobody has given another one.
[[nodiscard]] std::string default_state_file(const run_snapshot& state);
/// Writes the state of a paused run, whole or not at all; returns why it could not.
[[nodiscard]] std::optional<std::string> save_state(const run_snapshot& state,
                                                    const std::string& path);

/// Asks a person at the terminal.
class answer_prompt {
public:
  answer_prompt(console& speaker, const interrupts& signals)
      : console_(speaker), signals_(signals) {}

  void show(const pause_request& asked);
  /// The next line that is not blank: JSON if it parses, else a text. Nothing when the input ends,
  /// or somebody wants to stop.
  [[nodiscard]] std::optional<value> read();

private:
  [[nodiscard]] std::optional<std::string> read_line();

  console& console_;
  const interrupts& signals_;
  std::string rest_;
};

} // namespace troupe::detail
