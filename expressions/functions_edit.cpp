#include "evaluation.hpp"
#include "text_search.hpp"

#include <troupe/protocol/unicode.hpp>

#include <algorithm>

namespace troupe::detail {

namespace {

constexpr auto nowhere = std::string_view::npos;

bool reads_text(const cel_call& call) {
  if (call.kind(0) != cel_kind::text) return call.run.no_overload(call);
  return call.run.spend_bytes(call.node, call[0].text().size());
}

bool is_white(char32_t scalar) {
  if ((scalar >= 0x09 && scalar <= 0x0d) || (scalar >= 0x2000 && scalar <= 0x200a)) return true;
  switch (scalar) {
  case 0x20:
  case 0x85:
  case 0xa0:
  case 0x1680:
  case 0x2028:
  case 0x2029:
  case 0x202f:
  case 0x205f:
  case 0x3000: return true;
  default: return false;
  }
}

bool shift_letters(const cel_call& call, char first, char last, int by, cel_value& result) {
  if (!reads_text(call)) return false;
  auto text = call[0].text();
  for (auto& letter : text) {
    if (letter >= first && letter <= last) letter = static_cast<char>(letter + by);
  }
  result = cel_value::text(std::move(text));
  return true;
}

// How often at most, from an argument that may be there; negative means always.
std::optional<std::size_t> limit_of(const cel_call& call, std::size_t index) {
  if (call.size() <= index || call[index].integer() < 0) return {};
  return static_cast<std::size_t>(call[index].integer());
}

struct replacement {
  std::string_view text;
  std::string_view old_part;
  std::string_view new_part;
  std::size_t limit;

  // Calls `visit` with the place of every part to be replaced; an empty one is at every border.
  template <class Visit>
  void each(const Visit& visit) const {
    std::size_t at = 0;
    for (std::size_t count = 0; count < limit; ++count) {
      if (old_part.empty()) {
        if (count > 0 && at == text.size()) return;
        if (count > 0) at += first_code_point(text.substr(at)).length;
        visit(at);
        continue;
      }
      at = find_first(text, old_part, at);
      if (at == nowhere) return;
      visit(at);
      at += old_part.size();
    }
  }

  std::size_t count() const {
    std::size_t found = 0;
    each([&](std::size_t) { ++found; });
    return found;
  }

