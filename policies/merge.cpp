#include <troupe/policies/merge.hpp>

#include <algorithm>
#include <map>

namespace troupe {

namespace {

// What the branches that changed a key left there, in declared order; null where it was erased.
using writes = std::vector<const value*>;

bool same(const value* left, const value* right) {
  if (left == nullptr || right == nullptr) return left == right;
  return *left == *right;
}

bool agree(const writes& written) {
  return std::all_of(written.begin() + 1, written.end(),
                     [&](const value* other) { return same(written.front(), other); });
}

value copy_of(const value* item) {
  return item ? *item : value();
}

value resolved(const conflict_resolver& resolve, const std::string& key, const context& before,
               const writes& written) {
  std::vector<value> values;
  values.reserve(written.size());
  for (const auto* item : written) values.push_back(copy_of(item));
  return resolve(key, copy_of(before.find(key)), values);
}

void put(value_tree& data, const std::string& key, const value* item) {
  if (item) data.set(key, *item);
  else data.erase(key);
}

} // namespace

outcome<context> merge_branches(const context& before, const context& given,
                                std::span<const context> branches, merge_rule rule,
                                const conflict_resolver& resolve) {
  if (rule == merge_rule::none) return before;
  std::map<std::string, writes, std::less<>> changed;
  for (const auto& branch : branches)
    for (auto& change : value_tree::diff(given.data(), branch.data()))
      changed[std::move(change.key)].push_back(change.after);

  auto data = before.data();
  for (const auto& [key, written] : changed) {
    if (agree(written)) {
      put(data, key, written.front());
    } else if (resolve) {
      data.set(key, resolved(resolve, key, before, written));
    } else if (rule == merge_rule::fail_on_conflict) {
      return failure{.kind = failure_kind::permanent,
                     .message =
                         "branches changed the context entry `" + key + "` to different values"};
    } else {
      put(data, key, rule == merge_rule::first_declared ? written.front() : written.back());
    }
  }
  return before.with_data(std::move(data));
}

} // namespace troupe
