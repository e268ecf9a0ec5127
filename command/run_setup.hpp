#pragma once

#include "command_options.hpp"
#include "console.hpp"
#include "interrupts.hpp"

#include <troupe/runtime/runtime.hpp>
#include <troupe/workflows/workflow_file.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe::detail {

/// Everything about what `run` is to do, read and checked.
struct run_setup {
  run_request request{};
  workflow file;
  value input{};                 ///< of a single run
  std::optional<value> answer{}; ///< for `--resume`
  std::vector<value> inputs{};   ///< of many runs
  std::size_t concurrency = 1;
  value context{};
  std::uint64_t seed = 0;           ///< 0: any
  std::vector<std::string> words{}; ///< the command line
};

/// Who works on it, and for whom.
struct run_place {
  console& speaker;
  interrupts& signals;
};

/// Reads a workflow file, or standard input for `-`, and shows its warnings. Throws `usage_error`
/// with every error of the file.
[[nodiscard]] workflow load_workflow(const std::string& path, const step_registry& registry,
                                     console& speaker);

/// The context that the options give, key by key over that of the file. Throws `usage_error`.
[[nodiscard]] value read_context(const std::optional<std::string>& given,
                                 const std::vector<std::string>& settings, const value& of_file);

/// Throws `usage_error` for options that do not go together.
void check_together(const run_request& request);
/// Throws `usage_error`.
[[nodiscard]] run_setup read_setup(run_request request, std::vector<std::string> words,
                                   const step_registry& registry, console& speaker);

/// How each run of the setup starts.
[[nodiscard]] run_options start_options(const run_setup& setup);

[[nodiscard]] std::unique_ptr<runtime>
make_runtime(const run_setup& setup, std::vector<std::shared_ptr<observer>> observers);

/// Makes the workflow live; throws `usage_error` when that cannot be.
[[nodiscard]] deployment<value, value> deploy(const run_setup& setup, runtime& home);

/// The command line that does the same run again, for a shell; empty when there is none.
[[nodiscard]] std::string command_again(const run_setup& setup);
[[nodiscard]] std::string quote_for_shell(const std::string& word);

/// Ends the program where an orderly end would wait for a step that does not stop.
void leave_if_stuck(const run_place& place, const runtime& home);

int run_once(const run_place& place, run_setup setup);
int run_many(const run_place& place, run_setup setup);

} // namespace troupe::detail
