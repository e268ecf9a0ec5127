#include "source_text.hpp"

#include "text_index.hpp"

#include <troupe/protocol/near_miss.hpp>
#include <troupe/protocol/unicode.hpp>

#include <algorithm>

namespace troupe {

namespace {

using detail::text_index;

constexpr std::uint32_t max_line_shown = 160;
constexpr std::size_t max_message_line = 1000;
constexpr std::string_view ellipsis = "…";
constexpr std::string_view replacement = "\xEF\xBF\xBD";

void append_shown(std::string_view text, std::size_t offset, std::string& out) {
  const auto one = first_code_point(text.substr(offset));
  if (!one.valid) out += replacement;
  else if (one.scalar == '\t') out += '\t';
  else if (is_control(one.scalar)) out += '?';
  else out += text.substr(offset, one.length);
}

/// Text in a message: nothing that a terminal obeys, lines after the first indented.
std::string shown_message(std::string_view text) {
  std::string result;
  std::size_t in_line = 0;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == '\n') {
      result += "\n  ";
      in_line = 0;
    } else if (in_line < max_message_line) {
      append_shown(text, at, result);
      if (++in_line == max_message_line) result += ellipsis;
    }
    at += first_code_point(text.substr(at)).length;
  }
  return result;
}

std::string shown_name(std::string_view name) {
  std::string result;
  for (std::size_t at = 0; at < name.size(); at += first_code_point(name.substr(at)).length) {
    if (name[at] == '\t') result += '?';
    else append_shown(name, at, result);
  }
  return result;
}

// Where user and password of the URLs of a line stand, as first and last offset.
std::vector<std::pair<std::size_t, std::size_t>> credentials_in(std::string_view line) {
  constexpr std::string_view marker = "://";
  std::vector<std::pair<std::size_t, std::size_t>> all;
  for (auto at = line.find(marker); at != line.npos; at = line.find(marker, at + 1)) {
    const auto from = at + marker.size();
    const auto rest = line.substr(from, line.find_first_of(" \t\"'", from) - from);
    const auto end = rest.rfind('@');
    if (end != rest.npos) all.emplace_back(from, from + end);
  }
  return all;
}

std::string excerpt(text_position at, const text_index& index) {
  const auto end = index.end_of_line(at.line);
  const auto begin = index.offset_of({.line = at.line, .column = 1});
  const auto secrets = credentials_in(index.text().substr(begin, end - begin));
  const auto is_secret = [&](std::size_t offset) {
    return std::any_of(secrets.begin(), secrets.end(), [&](const auto& range) {
      return offset >= begin + range.first && offset < begin + range.second;
    });
  };
  const auto place = index.offset_of(at);
  std::uint32_t first = 1;
  if (index.offset_of({.line = at.line, .column = max_line_shown + 1}) < end) {
    const auto column = index.position_of(place).column;
    if (column > max_line_shown / 2) first = column - max_line_shown / 2;
  }
  const auto from = index.offset_of({.line = at.line, .column = first});
  const auto to = index.offset_of({.line = at.line, .column = first + max_line_shown});
  std::string line(first > 1 ? ellipsis : "");
  std::string caret(first > 1 ? " " : "");
  for (auto offset = from; offset < to;
       offset += first_code_point(index.text().substr(offset)).length) {
    if (is_secret(offset)) line += '*';
    else append_shown(index.text(), offset, line);
    if (offset >= place) continue;
    const auto one = first_code_point(index.text().substr(offset));
    if (one.scalar == '\t') caret += '\t';
    else caret.append(is_control(one.scalar) ? 1 : cells_of(one.scalar), ' ');
  }
  if (to < end) line += ellipsis;
  return line + '\n' + caret + '^';
}

std::string render(const diagnostic& what, const source_text& source, const text_index& index) {
  return shown_name(source.name) + ':' + std::to_string(what.at.line) + ':'
         + std::to_string(what.at.column) + (what.is_warning ? ": warning: " : ": error: ")
         + shown_message(what.message) + '\n' + excerpt(what.at, index);
}

} // namespace

std::string render(const diagnostic& what, const source_text& source) {
  return render(what, source, text_index(source.text));
}

std::string render(std::vector<diagnostic> found, const source_text& source) {
  std::stable_sort(found.begin(), found.end(),
                   [](const diagnostic& a, const diagnostic& b) { return a.at < b.at; });
  const text_index index(source.text);
  std::string result;
  for (const auto& one : found) result += render(one, source, index) + '\n';
  return result;
}

std::string near_miss(std::string_view given, const std::vector<std::string>& known) {
  const std::vector<std::string_view> names(known.begin(), known.end());
  const auto nearest = nearest_name(given, names);
  return nearest.empty() ? std::string() : " (did you mean " + std::string(nearest) + "?)";
}

} // namespace troupe
