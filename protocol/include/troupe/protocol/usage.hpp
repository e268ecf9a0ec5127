#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace troupe {

/// What calls cost. Sums are exact to a billionth of a dollar.
struct usage {
  double cost_usd = 0;
  std::int64_t tokens = 0;

  usage& operator+=(const usage& other) noexcept {
    cost_usd += other.cost_usd;
    tokens += other.tokens;
    return *this;
  }
  friend usage operator+(usage left, const usage& right) noexcept { return left += right; }
  friend bool operator==(const usage&, const usage&) = default;
};

/// The most a run may spend, all branches together. Broken when a total is greater than its limit;
/// costs compare with a tolerance of 1e-9 USD.
struct usage_limit {
  std::optional<double> cost_usd{};
  std::optional<std::int64_t> tokens{};

  /// Returns what to tell the user (unit, total and limit) once `total` breaks the limit.
  [[nodiscard]] std::optional<std::string> broken_by(const usage& total) const;
};

/// Adds up what is reported, from any thread; whatever is added counts for the parent too.
class usage_meter {
public:
  /// `on_add` is told of every amount that is added, on the thread that adds it.
  explicit usage_meter(usage_limit limit = {}, std::shared_ptr<usage_meter> parent = nullptr,
                       std::function<void(const usage&)> on_add = nullptr);

  /// Negative and non-finite amounts count as 0. Returns false when this report contained one.
  bool add(const usage& spent) noexcept;
  [[nodiscard]] usage total() const noexcept;
  [[nodiscard]] const usage_limit& limit() const noexcept { return limit_; }
  /// What to tell the user when the limit of this meter or of one above it is broken.
  [[nodiscard]] std::optional<std::string> broken() const;

private:
  usage_limit limit_;
  std::shared_ptr<usage_meter> parent_;
  std::function<void(const usage&)> on_add_;
  std::atomic<double> cost_usd_{0};
  std::atomic<std::int64_t> tokens_{0};
};

} // namespace troupe
