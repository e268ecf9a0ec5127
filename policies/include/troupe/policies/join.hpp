#pragma once

#include <troupe/protocol/plan.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace troupe {

/// When a block of branches is done.
enum class join_mode : std::uint8_t {
  all,     ///< every branch must succeed; the first failure ends the block
  collect, ///< waits for every branch, failures stay in the list; fails only when none succeeded
  quorum,  ///< enough successes; ends once they are there, or cannot be reached any more
  first,   ///< the first success wins
};

/// `all`, `collect`, `quorum`, `first`
[[nodiscard]] std::string_view to_string(join_mode mode);

struct join {
  join_mode mode = join_mode::all;
  int quorum = 0; ///< successes that are enough, for `quorum`: 1 to the number of branches
};

value troupe_describe(const join& rule);
void troupe_check(const join& rule, option_check& report);
/// Reports a quorum that so many branches cannot reach.
void troupe_check_children(const join& rule, option_check& report, std::size_t branches);

/// Decides when a block is over and how. Pure.
class join_state {
public:
  enum class verdict : std::uint8_t { open, succeeded, failed };

  /// A block without branches has succeeded, unless it needs a success (`quorum`, `first`).
  join_state(join rule, std::size_t branches);
  /// Records the end of one branch and returns the verdict so far. The verdict never changes once
  /// it is not open.
  verdict record(bool success);
  [[nodiscard]] verdict current() const noexcept { return verdict_; }
  [[nodiscard]] std::size_t successes() const noexcept { return successes_; }
  [[nodiscard]] std::size_t failures() const noexcept { return failures_; }

private:
  [[nodiscard]] verdict judge() const;
  [[nodiscard]] std::size_t needed() const;

  join rule_;
  std::size_t branches_;
  std::size_t successes_ = 0;
  std::size_t failures_ = 0;
  verdict verdict_ = verdict::open;
};

} // namespace troupe
