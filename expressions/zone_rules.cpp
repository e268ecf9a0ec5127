#include "zone_rules.hpp"

#include "cel_time.hpp"

#include <algorithm>
#include <chrono>

namespace troupe::detail {

namespace {

using std::chrono::sys_days;

constexpr std::int64_t day = 86'400;

std::int64_t days_until(std::chrono::year year) {
  return sys_days(year / std::chrono::January / 1).time_since_epoch().count();
}

std::int64_t weekday_of_month(const yearly_change& change, std::chrono::year year) {
  const auto month = year / std::chrono::month(static_cast<unsigned>(change.month));
  const std::chrono::weekday weekday(static_cast<unsigned>(change.day));
  const auto date = change.week == 5
                        ? sys_days(month / weekday[std::chrono::last])
                        : sys_days(month / weekday[static_cast<unsigned>(change.week)]);
  return date.time_since_epoch().count();
}

// In seconds since 1970, on the clock that was there before the change.
std::int64_t moment_of(const yearly_change& change, std::chrono::year year) {
  auto days = days_until(year) + change.day;
  if (change.by == yearly_change::counting::weekday_of_month) {
    days = weekday_of_month(change, year);
  } else if (change.by == yearly_change::counting::day_without_leap_day) {
    constexpr int first_of_march = 60;
    days -= year.is_leap() && change.day >= first_of_march ? 0 : 1;
  }
  return days * day + change.seconds;
}

class rule_reader {
public:
  explicit rule_reader(std::string_view text) : text_(text) {}

  std::optional<zone_rule> run() {
    zone_rule rule;
    if (!name() || !offset(rule.standard)) return {};
    if (text_.empty()) return rule;
    rule.has_daylight = true;
    rule.daylight = rule.standard + 3'600;
    if (!name() || (!text_.starts_with(',') && !offset(rule.daylight))) return {};
    if (!symbol(',') || !change(rule.start) || !symbol(',') || !change(rule.end)) return {};
    return text_.empty() ? std::optional(rule) : std::nullopt;
  }

private:
  bool symbol(char wanted) {
    if (!text_.starts_with(wanted)) return false;
    text_.remove_prefix(1);
    return true;
  }

  bool name() {
    if (symbol('<')) {
      const auto end = text_.find('>');
      if (end == std::string_view::npos) return false;
      text_.remove_prefix(end + 1);
      return true;
    }
    const auto end = text_.find_first_of("+-,0123456789");
    const auto length = std::min(end, text_.size());
    text_.remove_prefix(length);
    return length > 0;
  }

  bool number(std::int64_t& result) {
    constexpr std::int64_t large = 1'000;
    std::size_t digits = 0;
    result = 0;
    for (; digits < text_.size() && text_[digits] >= '0' && text_[digits] <= '9'; ++digits) {
      result = result * 10 + (text_[digits] - '0');
      if (result > large) return false;
    }
    text_.remove_prefix(digits);
    return digits > 0;
  }

  bool number(std::int64_t least, std::int64_t most, int& result) {
    std::int64_t read = 0;
    if (!number(read) || read < least || read > most) return false;
    result = static_cast<int>(read);
    return true;
  }

  // Hours, perhaps minutes, perhaps seconds.
  bool time(std::int64_t& result) {
    const bool is_negative = text_.starts_with('-');
    if (is_negative || text_.starts_with('+')) text_.remove_prefix(1);
    std::int64_t part = 0;
    if (!number(part)) return false;
    result = part * 3'600;
    if (symbol(':')) {
      if (!number(part)) return false;
      result += part * 60;
      if (symbol(':')) {
        if (!number(part)) return false;
        result += part;
      }
    }
    if (is_negative) result = -result;
    return true;
  }

  // The form counts westward.
  bool offset(std::int64_t& result) {
    if (!time(result)) return false;
    result = -result;
    return true;
  }

  bool change(yearly_change& result) {
    if (symbol('M')) {
      result.by = yearly_change::counting::weekday_of_month;
      if (!number(1, 12, result.month) || !symbol('.') || !number(1, 5, result.week) || !symbol('.')
          || !number(0, 6, result.day)) {
        return false;
      }
    } else if (symbol('J')) {
      result.by = yearly_change::counting::day_without_leap_day;
      if (!number(1, 365, result.day)) return false;
    } else {
      result.by = yearly_change::counting::day;
      if (!number(0, 365, result.day)) return false;
    }
    return !symbol('/') || time(result.seconds);
  }

