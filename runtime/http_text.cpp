#include "http_text.hpp"

#include "http_client.hpp"

#include <algorithm>
#include <charconv>

namespace troupe {

std::size_t character_length(std::string_view text) {
  const auto at = [&](std::size_t index) { return static_cast<unsigned char>(text[index]); };
  if (text.empty()) return 0;
  const auto first = at(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((at(i) & 0xC0) != 0x80) return 0;
  // Overlong forms, surrogates, and what is beyond Unicode.
  const auto second = at(1);
  if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F)) return 0;
  if ((first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F)) return 0;
  return length;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const auto length = character_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string as_utf8(std::string_view text) {
  constexpr std::string_view replacement = "\xEF\xBF\xBD";
  std::string result;
  while (!text.empty()) {
    const auto length = character_length(text);
    result += length == 0 ? replacement : text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return result;
}

std::string escaped(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string result;
  for (const char each : text) {
    const auto byte = static_cast<unsigned char>(each);
    const bool plain = (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z')
                       || (byte >= 'a' && byte <= 'z')
                       || std::string_view("-._~").find(each) != std::string_view::npos;
    if (plain) result += each;
    else ((result += '%') += digits[byte >> 4]) += digits[byte & 15];
  }
  return result;
}

std::string unescaped(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned byte = 0;
    const auto* begin = text.data() + i + 1;
    if (text[i] == '%' && i + 2 < text.size()
        && std::from_chars(begin, begin + 2, byte, 16).ptr == begin + 2) {
      result += static_cast<char>(byte);
      i += 2;
    } else {
      result += text[i];
    }
  }
  return result;
}

std::string masked_url(std::string_view url, const hide_secret& hide) {
  const auto scheme = url.find("://");
  const auto host = scheme == url.npos ? 0 : scheme + 3;
  const auto path = std::min(url.find_first_of("/?#\\", host), url.size());
  const auto at = url.substr(host, path - host).rfind('@');
  std::string result(url.substr(0, host));
  if (at != url.npos) result += hide(url.substr(host, at)) + '@';
  url.remove_prefix(at == url.npos ? host : host + at + 1);

  const auto query = url.find('?');
  result += url.substr(0, query);
  if (query == url.npos) return result;
  url.remove_prefix(query);
  while (!url.empty()) {
    const auto next = std::min(url.find_first_of("&#", 1), url.size());
    const auto part = url.substr(0, next);
    const auto equals = part.find('=');
    if (equals != part.npos && is_secret_name(unescaped(part.substr(1, equals - 1))))
      (result += part.substr(0, equals + 1)) += hide(part.substr(equals + 1));
    else result += part;
    url.remove_prefix(next);
  }
  return result;
}

} // namespace troupe
