#include "program_text.hpp"

#include "text_index.hpp"

#include <troupe/protocol/unicode.hpp>

#include <algorithm>
#include <cstring>

namespace troupe {

namespace {

constexpr std::size_t shown_lines = 10;
constexpr std::string_view replacement = "\xEF\xBF\xBD";

std::string signal_name(int number) {
  const char* name = sigabbrev_np(number);
  return std::to_string(number) + (name ? " (SIG" + std::string(name) + ')' : "");
}

// What is kept of the errors may begin inside of a character.
std::string_view from_first_character(std::string_view text) {
  for (int skipped = 0; skipped < 3 && !text.empty(); ++skipped) {
    if ((static_cast<unsigned char>(text[0]) & 0xC0U) != 0x80U) break;
    text.remove_prefix(1);
  }
  return text;
}

std::string shown(std::string_view text) {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const auto one = first_code_point(text.substr(at));
    const bool is_layout = text[at] == '\n' || text[at] == '\t';
    if (!one.valid) result += replacement;
    else if (is_layout || !is_control(one.scalar)) result += text.substr(at, one.length);
    at += one.length;
  }
  return result;
}

std::string last_lines(std::string_view errors) {
  errors = from_first_character(errors);
  errors = errors.substr(0, errors.find_last_not_of(" \t\r\n") + 1);
  auto start = errors.size();
  for (std::size_t lines = 0; lines < shown_lines && start > 0; ++lines) {
    const auto before = errors.rfind('\n', start - 1);
    start = before == errors.npos ? 0 : before;
  }
  if (start > 0) ++start;
  return shown(errors.substr(std::min(start, errors.size())));
}

} // namespace

std::string text_of_output(std::string_view output) {
  if (output.ends_with('\n')) output.remove_suffix(1);
  return with_replacements(output);
}

std::string how_it_ended(const std::string& program, const process_reply& reply) {
  auto text = shown(program);
  if (reply.signal != 0) text += " was killed by signal " + signal_name(reply.signal);
  else text += " exited with code " + std::to_string(reply.exit_code);
  if (const auto lines = last_lines(reply.errors); !lines.empty()) text += ": " + lines;
  return text;
}

} // namespace troupe