  std::string_view text_;
};

// Cuts big-endian numbers off the front.
class file_reader {
public:
  explicit file_reader(std::string_view bytes) : bytes_(bytes) {}

  bool skip(std::uint64_t count) {
    if (count > bytes_.size()) return false;
    bytes_.remove_prefix(static_cast<std::size_t>(count));
    return true;
  }

  bool number(std::size_t size, std::uint64_t& result) {
    if (bytes_.size() < size) return false;
    result = 0;
    for (std::size_t i = 0; i < size; ++i) {
      result = result << 8 | static_cast<std::uint8_t>(bytes_[i]);
    }
    return skip(size);
  }

  std::string_view rest() const { return bytes_; }

private:
  std::string_view bytes_;
};

struct file_header {
  std::uint64_t ut_flags = 0;
  std::uint64_t standard_flags = 0;
  std::uint64_t leap_seconds = 0;
  std::uint64_t changes = 0;
  std::uint64_t types = 0;
  std::uint64_t letters = 0;

  bool read(file_reader& file) {
    constexpr std::string_view magic = "TZif";
    constexpr std::size_t reserved = 15;
    if (!file.rest().starts_with(magic) || !file.skip(magic.size())) return false;
    const bool has_long_form = !file.rest().empty() && file.rest().front() >= '2';
    if (!has_long_form || !file.skip(1 + reserved)) return false;
    for (auto* count : {&ut_flags, &standard_flags, &leap_seconds, &changes, &types, &letters}) {
      if (!file.number(4, *count)) return false;
    }
    return true;
  }

  std::uint64_t size_of_short_form() const {
    return changes * 5 + types * 6 + letters + leap_seconds * 8 + standard_flags + ut_flags;
  }
};

} // namespace

std::int64_t zone_rule::offset_at(std::int64_t seconds) const {
  if (!has_daylight) return standard;
  const auto year = wall_time_of(seconds + standard).date.year();
  const auto from = moment_of(start, year) - standard;
  const auto to = moment_of(end, year) - daylight;
  const bool is_daylight =
      from < to ? seconds >= from && seconds < to : seconds >= from || seconds < to;
  return is_daylight ? daylight : standard;
}

std::optional<zone_rule> read_zone_rule(std::string_view text) {
  return rule_reader(text).run();
}

std::optional<zone_history> zone_history::read(std::string_view bytes) {
  file_reader file(bytes);
  file_header short_form;
  file_header header;
  if (!short_form.read(file) || !file.skip(short_form.size_of_short_form()) || !header.read(file)
      || header.changes * 9 > file.rest().size() || header.types == 0) {
    return {};
  }
  zone_history history;
  std::uint64_t number = 0;
  for (std::uint64_t i = 0; i < header.changes; ++i) {
    if (!file.number(8, number)) return {};
    history.changes_.push_back({static_cast<std::int64_t>(number), 0});
  }
  std::vector<std::size_t> types;
  for (std::uint64_t i = 0; i < header.changes; ++i) {
    if (!file.number(1, number) || number >= header.types) return {};
    types.push_back(static_cast<std::size_t>(number));
  }
  std::vector<std::int64_t> offsets;
  for (std::uint64_t i = 0; i < header.types; ++i) {
    if (!file.number(4, number) || !file.skip(2)) return {};
    offsets.push_back(static_cast<std::int32_t>(static_cast<std::uint32_t>(number)));
  }
  for (std::size_t i = 0; i < types.size(); ++i) history.changes_[i].offset = offsets[types[i]];
  history.before_ = offsets.front();
  if (!file.skip(header.letters + header.leap_seconds * 12 + header.standard_flags
                 + header.ut_flags)) {
    return {};
  }
  auto footer = file.rest();
  if (footer.starts_with('\n')) footer.remove_prefix(1);
  history.rule_ = read_zone_rule(footer.substr(0, footer.find('\n')));
  return history;
}

std::int64_t zone_history::offset_at(std::int64_t seconds) const {
  const auto next = std::upper_bound(
      changes_.begin(), changes_.end(), seconds,
      [](std::int64_t wanted, const change& known) { return wanted < known.from; });
  if (next == changes_.end() && rule_) return rule_->offset_at(seconds);
  return next == changes_.begin() ? before_ : std::prev(next)->offset;
}

} // namespace troupe::detail
