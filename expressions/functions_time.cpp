#include "cel_time.hpp"
#include "evaluation.hpp"

namespace troupe::detail {

namespace {

// What a name costs more than an offset.
constexpr std::uint64_t cost_of_zone = 10;

// The receiver as the clock on the wall shows it, in UTC or in the zone that is given.
bool wall_time_in(const cel_call& call, wall_time& wall) {
  if (call.kind(0) != cel_kind::timestamp) return call.run.no_overload(call);
  const auto seconds = call[0].timestamp().seconds;
  if (call.size() == 1) {
    wall = wall_time_of(seconds);
    return true;
  }
  if (call.kind(1) != cel_kind::text) return call.run.no_overload(call);
  if (!call.run.spend(call.node, cost_of_zone)) return false;
  const auto& zone = call[1].text();
  const auto offset = zone_offset(zone, seconds);
  if (!offset) {
    return call.run.fail(call.node, "unknown time zone: " + zone.substr(0, 64));
  }
  wall = wall_time_of(seconds + *offset);
  return true;
}

int day_of_year(const wall_time& wall) {
  const auto first = std::chrono::sys_days(wall.date.year() / std::chrono::January / 1);
  return static_cast<int>(wall.days - first.time_since_epoch().count());
}

template <class Part>
bool part_of_date(const cel_call& call, cel_value& result, Part part) {
  wall_time wall;
  if (!wall_time_in(call, wall)) return false;
  result = cel_value::integer(part(wall));
  return true;
}

// A duration is counted in whole units; it takes no time zone.
bool is_duration(const cel_call& call) {
  return call.kind(0) == cel_kind::duration && call.size() == 1;
}

bool count_of(const cel_call& call, duration unit, cel_value& result) {
  result = cel_value::integer(call[0].duration() / unit);
  return true;
}

} // namespace

bool get_full_year(const cel_call& call, cel_value& result) {
  return part_of_date(call, result,
                      [](const wall_time& wall) { return static_cast<int>(wall.date.year()); });
}

bool get_month(const cel_call& call, cel_value& result) {
  return part_of_date(call, result, [](const wall_time& wall) {
    return static_cast<std::int64_t>(static_cast<unsigned>(wall.date.month())) - 1;
  });
}

bool get_day_of_month(const cel_call& call, cel_value& result) {
  return part_of_date(call, result, [](const wall_time& wall) {
    return static_cast<std::int64_t>(static_cast<unsigned>(wall.date.day())) - 1;
  });
}

bool get_date(const cel_call& call, cel_value& result) {
  return part_of_date(call, result, [](const wall_time& wall) {
    return static_cast<std::int64_t>(static_cast<unsigned>(wall.date.day()));
  });
}

bool get_day_of_week(const cel_call& call, cel_value& result) {
  return part_of_date(call, result, [](const wall_time& wall) {
    const std::chrono::weekday weekday{std::chrono::sys_days(wall.date)};
    return static_cast<std::int64_t>(weekday.c_encoding());
  });
}

bool get_day_of_year(const cel_call& call, cel_value& result) {
  return part_of_date(call, result, day_of_year);
}

bool get_hours(const cel_call& call, cel_value& result) {
  if (is_duration(call)) return count_of(call, std::chrono::hours(1), result);
  return part_of_date(call, result, [](const wall_time& wall) { return wall.hours; });
}

bool get_minutes(const cel_call& call, cel_value& result) {
  if (is_duration(call)) return count_of(call, std::chrono::minutes(1), result);
  return part_of_date(call, result, [](const wall_time& wall) { return wall.minutes; });
}

bool get_seconds(const cel_call& call, cel_value& result) {
  if (is_duration(call)) return count_of(call, std::chrono::seconds(1), result);
  return part_of_date(call, result, [](const wall_time& wall) { return wall.seconds; });
}

bool get_milliseconds(const cel_call& call, cel_value& result) {
  if (is_duration(call)) {
    const auto rest = call[0].duration() % std::chrono::seconds(1);
    result = cel_value::integer(rest / std::chrono::milliseconds(1));
    return true;
  }
  wall_time wall;
  if (!wall_time_in(call, wall)) return false;
  result = cel_value::integer(call[0].timestamp().nanos / 1'000'000);
  return true;
}

} // namespace troupe::detail
