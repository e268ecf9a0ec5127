#include <troupe/protocol/time.hpp>

#include <array>
#include <cstdint>
#include <numeric>
#include <utility>

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

namespace {

// Units from large to small; `ms` and `ns` come before the letters they begin with.
constexpr std::array<std::pair<std::string_view, std::uint64_t>, 6> units{{{"h", hour},
                                                                           {"ms", millisecond},
                                                                           {"m", minute},
                                                                           {"s", second},
                                                                           {"us", microsecond},
                                                                           {"ns", 1}}};

struct amount {
  std::uint64_t nanoseconds;
  std::uint64_t unit;
};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Takes one number with its unit from the front of a text.
std::optional<amount> take_amount(std::string_view& text) {
  std::uint64_t digits = 0;
  std::uint64_t scale = 1;
  std::size_t read = 0;
  bool in_fraction = false;
  for (; !text.empty() && (is_digit(text[0]) || (text[0] == '.' && !in_fraction && read > 0));
       text.remove_prefix(1)) {
    if (text[0] == '.') {
      in_fraction = true;
      read = 0;
      continue;
    }
    const auto digit = static_cast<std::uint64_t>(text[0] - '0');
    if (__builtin_mul_overflow(digits, 10u, &digits)) return std::nullopt;
    if (__builtin_add_overflow(digits, digit, &digits)) return std::nullopt;
    if (in_fraction && __builtin_mul_overflow(scale, 10u, &scale)) return std::nullopt;
    ++read;
  }
  if (read == 0) return std::nullopt;
  for (const auto& [name, length] : units) {
    if (!text.starts_with(name)) continue;
    text.remove_prefix(name.size());
    // digits / scale units, exactly or not at all.
    std::uint64_t whole = digits / scale;
    const auto common = std::gcd(scale, length);
    std::uint64_t part = digits % scale;
    if (__builtin_mul_overflow(part, length / common, &part)) return std::nullopt;
    if (part % (scale / common) != 0) return std::nullopt;
    if (__builtin_mul_overflow(whole, length, &whole)) return std::nullopt;
    if (__builtin_add_overflow(whole, part / (scale / common), &whole)) return std::nullopt;
    return amount{whole, length};
  }
  return std::nullopt;
}

} // namespace

std::optional<duration> parse_duration(std::string_view text) {
  const auto negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  std::uint64_t total = 0;
  std::uint64_t last_unit = UINT64_MAX;
  do {
    const auto part = take_amount(text);
    if (!part || part->unit >= last_unit) return std::nullopt;
    last_unit = part->unit;
    if (__builtin_add_overflow(total, part->nanoseconds, &total)) return std::nullopt;
  } while (!text.empty());
  const auto most = static_cast<std::uint64_t>(INT64_MAX) + (negative ? 1 : 0);
  if (total > most) return std::nullopt;
  return duration(static_cast<std::int64_t>(negative ? 0 - total : total));
}

} // namespace troupe
