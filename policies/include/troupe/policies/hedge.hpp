#pragma once

#include <troupe/protocol/plan.hpp>

#include <optional>
#include <vector>

namespace troupe {

/// Starts a second attempt when the first is slow, and takes whichever succeeds first. Only for
/// steps marked `idempotent`: the work may be done twice.
struct hedge {
  std::optional<duration> delay{};  ///< start the extra attempt after this …
  std::optional<double> quantile{}; ///< … or after this quantile (0.5 to 0.999) of recent
                                    ///< latencies; exactly one of both
  int max_hedges = 1;               ///< extra attempts, 1 to 10
};

value troupe_describe(const hedge& options);
void troupe_check(const hedge& options, option_check& report);

/// Remembers the latest 256 latencies of successful calls, and tells their quantiles.
class recent_latencies {
public:
  void record(duration took);
  /// Nothing until 20 calls were recorded.
  [[nodiscard]] std::optional<duration> quantile(double share) const;

private:
  std::vector<duration> ring_;
  std::size_t next_ = 0;
};

/// When to start the next extra attempt after the first one started; nothing while a quantile is
/// not known yet.
[[nodiscard]] std::optional<duration> hedge_delay(const hedge& options,
                                                  const recent_latencies& seen);

} // namespace troupe
