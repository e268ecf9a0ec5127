#include <troupe/protocol/time.hpp>

#include <cstdint>

namespace troupe {

namespace {

constexpr std::uint64_t microsecond = 1'000;
constexpr std::uint64_t millisecond = 1'000 * microsecond;
constexpr std::uint64_t second = 1'000 * millisecond;
constexpr std::uint64_t minute = 60 * second;
constexpr std::uint64_t hour = 60 * minute;

std::string decimal(std::uint64_t length, std::uint64_t unit, const char* name) {
  auto text = std::to_string(length / unit);
  if (const auto rest = length % unit; rest != 0) {
    // The leading 1 keeps the zeros in front of the fraction.
    auto fraction = std::to_string(unit + rest);
    fraction.erase(fraction.find_last_not_of('0') + 1);
    text += "." + fraction.substr(1);
  }
  return text + name;
}

std::string below_a_minute(std::uint64_t length) {
  if (length >= second) return decimal(length, second, "s");
  if (length >= millisecond) return decimal(length, millisecond, "ms");
  if (length >= microsecond) return decimal(length, microsecond, "us");
  return decimal(length, 1, "ns");
}

} // namespace

instant later(instant from, duration by) {
  if (from == no_deadline) return no_deadline;
  const auto start = from.time_since_epoch();
  if (by > duration::zero()) {
    return start > duration::max() - by ? no_deadline : instant(start + by);
  }
  return start < duration::min() - by ? instant::min() : instant(start + by);
}

std::string to_string(duration length) {
  if (length == duration::zero()) return "0s";
  const auto given = static_cast<std::uint64_t>(length.count());
  auto left = length.count() < 0 ? 0 - given : given;
  std::string text = length.count() < 0 ? "-" : "";
  if (left >= hour) text += std::to_string(left / hour) + "h";
  left %= hour;
  if (left >= minute) text += std::to_string(left / minute) + "m";
  left %= minute;
  // After minutes everything smaller is a fraction of a second: `1m0.25s`.
  const auto is_tail = length >= std::chrono::minutes(1) || length <= -std::chrono::minutes(1);
  if (left != 0) text += is_tail ? decimal(left, second, "s") : below_a_minute(left);
  return text;
}

} // namespace troupe
