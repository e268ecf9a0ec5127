#include "http_message.hpp"

#include <algorithm>

namespace troupe::service {

namespace {

int hex_digit(char letter) {
  if (letter >= '0' && letter <= '9') return letter - '0';
  if (letter >= 'a' && letter <= 'f') return letter - 'a' + 10;
  if (letter >= 'A' && letter <= 'F') return letter - 'A' + 10;
  return -1;
}

std::optional<std::string> decoded(std::string_view text, bool plus_is_space) {
  std::string plain;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '+' && plus_is_space) {
      plain += ' ';
    } else if (text[at] != '%') {
      plain += text[at];
    } else {
      if (at + 2 >= text.size()) return std::nullopt;
      const auto high = hex_digit(text[at + 1]);
      const auto low = hex_digit(text[at + 2]);
      if (high < 0 || low < 0 || high + low == 0) return std::nullopt;
      plain += static_cast<char>(high * 16 + low);
      at += 2;
    }
  }
  return plain;
}

// Takes the text up to the next separator, and that one too.
std::string_view take_until(std::string_view& rest, char separator) {
  const auto end = std::min(rest.find(separator), rest.size());
  const auto taken = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return taken;
}

} // namespace

bool read_target(std::string_view target, http_request& into) {
  if (!target.starts_with('/')) return false;
  auto rest = target.substr(1);
  auto path = take_until(rest, '?');
  while (!path.empty()) {
    auto segment = decoded(take_until(path, '/'), false);
    if (!segment) return false;
    into.path.push_back(*std::move(segment));
  }
  while (!rest.empty()) {
    auto member = take_until(rest, '&');
    auto key = decoded(take_until(member, '='), true);
    auto content = decoded(member, true);
    if (!key || !content) return false;
    into.query.insert_or_assign(*std::move(key), *std::move(content));
  }
  return true;
}

} // namespace troupe::service
