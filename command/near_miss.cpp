#include "near_miss.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>

namespace troupe::detail {

namespace {

constexpr std::size_t longest_word = 64;

// Insertions, deletions, replacements and swaps of neighbours that lead from one to the other.
std::size_t edits_between(std::string_view left, std::string_view right) {
  std::vector<std::size_t> before_last(right.size() + 1);
  std::vector<std::size_t> last(right.size() + 1);
  std::vector<std::size_t> row(right.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t i = 1; i <= left.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= right.size(); ++j) {
      const std::size_t differs = left[i - 1] == right[j - 1] ? 0 : 1;
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + differs});
      const auto swapped =
          i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    before_last.swap(last);
    last.swap(row);
  }
  return last[right.size()];
}

} // namespace

std::string did_you_mean(std::string_view given, const std::vector<std::string>& known) {
  if (given.size() > longest_word) return {};
  const std::string* nearest = nullptr;
  auto fewest = std::max<std::size_t>(1, given.size() / 3) + 1;
  for (const auto& word : known) {
    if (word.size() > longest_word) continue;
    const auto starts_it = given.size() > 2 && word.starts_with(given);
    const auto edits = starts_it ? std::size_t{1} : edits_between(given, word);
    if (edits >= fewest) continue;
    fewest = edits;
    nearest = &word;
  }
  return nearest ? "; did you mean " + *nearest + "?" : std::string();
}

} // namespace troupe::detail
