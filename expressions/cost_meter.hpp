#pragma once

#include <cstddef>
#include <cstdint>

namespace troupe::detail {

/// What an evaluation may still spend.
class cost_meter {
public:
  explicit cost_meter(std::uint64_t limit) : left_(limit) {}

  /// Returns false, then and ever after, when there is not as much left.
  [[nodiscard]] bool spend(std::uint64_t steps) noexcept {
    if (steps > left_) {
      exhausted_ = true;
      left_ = 0;
      return false;
    }
    left_ -= steps;
    return true;
  }
  /// What reading or making that many bytes costs.
  [[nodiscard]] bool spend_bytes(std::size_t count) noexcept {
    return spend(count / bytes_per_step + 1);
  }
  [[nodiscard]] bool exhausted() const noexcept { return exhausted_; }

private:
  static constexpr std::size_t bytes_per_step = 16;
  std::uint64_t left_;
  bool exhausted_ = false;
};

} // namespace troupe::detail
