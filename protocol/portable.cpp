#include <troupe/protocol/portable.hpp>
#include <troupe/protocol/step_result.hpp>

#include <algorithm>
#include <utility>

namespace troupe {

namespace {

// Results are written under a key of their own. Whatever else has one of the keys is written as
// `is_map`.
constexpr auto is_result = "troupe.result";
constexpr auto is_map = "troupe.map";
constexpr std::size_t max_depth = 200; // below, results are written as plain maps

bool has_mark(const value& map) {
  return map.contains(is_result) || map.contains(is_map);
}

value keep_results(const value& content, std::size_t depth);

value keep_result(const step_result& result, std::size_t depth) {
  const auto output = keep_results(result.output, depth + 1);
  return value::map({{is_result, to_value(result).plain().with("output", output)}});
}

value keep_results(const value& content, std::size_t depth) {
  if (depth > max_depth) return content;
  if (const auto* result = unwrap_result(content)) return keep_result(*result, depth);
  if (const auto* items = content.if_list()) {
    value::list_type kept;
    kept.reserve(items->size());
    for (const auto& item : *items) kept.push_back(keep_results(item, depth + 1));
    return value(std::move(kept));
  }
  const auto* members = content.if_map();
  if (!members) return content;
  value::map_type kept;
  kept.reserve(members->size());
  for (const auto& [key, item] : *members) kept.emplace_back(key, keep_results(item, depth + 1));
  auto made = value::map(std::move(kept));
  return has_mark(content) ? value::map({{is_map, std::move(made)}}) : made;
}

value restore_results(const value& content, std::size_t depth);

value restore_members(const value::map_type& members, std::size_t depth) {
  value::map_type made;
  made.reserve(members.size());
  for (const auto& [key, item] : members) made.emplace_back(key, restore_results(item, depth + 1));
  return value::map(std::move(made));
}

value restore_results(const value& content, std::size_t depth) {
  if (depth > max_depth) return content;
  if (const auto* items = content.if_list()) {
    value::list_type made;
    made.reserve(items->size());
    for (const auto& item : *items) made.push_back(restore_results(item, depth + 1));
    return value(std::move(made));
  }
  const auto* members = content.if_map();
  if (!members) return content;
  const auto& [key, item] = members->size() == 1 ? members->front() : value::member();
  if (key == is_map && item.is_map()) return restore_members(*item.if_map(), depth);
  if (key != is_result) return restore_members(*members, depth);
  auto result = step_result_from(item);
  if (!result) return content;
  result->output = restore_results(result->output, depth + 1);
  return wrap_result(*std::move(result));
}

// True when there is a result inside, or something that looks like a written one.
bool concerns(const value& content, std::size_t depth) {
  if (depth > max_depth) return false;
  if (content.is_native()) return unwrap_result(content) != nullptr;
  const auto inside = [depth](const value& item) { return concerns(item, depth + 1); };
  if (const auto* items = content.if_list()) {
    return std::any_of(items->begin(), items->end(), inside);
  }
  const auto* members = content.if_map();
  if (!members) return false;
  return has_mark(content) || std::any_of(members->begin(), members->end(), [&](const auto& each) {
           return inside(each.second);
         });
}

} // namespace

value to_portable(const value& content) {
  return concerns(content, 0) ? keep_results(content, 0) : content;
}

value from_portable(const value& content) {
  return concerns(content, 0) ? restore_results(content, 0) : content;
}

} // namespace troupe
