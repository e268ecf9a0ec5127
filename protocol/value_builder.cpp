#include "value_builder.hpp"

#include <algorithm>

namespace troupe::detail {

bool value_builder::key(std::string text) {
  open_.back().key = std::move(text);
  return true;
}

bool value_builder::close() {
  auto done = std::move(open_.back());
  open_.pop_back();
  if (!done.is_map) return place(value(std::move(done.items)));
  auto& members = done.members;
  const auto by_key = [](const auto& left, const auto& right) { return left.first < right.first; };
  if (!std::is_sorted(members.begin(), members.end(), by_key)) {
    std::sort(members.begin(), members.end(), by_key);
  }
  const auto twice =
      std::adjacent_find(members.begin(), members.end(), [](const auto& left, const auto& right) {
        return left.first == right.first;
      });
  if (twice != members.end()) return refuse("a map has two equal keys");
  return place(value::map(std::move(members)));
}

bool value_builder::refuse(std::string problem) {
  if (problem_.empty()) problem_ = std::move(problem);
  return false;
}

bool value_builder::refuse_more() {
  return refuse("has more than " + std::to_string(limits_.max_elements) + " elements");
}

bool value_builder::open(bool is_map, std::size_t expected) {
  // What has ended was as long as it claimed: only what is open may have lied.
  constexpr std::size_t most_believed = 256;
  if (open_.size() >= limits_.max_depth) {
    return refuse("nests deeper than " + std::to_string(limits_.max_depth));
  }
  if (!count()) return false;
  auto& made = open_.emplace_back(frame{is_map, {}, {}, {}});
  const auto room = std::min(expected, most_believed);
  if (is_map) made.members.reserve(room);
  else made.items.reserve(room);
  return true;
}

bool value_builder::finish(value&& root) {
  root_ = std::move(root);
  complete_ = true;
  return true;
}

} // namespace troupe::detail