  std::string run() const {
    std::string out;
    std::size_t done = 0;
    each([&](std::size_t at) {
      out += text.substr(done, at - done);
      out += new_part;
      done = at + old_part.size();
    });
    out += text.substr(done);
    return out;
  }
};

bool is_text_or_missing(const cel_call& call, std::size_t index) {
  return call.size() <= index || call.kind(index) == cel_kind::text;
}

bool is_integer_or_missing(const cel_call& call, std::size_t index) {
  return call.size() <= index || call.kind(index) == cel_kind::integer;
}

void append_quoted(std::string_view piece, std::string& out) {
  switch (piece.front()) {
  case '\a': out += "\\a"; return;
  case '\b': out += "\\b"; return;
  case '\f': out += "\\f"; return;
  case '\n': out += "\\n"; return;
  case '\r': out += "\\r"; return;
  case '\t': out += "\\t"; return;
  case '\v': out += "\\v"; return;
  case '\\': out += "\\\\"; return;
  case '"': out += "\\\""; return;
  default: out += piece;
  }
}

} // namespace

bool lower_ascii(const cel_call& call, cel_value& result) {
  return shift_letters(call, 'A', 'Z', 'a' - 'A', result);
}

bool upper_ascii(const cel_call& call, cel_value& result) {
  return shift_letters(call, 'a', 'z', 'A' - 'a', result);
}

bool trim(const cel_call& call, cel_value& result) {
  if (!reads_text(call)) return false;
  std::string_view text = call[0].text();
  while (!text.empty()) {
    const auto first = first_code_point(text);
    if (!is_white(first.scalar)) break;
    text.remove_prefix(first.length);
  }
  while (!text.empty()) {
    const auto last = last_code_point(text);
    if (!is_white(last.scalar)) break;
    text.remove_suffix(last.length);
  }
  result = cel_value::text(std::string(text));
  return true;
}

bool reverse(const cel_call& call, cel_value& result) {
  if (!reads_text(call)) return false;
  const std::string_view text = call[0].text();
  std::string out(text.size(), '\0');
  for (std::size_t at = 0; at < text.size();) {
    const auto length = first_code_point(text.substr(at)).length;
    const auto piece = text.substr(at, length);
    at += length;
    std::copy(piece.begin(), piece.end(), out.end() - static_cast<std::ptrdiff_t>(at));
  }
  result = cel_value::text(std::move(out));
  return true;
}

bool replace(const cel_call& call, cel_value& result) {
  if (!is_text_or_missing(call, 0) || !is_text_or_missing(call, 1) || !is_text_or_missing(call, 2)
      || !is_integer_or_missing(call, 3)) {
    return call.run.no_overload(call);
  }
  if (!reads_text(call)) return false;
  const auto& text = call[0].text();
  const replacement edit{text, call[1].text(), call[2].text(), limit_of(call, 3).value_or(nowhere)};
  if (!call.run.spend_bytes(call.node, edit.old_part.size())) return false;
  const auto count = edit.count();
  const auto grows = edit.new_part.size();
  if (grows != 0 && count > std::numeric_limits<std::size_t>::max() / 2 / grows) {
    return call.run.too_expensive(call.node);
  }
  if (!call.run.spend_bytes(call.node, text.size() + count * grows)) return false;
  result = cel_value::text(edit.run());
  return true;
}

bool split(const cel_call& call, cel_value& result) {
  if (!is_text_or_missing(call, 0) || !is_text_or_missing(call, 1)
      || !is_integer_or_missing(call, 2)) {
    return call.run.no_overload(call);
  }
  if (!reads_text(call)) return false;
  std::string_view text = call[0].text();
  const std::string_view separator = call[1].text();
  const auto most = limit_of(call, 2).value_or(nowhere);
  cel_value::item_list parts;
  const auto add = [&](std::string_view part) {
    parts.push_back(cel_value::text(std::string(part)));
    return call.run.spend(call.node, 1);
  };
  if (most > 0 && separator.empty()) {
    while (!text.empty()) {
      const auto length = parts.size() + 1 == most ? text.size() : first_code_point(text).length;
      if (!add(text.substr(0, length))) return false;
      text.remove_prefix(length);
    }
  } else if (most > 0) {
    std::size_t at = 0;
    while (parts.size() + 1 < most) {
      const auto end = find_first(text, separator, at);
      if (end == nowhere) break;
      if (!add(text.substr(at, end - at))) return false;
      at = end + separator.size();
    }
    if (!add(text.substr(at))) return false;
  }
  result = cel_value::list(std::move(parts));
  return true;
}

bool join(const cel_call& call, cel_value& result) {
  if (call.kind(0) != cel_kind::list || !is_text_or_missing(call, 1)) {
    return call.run.no_overload(call);
  }
  const auto separator = call.size() == 2 ? std::string_view(call[1].text()) : std::string_view();
  std::string out;
  for (std::size_t i = 0, size = call[0].size(); i < size; ++i) {
    const auto item = call[0].item(i, call.run.natives());
    if (!item.is(cel_kind::text)) {
      return call.run.fail(call.node, "no such overload: join of a list with "
                                          + std::string(type_name(item.kind())));
    }
    if (!call.run.spend_bytes(call.node, item.text().size() + separator.size())) return false;
    if (i > 0) out += separator;
    out += item.text();
  }
  result = cel_value::text(std::move(out));
  return true;
}

bool quote(const cel_call& call, cel_value& result) {
  if (!reads_text(call)) return false;
  std::string out = "\"";
  for (std::string_view text = call[0].text(); !text.empty();) {
    const auto next = first_code_point(text);
    if (next.valid) append_quoted(text.substr(0, next.length), out);
    else append_code_point(next.scalar, out);
    text.remove_prefix(next.length);
  }
  result = cel_value::text(out + "\"");
  return true;
}

} // namespace troupe::detail
