#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace troupe::detail {

/// When daylight saving time starts or ends in a year.
struct yearly_change {
  enum class counting : std::uint8_t { weekday_of_month, day_without_leap_day, day } by{};
  int month = 0;                ///< from 1
  int week = 0;                 ///< from 1; 5 is the last one
  int day = 0;                  ///< weekday from Sunday = 0, or day of the year
  std::int64_t seconds = 7'200; ///< since midnight, in the time before the change
};

/// The rule for the time after the last known change.
struct zone_rule {
  std::int64_t standard = 0; ///< ahead of UTC, in seconds
  std::int64_t daylight = 0;
  bool has_daylight = false;
  yearly_change start{};
  yearly_change end{};

  [[nodiscard]] std::int64_t offset_at(std::int64_t seconds) const;
};

/// Reads the POSIX form, such as `EST5EDT,M3.2.0,M11.1.0`.
[[nodiscard]] std::optional<zone_rule> read_zone_rule(std::string_view text);

/// The clocks of one time zone, from its file (RFC 8536).
class zone_history {
public:
  /// Nothing when that is no such file.
  [[nodiscard]] static std::optional<zone_history> read(std::string_view file);
  /// How far ahead of UTC, in seconds.
  [[nodiscard]] std::int64_t offset_at(std::int64_t seconds) const;

private:
  struct change {
    std::int64_t from;
    std::int64_t offset;
  };
  std::int64_t before_ = 0;
  std::vector<change> changes_; ///< in order
  std::optional<zone_rule> rule_;
};

} // namespace troupe::detail
