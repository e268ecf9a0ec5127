#include "cel_time.hpp"
#include "zone_rules.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace troupe::detail {

namespace {

constexpr std::string_view database = "/usr/share/zoneinfo/";

bool is_digit(char letter) {
  return letter >= '0' && letter <= '9';
}

bool is_letter(char letter) {
  return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z');
}

int two_digits(std::string_view text) {
  return (text[0] - '0') * 10 + (text[1] - '0');
}

// `+02:00`, `-05:30`, `02:00`.
std::optional<std::int64_t> fixed_offset(std::string_view zone) {
  const bool is_behind = zone.starts_with('-');
  if (is_behind || zone.starts_with('+')) zone.remove_prefix(1);
  if (zone.size() != 5 || zone[2] != ':' || !is_digit(zone[0]) || !is_digit(zone[1])
      || !is_digit(zone[3]) || !is_digit(zone[4])) {
    return {};
  }
  const auto hours = two_digits(zone);
  const auto minutes = two_digits(zone.substr(3));
  if (hours > 23 || minutes > 59) return {};
  return std::int64_t{hours * 60 + minutes} * (is_behind ? -60 : 60);
}

// Keeps the path inside the database, and out of the zones that count leap seconds.
bool may_be_name(std::string_view name) {
  constexpr std::size_t longest = 64;
  if (name.size() > longest || !is_letter(name.front()) || name.starts_with("right/")) return false;
  return std::all_of(name.begin(), name.end(), [](char letter) {
    return is_letter(letter) || is_digit(letter) || letter == '_' || letter == '+' || letter == '-'
           || letter == '/';
  });
}

std::shared_ptr<const zone_history> load(const std::string& name) {
  constexpr std::size_t longest = 1 << 18;
  std::ifstream file(std::string(database) + name, std::ios::binary);
  std::string bytes(longest, '\0');
  if (!file) return nullptr;
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  const auto history = zone_history::read(bytes);
  return history ? std::make_shared<const zone_history>(*history) : nullptr;
}

class known_zones {
public:
  std::shared_ptr<const zone_history> find(std::string_view name) {
    const std::lock_guard guard(mutex_);
    if (const auto known = zones_.find(name); known != zones_.end()) return known->second;
    std::string key(name);
    auto loaded = load(key);
    if (loaded) zones_.emplace(std::move(key), loaded);
    return loaded;
  }

private:
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const zone_history>, std::less<>> zones_;
};

known_zones& zones() {
  static known_zones all;
  return all;
}

} // namespace

std::optional<std::int64_t> zone_offset(std::string_view zone, std::int64_t seconds) {
  if (zone.empty() || zone == "UTC") return 0;
  if (zone.find(':') != std::string_view::npos) return fixed_offset(zone);
  if (!may_be_name(zone)) return {};
  const auto known = zones().find(zone);
  return known ? std::optional(known->offset_at(seconds)) : std::nullopt;
}

} // namespace troupe::detail
