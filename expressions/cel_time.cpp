#include "cel_time.hpp"

#include <array>
#include <limits>

namespace troupe::detail {

namespace {

__extension__ using wide = __int128;

constexpr std::int64_t second = 1'000'000'000; // in nanoseconds
constexpr std::int64_t day = 86'400;           // in seconds

bool is_digit(char letter) {
  return letter >= '0' && letter <= '9';
}

std::string two_digits(int number) {
  return {static_cast<char>('0' + number / 10), static_cast<char>('0' + number % 10)};
}

// `.5` for half a second; nothing for none.
std::string fraction(std::int64_t nanos) {
  if (nanos == 0) return {};
  auto digits = std::to_string(second + nanos);
  digits.erase(digits.find_last_not_of('0') + 1);
  return "." + digits.substr(1);
}

time_result in_range(cel_timestamp time) {
  if (time.seconds < first_second || time.seconds > last_second) {
    return {time_fate::out_of_range, {}};
  }
  return {time_fate::fine, cel_value::timestamp(time)};
}

// `nanos` is between minus and plus two seconds.
cel_timestamp normalized(std::int64_t seconds, std::int64_t nanos) {
  while (nanos < 0) {
    nanos += second;
    --seconds;
  }
  while (nanos >= second) {
    nanos -= second;
    ++seconds;
  }
  return {seconds, static_cast<std::int32_t>(nanos)};
}

time_result moved(cel_timestamp time, duration by, bool forward) {
  const auto seconds = by.count() / second;
  const auto nanos = by.count() % second;
  return in_range(forward ? normalized(time.seconds + seconds, time.nanos + nanos)
                          : normalized(time.seconds - seconds, time.nanos - nanos));
}

time_result between(cel_timestamp from, cel_timestamp to) {
  std::int64_t nanos = 0;
  const bool overflows =
      __builtin_mul_overflow(to.seconds - from.seconds, second, &nanos)
      || __builtin_add_overflow(nanos, std::int64_t{to.nanos} - from.nanos, &nanos);
  if (overflows) return {time_fate::out_of_range, {}};
  return {time_fate::fine, cel_value::duration(duration(nanos))};
}

// Reads texts of a fixed form from the left.
class time_reader {
public:
  explicit time_reader(std::string_view text) : text_(text) {}

  bool number(std::size_t digits, std::int64_t& result) {
    if (text_.size() < digits) return false;
    result = 0;
    for (const auto letter : text_.substr(0, digits)) {
      if (!is_digit(letter)) return false;
      result = result * 10 + (letter - '0');
    }
    text_.remove_prefix(digits);
    return true;
  }

  bool symbol(char wanted) {
    if (!text_.starts_with(wanted)) return false;
    text_.remove_prefix(1);
    return true;
  }

  // Digits behind a point as nanoseconds.
  bool nanos(std::int64_t& result) {
    result = 0;
    std::size_t count = 0;
    for (std::int64_t place = second / 10; count < text_.size() && is_digit(text_[count]);
         ++count) {
      result += place * (text_[count] - '0');
      place /= 10;
    }
    text_.remove_prefix(count);
    return count > 0;
  }

  // `Z` or how far ahead of UTC.
  bool offset(std::int64_t& result) {
    result = 0;
    if (symbol('Z')) return true;
    const bool is_behind = text_.starts_with('-');
    std::int64_t hours = 0;
    std::int64_t minutes = 0;
    if (!symbol(is_behind ? '-' : '+') || !number(2, hours) || !symbol(':') || !number(2, minutes)
        || hours > 23 || minutes > 59) {
      return false;
    }
    result = (hours * 60 + minutes) * (is_behind ? -60 : 60);
    return true;
  }

