#include "http_date.hpp"

#include <charconv>

namespace troupe {

namespace {

// Reads a run of digits and moves past it.
std::optional<int> take_number(std::string_view& text) {
  int result = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), result);
  if (error != std::errc() || result < 0) return {};
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return result;
}

bool take(std::string_view& text, std::string_view expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(expected.size());
  return true;
}

std::optional<int> take_month(std::string_view& text) {
  constexpr std::string_view names = "JanFebMarAprMayJunJulAugSepOctNovDec";
  if (text.size() < 3) return {};
  const auto at = names.find(text.substr(0, 3));
  if (at == names.npos || at % 3 != 0) return {};
  text.remove_prefix(3);
  return static_cast<int>(at / 3) + 1;
}

std::optional<std::chrono::seconds> take_time(std::string_view& text) {
  const auto hours = take_number(text);
  if (!hours || *hours > 23 || !take(text, ":")) return {};
  const auto minutes = take_number(text);
  if (!minutes || *minutes > 59 || !take(text, ":")) return {};
  const auto seconds = take_number(text);
  if (!seconds || *seconds > 60) return {};
  return std::chrono::seconds(*hours * 3'600 + *minutes * 60 + *seconds);
}

std::optional<wall_time> to_wall_time(int year, int month, int day, std::chrono::seconds time) {
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || year < 1970 || year > 2200) return {};
  return std::chrono::sys_days(date) + time;
}

std::optional<wall_time> parse_asctime(std::string_view text) {
  if (text.size() < 4) return {};
  text.remove_prefix(4);
  const auto month = take_month(text);
  while (take(text, " ")) {
  }
  const auto day = take_number(text);
  if (!month || !day || !take(text, " ")) return {};
  const auto time = take_time(text);
  if (!time || !take(text, " ")) return {};
  const auto year = take_number(text);
  if (!year || !text.empty()) return {};
  return to_wall_time(*year, *month, *day, *time);
}

} // namespace

std::optional<wall_time> parse_http_date(std::string_view text, wall_time now) {
  const auto comma = text.find(", ");
  if (comma == text.npos) return parse_asctime(text);
  text.remove_prefix(comma + 2);
  const auto day = take_number(text);
  if (!day || (!take(text, " ") && !take(text, "-"))) return {};
  const auto month = take_month(text);
  if (!month || (!take(text, " ") && !take(text, "-"))) return {};
  auto year = take_number(text);
  if (!year || !take(text, " ")) return {};
  const auto time = take_time(text);
  if (!time || text != " GMT") return {};
  if (*year < 100) {
    const auto today = std::chrono::floor<std::chrono::days>(now);
    const int this_year = static_cast<int>(std::chrono::year_month_day(today).year());
    *year += this_year / 100 * 100;
    if (*year > this_year + 50) *year -= 100;
  }
  return to_wall_time(*year, *month, *day, *time);
}

} // namespace troupe
