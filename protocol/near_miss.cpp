#include <troupe/protocol/near_miss.hpp>

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <string>

namespace troupe {

namespace {

// Both only keep hostile texts from taking long.
constexpr std::size_t longest_name = 64;
constexpr std::size_t most_names = 1000;

// Shorter texts begin too many names.
constexpr std::size_t shortest_beginning = 3;

std::string in_lower_case(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), [](char one) {
    return one >= 'A' && one <= 'Z' ? static_cast<char>(one - 'A' + 'a') : one;
  });
  return result;
}

/// Damerau-Levenshtein distance in which no part is edited twice; what is over the limit is not
/// exact.
std::size_t distance(std::string_view left, std::string_view right, std::size_t limit) {
  using row = std::vector<std::size_t>;
  row before(right.size() + 1);
  row current(right.size() + 1);
  row next(right.size() + 1);
  std::iota(current.begin(), current.end(), std::size_t{0});
  for (std::size_t i = 1; i <= left.size(); ++i) {
    next[0] = i;
    for (std::size_t j = 1; j <= right.size(); ++j) {
      const std::size_t differs = left[i - 1] == right[j - 1] ? 0 : 1;
      next[j] = std::min({current[j] + 1, next[j - 1] + 1, current[j - 1] + differs});
      if (i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1]) {
        next[j] = std::min(next[j], before[j - 2] + 1);
      }
    }
    if (*std::min_element(next.begin(), next.end()) > limit) return limit + 1;
    std::swap(before, current);
    std::swap(current, next);
  }
  return current[right.size()];
}

// A third of the longer name, but one of two letters may be wrong, too.
std::size_t most_edits(std::size_t longer) {
  return longer == 2 ? 1 : longer / 3;
}

std::size_t edits_between(std::string_view given, std::string_view name, std::size_t limit) {
  if (given.size() >= shortest_beginning && name.starts_with(given)) return given != name ? 1 : 0;
  const auto longer = std::max(given.size(), name.size());
  if (longer - std::min(given.size(), name.size()) > limit) return limit + 1;
  return distance(given, name, limit);
}

} // namespace

std::string_view nearest_name(std::string_view given, const std::vector<std::string_view>& known) {
  if (given.size() > longest_name) return {};
  const auto wanted = in_lower_case(given);
  std::string_view nearest;
  auto least = longest_name;
  for (std::size_t at = 0; at < std::min(known.size(), most_names); ++at) {
    const auto one = known[at];
    if (one == given || one.size() > longest_name) continue;
    const auto limit = std::min(most_edits(std::max(one.size(), given.size())), least);
    const auto found = edits_between(wanted, in_lower_case(one), limit);
    if (found > limit || found >= least) continue;
    nearest = one;
    least = found;
  }
  return nearest;
}

} // namespace troupe