  bool is_at_end() const { return text_.empty(); }

private:
  std::string_view text_;
};

struct unit {
  std::string_view name;
  std::int64_t nanos;
};

// The longer ones first. The two spellings of `us` with a Greek letter are different code points.
constexpr std::array<unit, 8> units = {{{"ns", 1},
                                        {"us", 1'000},
                                        {"\xc2\xb5s", 1'000},
                                        {"\xce\xbcs", 1'000},
                                        {"ms", 1'000'000},
                                        {"s", second},
                                        {"m", 60 * second},
                                        {"h", 3'600 * second}}};

// Adds one number with its unit, downwards, as there are more negative durations than positive.
bool take_part(std::string_view& text, std::int64_t& total) {
  std::int64_t whole = 0;
  std::int64_t part = 0;
  std::int64_t scale = 1;
  std::size_t at = 0;
  for (; at < text.size() && is_digit(text[at]); ++at) {
    if (__builtin_mul_overflow(whole, 10, &whole)
        || __builtin_add_overflow(whole, text[at] - '0', &whole)) {
      return false;
    }
  }
  auto digits = at;
  if (at < text.size() && text[at] == '.') {
    for (++at; at < text.size() && is_digit(text[at]); ++at, ++digits) {
      if (scale >= 1'000'000'000'000) continue;
      part = part * 10 + (text[at] - '0');
      scale *= 10;
    }
  }
  if (digits == 0) return false;
  text.remove_prefix(at);
  for (const auto& [name, nanos] : units) {
    if (!text.starts_with(name)) continue;
    text.remove_prefix(name.size());
    const auto rest = static_cast<std::int64_t>(wide{part} * nanos / scale);
    return !__builtin_mul_overflow(whole, nanos, &whole)
           && !__builtin_sub_overflow(total, whole, &total)
           && !__builtin_sub_overflow(total, rest, &total);
  }
  return false;
}

} // namespace

time_result sum_of_times(const cel_value& left, const cel_value& right) {
  if (left.is(cel_kind::timestamp) && right.is(cel_kind::duration)) {
    return moved(left.timestamp(), right.duration(), true);
  }
  if (left.is(cel_kind::duration) && right.is(cel_kind::timestamp)) {
    return moved(right.timestamp(), left.duration(), true);
  }
  if (!left.is(cel_kind::duration) || !right.is(cel_kind::duration)) return {};
  std::int64_t sum = 0;
  if (__builtin_add_overflow(left.duration().count(), right.duration().count(), &sum)) {
    return {time_fate::out_of_range, {}};
  }
  return {time_fate::fine, cel_value::duration(duration(sum))};
}

time_result difference_of_times(const cel_value& left, const cel_value& right) {
  if (left.is(cel_kind::timestamp) && right.is(cel_kind::duration)) {
    return moved(left.timestamp(), right.duration(), false);
  }
  if (left.is(cel_kind::timestamp) && right.is(cel_kind::timestamp)) {
    return between(right.timestamp(), left.timestamp());
  }
  if (!left.is(cel_kind::duration) || !right.is(cel_kind::duration)) return {};
  std::int64_t difference = 0;
  if (__builtin_sub_overflow(left.duration().count(), right.duration().count(), &difference)) {
    return {time_fate::out_of_range, {}};
  }
  return {time_fate::fine, cel_value::duration(duration(difference))};
}

std::optional<cel_timestamp> read_timestamp(std::string_view text) {
  time_reader reader(text);
  std::int64_t year = 0;
  std::int64_t month = 0;
  std::int64_t day_of_month = 0;
  std::int64_t hours = 0;
  std::int64_t minutes = 0;
  std::int64_t seconds = 0;
  std::int64_t nanos = 0;
  std::int64_t offset = 0;
  if (!reader.number(4, year) || !reader.symbol('-') || !reader.number(2, month)
      || !reader.symbol('-') || !reader.number(2, day_of_month) || !reader.symbol('T')
      || !reader.number(2, hours) || !reader.symbol(':') || !reader.number(2, minutes)
      || !reader.symbol(':') || !reader.number(2, seconds)) {
    return {};
  }
  if (reader.symbol('.') && !reader.nanos(nanos)) return {};
  if (!reader.offset(offset) || !reader.is_at_end()) return {};
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(year)),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day_of_month))};
  if (!date.ok() || hours > 23 || minutes > 59 || seconds > 59) return {};
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  const auto total = days * day + hours * 3'600 + minutes * 60 + seconds - offset;
  if (total < first_second || total > last_second) return {};
  return cel_timestamp{total, static_cast<std::int32_t>(nanos)};
}

std::string write_timestamp(cel_timestamp time) {
  const auto wall = wall_time_of(time.seconds);
  auto year = std::to_string(static_cast<int>(wall.date.year()));
  year.insert(0, 4 - std::min<std::size_t>(4, year.size()), '0');
  return year + "-" + two_digits(static_cast<int>(static_cast<unsigned>(wall.date.month()))) + "-"
         + two_digits(static_cast<int>(static_cast<unsigned>(wall.date.day()))) + "T"
         + two_digits(wall.hours) + ":" + two_digits(wall.minutes) + ":" + two_digits(wall.seconds)
         + fraction(time.nanos) + "Z";
}

std::optional<duration> read_duration(std::string_view text) {
  const bool is_negative = text.starts_with('-');
  if (is_negative || text.starts_with('+')) text.remove_prefix(1);
  if (text == "0") return duration(0);
  std::int64_t total = 0;
  if (text.empty()) return {};
  while (!text.empty()) {
    if (!take_part(text, total)) return {};
  }
  if (is_negative) return duration(total);
  if (total == std::numeric_limits<std::int64_t>::min()) return {};
  return duration(-total);
}

std::string write_duration(duration length) {
  const auto given = static_cast<std::uint64_t>(length.count());
  const auto size = length.count() < 0 ? 0 - given : given;
  const auto rest = static_cast<std::int64_t>(size % second);
  return (length.count() < 0 ? "-" : "") + std::to_string(size / second) + fraction(rest) + "s";
}

wall_time wall_time_of(std::int64_t seconds_since_1970) {
  auto days = seconds_since_1970 / day;
  auto rest = static_cast<int>(seconds_since_1970 % day);
  if (rest < 0) {
    rest += static_cast<int>(day);
    --days;
  }
  wall_time wall;
  wall.days = days;
  wall.date = std::chrono::sys_days(std::chrono::days(static_cast<int>(days)));
  wall.hours = rest / 3'600;
  wall.minutes = rest / 60 % 60;
  wall.seconds = rest % 60;
  return wall;
}

} // namespace troupe::detail
