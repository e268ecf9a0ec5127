#include "evaluation.hpp"
#include "text_pattern.hpp"
#include "text_search.hpp"

#include <troupe/protocol/unicode.hpp>

#include <algorithm>

namespace troupe::detail {

namespace {

// What a pattern that is made while the expression runs costs, beside its size.
constexpr std::uint64_t cost_of_pattern = 200;
constexpr std::uint64_t cost_of_bad_pattern = 10'000;

bool are_texts(const cel_call& call) {
  return std::all_of(call.arguments.begin(), call.arguments.end(),
                     [](const cel_value& argument) { return argument.is(cel_kind::text); });
}

bool out_of_range(const cel_call& call, std::int64_t index) {
  return call.run.fail(call.node, "index out of range: " + std::to_string(index));
}

// Two texts that are read as a whole.
template <class Test>
bool test_texts(const cel_call& call, cel_value& result, Test test) {
  if (!are_texts(call)) return call.run.no_overload(call);
  const auto& text = call[0].text();
  const auto& other = call[1].text();
  if (!call.run.spend_bytes(call.node, text.size() + other.size())) return false;
  result = cel_value::boolean(test(text, other));
  return true;
}

bool is_match(const cel_call& call, const text_pattern& pattern, cel_value& result) {
  const auto& text = call[0].text();
  const auto steps = (text.size() / 16 + 1) * (pattern.size() / 16 + 1);
  if (!call.run.spend(call.node, steps)) return false;
  result = cel_value::boolean(pattern.is_in(text));
  return true;
}

// The pattern that the second argument is; null when that failed.
std::shared_ptr<const text_pattern> pattern_of(const cel_call& call) {
  const auto& source = call[1].text();
  if (!call.run.spend_bytes(call.node, source.size())) return nullptr;
  auto& last = call.run.last_pattern();
  if (last.pattern && last.source == source) return last.pattern;
  if (!call.run.spend(call.node, cost_of_pattern + source.size() * 10)) return nullptr;
  auto made = std::make_shared<const text_pattern>(source);
  if (!made->problem().empty()) {
    if (call.run.spend(call.node, cost_of_bad_pattern)) {
      call.run.fail(call.node, "bad pattern: " + made->problem());
    }
    return nullptr;
  }
  if (!call.run.spend(call.node, made->size() * 10)) return nullptr;
  last = {source, made};
  return made;
}

// Where an index in code points is in bytes. Nothing when it is outside; the end is inside.
std::optional<std::size_t> place_of(std::string_view text, std::int64_t index) {
  if (index < 0 || static_cast<std::uint64_t>(index) > text.size()) return {};
  const auto place = bytes_of(text, static_cast<std::size_t>(index));
  return place == std::string_view::npos ? std::nullopt : std::optional(place);
}

cel_value index_at(std::string_view text, std::size_t place) {
  if (place == std::string_view::npos) return cel_value::integer(-1);
  return cel_value::integer(static_cast<std::int64_t>(count_code_points(text.substr(0, place))));
}

// Checks `text.function(text)` and `text.function(text, int)`, and reads the index.
bool search_place(const cel_call& call, std::optional<std::size_t>& place) {
  if (call.kind(0) != cel_kind::text || call.kind(1) != cel_kind::text
      || (call.size() == 3 && call.kind(2) != cel_kind::integer)) {
    return call.run.no_overload(call);
  }
  const auto& text = call[0].text();
  if (!call.run.spend_bytes(call.node, text.size() + call[1].text().size())) return false;
  if (call.size() < 3) return true;
  place = place_of(text, call[2].integer());
  return place || out_of_range(call, call[2].integer());
}

} // namespace

bool contains(const cel_call& call, cel_value& result) {
  return test_texts(call, result, [](std::string_view text, std::string_view wanted) {
    return find_first(text, wanted) != std::string_view::npos;
  });
}

bool starts_with(const cel_call& call, cel_value& result) {
  return test_texts(call, result, [](std::string_view text, std::string_view wanted) {
    return text.starts_with(wanted);
  });
}

bool ends_with(const cel_call& call, cel_value& result) {
  return test_texts(call, result, [](std::string_view text, std::string_view wanted) {
    return text.ends_with(wanted);
  });
}

bool matches(const cel_call& call, cel_value& result) {
  if (!are_texts(call)) return call.run.no_overload(call);
  if (call.node.pattern) return is_match(call, *call.node.pattern, result);
  const auto pattern = pattern_of(call);
  return pattern && is_match(call, *pattern, result);
}

bool char_at(const cel_call& call, cel_value& result) {
  if (call.kind(0) != cel_kind::text || call.kind(1) != cel_kind::integer) {
    return call.run.no_overload(call);
  }
  const std::string_view text = call[0].text();
  if (!call.run.spend_bytes(call.node, text.size())) return false;
  const auto place = place_of(text, call[1].integer());
  if (!place) return out_of_range(call, call[1].integer());
  const auto rest = text.substr(*place);
  const auto length = rest.empty() ? std::size_t{0} : first_code_point(rest).length;
  result = cel_value::text(std::string(rest.substr(0, length)));
  return true;
}

bool index_of(const cel_call& call, cel_value& result) {
  std::optional<std::size_t> from;
  if (!search_place(call, from)) return false;
  const auto& text = call[0].text();
  result = index_at(text, find_first(text, call[1].text(), from.value_or(0)));
  return true;
}

bool last_index_of(const cel_call& call, cel_value& result) {
  std::optional<std::size_t> from;
  if (!search_place(call, from)) return false;
  const std::string_view text = call[0].text();
  const auto& wanted = call[1].text();
  const auto end =
      from && wanted.size() < text.size() - *from ? *from + wanted.size() : text.size();
  result = index_at(text, find_last(text.substr(0, end), wanted));
  return true;
}

bool substring(const cel_call& call, cel_value& result) {
  if (call.kind(0) != cel_kind::text || call.kind(1) != cel_kind::integer
      || (call.size() == 3 && call.kind(2) != cel_kind::integer)) {
    return call.run.no_overload(call);
  }
  const std::string_view text = call[0].text();
  if (!call.run.spend_bytes(call.node, text.size())) return false;
  const auto from = call[1].integer();
  const auto start = place_of(text, from);
  if (!start) return out_of_range(call, from);
  auto end = text.size();
  if (call.size() == 3) {
    const auto to = call[2].integer();
    const auto place = place_of(text, to);
    if (!place) return out_of_range(call, to);
    if (to < from) {
      return call.run.fail(call.node, "the substring ends at " + std::to_string(to)
                                          + ", before it starts at " + std::to_string(from));
    }
    end = *place;
  }
  result = cel_value::text(std::string(text.substr(*start, end - *start)));
  return true;
}

} // namespace troupe::detail
