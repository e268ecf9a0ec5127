#pragma once

#include <troupe/protocol/value.hpp>

#include <rapidcheck.h>

#include <bit>
#include <cstdint>
#include <string>
#include <vector>

namespace troupe {

/// Builds a value from arbitrary numbers, so that any list of numbers is one and a shorter list is
/// a smaller one.
class value_from_numbers {
public:
  explicit value_from_numbers(const std::vector<std::uint64_t>& numbers) : numbers_(numbers) {}

  value build(int levels = 6) {
    const auto choice = next() % (levels == 0 ? 9 : 11);
    switch (choice) {
    case 0: return {};
    case 1: return next() % 2 == 0;
    case 2: return static_cast<std::int64_t>(next());
    case 3: return next();
    case 4: return std::bit_cast<double>(next());
    case 5: return static_cast<std::int64_t>(next() % 512) - 256;
    case 6: return text();
    case 7: return bytes();
    case 8: return static_cast<double>(next() % 512) - 256;
    case 9: return list(levels - 1);
    default: return map(levels - 1);
    }
  }

private:
  std::uint64_t next() { return at_ < numbers_.size() ? numbers_[at_++] : 0; }

  std::string text() {
    std::string result(next() % 40, ' ');
    for (auto& letter : result) letter = static_cast<char>(next());
    return result;
  }

  value bytes() {
    const auto content = text();
    return value::binary({content.begin(), content.end()});
  }

  value list(int levels) {
    value::list_type items(next() % 5);
    for (auto& item : items) item = build(levels);
    return value::list(std::move(items));
  }

  value map(int levels) {
    value::map_type members(next() % 5);
    for (auto& [key, item] : members) {
      key = text();
      item = build(levels);
    }
    return value::map(std::move(members));
  }

  const std::vector<std::uint64_t>& numbers_;
  std::size_t at_ = 0;
};

inline value arbitrary_value() {
  const auto numbers = *rc::gen::container<std::vector<std::uint64_t>>(
      200,
      rc::gen::oneOf(rc::gen::arbitrary<std::uint64_t>(), rc::gen::inRange<std::uint64_t>(0, 100)));
  return value_from_numbers(numbers).build();
}

} // namespace troupe
