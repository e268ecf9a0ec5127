#include "value_builder.hpp"

#include <algorithm>

namespace troupe::detail {

bool value_builder::add(value item) {
  return count() && place(std::move(item));
}

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

bool value_builder::count() {
  if (elements_ == limits_.max_elements) {
    return refuse("has more than " + std::to_string(limits_.max_elements) + " elements");
  }
  ++elements_;
  return true;
}

bool value_builder::open(bool is_map, std::size_t expected) {
  constexpr std::size_t most_believed = 16;
  if (open_.size() >= limits_.max_depth) {
    return refuse("nests deeper than " + std::to_string(limits_.max_depth));
  }
  if (!count()) return false;
  open_.push_back({is_map, {}, {}, {}});
  open_.back().items.reserve(std::min(expected, most_believed));
  return true;
}

bool value_builder::place(value item) {
  if (open_.empty()) {
    root_ = std::move(item);
    complete_ = true;
  } else if (auto& top = open_.back(); top.is_map) {
    top.members.emplace_back(std::move(top.key), std::move(item));
    top.key.clear();
  } else {
    top.items.push_back(std::move(item));
  }
  return true;
}

} // namespace troupe::detail
