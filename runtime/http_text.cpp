#include "http_text.hpp"

#include "http_client.hpp"

#include <algorithm>
#include <charconv>

namespace troupe {

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
