#pragma once

#include <troupe/policies/join.hpp>
#include <troupe/policies/merge.hpp>
#include <troupe/protocol/behavior.hpp>
#include <troupe/protocol/plan.hpp>
#include <troupe/protocol/step_request.hpp>

#include <string>
#include <vector>

namespace troupe {

/// How the branches of a block run side by side, and what becomes of their results.
struct block_options {
  join joined{};
  merge_rule merge =
      merge_rule::last_declared;           ///< of context entries that several branches changed
  conflict_resolver on_context_conflict{}; ///< decides conflicts instead of `merge`
  /// The context entries that branches get; all of them when empty. The others stay as they are.
  std::vector<std::string> context_include_keys{};
  int max_in_flight = 10'000; ///< branches at work at once; at least 1
  /// Of a map: the list to work on; the input without it.
  behavior<value(const value& input, const context&, const step_request&)> over{};
  /// Of a router: the keys of the branches to run.
  behavior<std::vector<std::string>(const value& input, const context&, const step_request&)>
      choose{};
};

value troupe_describe(const block_options& options);
void troupe_check(const block_options& options, option_check& report);
void troupe_check_children(const block_options& options, option_check& report, std::size_t count);

/// Chooses one branch by key.
struct branch_options {
  behavior<std::string(const value& input, const context&, const step_request&)> key{};
};

value troupe_describe(const branch_options& options);
void troupe_check(const branch_options& options, option_check& report);

/// Repeats its body until a condition holds.
struct loop_options {
  /// Asked after each turn, with the body's output, the number of the turn, from 1, the context as
  /// the body left it, and what the loop was asked.
  behavior<bool(const value& output, std::uint64_t iteration, const context&, const step_request&)>
      until{};
  int max_iterations = 5; ///< at least 1; when they are used up the loop fails
  /// Makes the next input from the output; the output itself without it.
  behavior<value(const value& output, std::uint64_t iteration, const context&, const step_request&)>
      next{};
};

value troupe_describe(const loop_options& options);
void troupe_check(const loop_options& options, option_check& report);

} // namespace troupe
