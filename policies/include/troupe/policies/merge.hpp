#pragma once

#include <troupe/protocol/behavior.hpp>
#include <troupe/protocol/context.hpp>
#include <troupe/protocol/outcome.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace troupe {

/// What becomes of a context entry that several branches changed to different values.
enum class merge_rule : std::uint8_t {
  last_declared,    ///< the branch declared last wins
  first_declared,   ///< the branch declared first wins
  fail_on_conflict, ///< the block fails, and nothing is merged
  none,             ///< nothing is merged at all
};

/// Decides one conflict: the key, its value before the block (null when there was none), and the
/// values of the branches that changed it, in declared order (null where a branch erased it).
/// Returns the value to keep.
using conflict_resolver =
    behavior<value(const std::string&, const value&, const std::vector<value>&)>;

/// Merges what branches did to their copies of the context, three-way against what they were given.
///
/// A branch takes part for a key only if it changed it; equal changes are no conflict. `before` is
/// the whole context, `given` what each branch started from (the same, or only some of its keys).
/// With `resolve`, conflicts are decided by it instead of the rule. All or nothing: a `permanent`
/// failure names the key, and `before` is untouched. May throw what `resolve` throws. Takes time in
/// proportion to the changes.
outcome<context> merge_branches(const context& before, const context& given,
                                std::span<const context> branches, merge_rule rule,
                                const conflict_resolver& resolve = {});

} // namespace troupe
