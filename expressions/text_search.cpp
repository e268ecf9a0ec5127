#include "text_search.hpp"

#include <vector>

namespace troupe::detail {

namespace {

constexpr auto nowhere = std::string_view::npos;

// Up to this length the plain search is fast enough even in the worst case.
constexpr std::size_t short_text = 32;

// The search of Knuth, Morris and Pratt. `found` returns true to stop.
template <class Found>
void search(std::string_view text, std::string_view wanted, const Found& found) {
  std::vector<std::size_t> borders(wanted.size());
  for (std::size_t i = 1, length = 0; i < wanted.size(); ++i) {
    while (length > 0 && wanted[i] != wanted[length]) length = borders[length - 1];
    if (wanted[i] == wanted[length]) ++length;
    borders[i] = length;
  }
  for (std::size_t i = 0, length = 0; i < text.size(); ++i) {
    while (length > 0 && text[i] != wanted[length]) length = borders[length - 1];
    if (text[i] == wanted[length]) ++length;
    if (length < wanted.size()) continue;
    if (found(i + 1 - length)) return;
    length = borders[length - 1];
  }
}

} // namespace

std::size_t find_first(std::string_view text, std::string_view wanted, std::size_t from) {
  if (from > text.size() || wanted.size() > text.size() - from) return nowhere;
  if (wanted.size() <= short_text) return text.find(wanted, from);
  auto place = nowhere;
  search(text.substr(from), wanted, [&](std::size_t at) {
    place = from + at;
    return true;
  });
  return place;
}

std::size_t find_last(std::string_view text, std::string_view wanted) {
  if (wanted.size() <= short_text) return text.rfind(wanted);
  if (wanted.size() > text.size()) return nowhere;
  auto place = nowhere;
  search(text, wanted, [&](std::size_t at) {
    place = at;
    return false;
  });
  return place;
}

} // namespace troupe::detail
