#include "number_text.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

namespace troupe::detail {

namespace {

bool take_sign(std::string_view& text) {
  const bool is_negative = text.starts_with('-');
  if (is_negative || text.starts_with('+')) text.remove_prefix(1);
  return is_negative;
}

bool is_digit(char letter) {
  return letter >= '0' && letter <= '9';
}

// Tells what is too small from what is too large: the power of ten of the first digit that counts.
bool is_above_one(std::string_view digits) {
  const auto letter = std::min(digits.find_first_of("eE"), digits.size());
  const auto mantissa = digits.substr(0, letter);
  const auto point = std::min(mantissa.find('.'), mantissa.size());
  const auto first = mantissa.find_first_of("123456789");
  if (first == std::string_view::npos) return false;
  const auto power =
      first < point ? static_cast<double>(point - first) : -static_cast<double>(first - point);
  auto exponent = letter < digits.size() ? digits.substr(letter + 1) : std::string_view("0");
  const bool is_negative = take_sign(exponent);
  std::int64_t shift = 0;
  const auto end = exponent.data() + exponent.size();
  if (std::from_chars(exponent.data(), end, shift).ec == std::errc::result_out_of_range) {
    return !is_negative;
  }
  return power + static_cast<double>(is_negative ? -shift : shift) > 0;
}

} // namespace

std::optional<std::uint64_t> read_unsigned(std::string_view text) {
  int base = 10;
  if (text.starts_with("0x")) {
    base = 16;
    text.remove_prefix(2);
  }
  std::uint64_t number = 0;
  const auto end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number, base);
  if (read.ec != std::errc() || read.ptr != end) return {};
  return number;
}

std::optional<std::int64_t> read_integer(std::string_view text) {
  const bool is_negative = take_sign(text);
  const auto size = read_unsigned(text);
  constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (!size || *size > most + (is_negative ? 1 : 0)) return {};
  return static_cast<std::int64_t>(is_negative ? 0 - *size : *size);
}

std::optional<double> read_double(std::string_view text) {
  const bool is_negative = take_sign(text);
  const auto sign = is_negative ? -1.0 : 1.0;
  if (text == "Infinity") return sign * std::numeric_limits<double>::infinity();
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  // Leaves out what the standard function reads beside numbers: other names, a second sign.
  if (text.empty() || !(is_digit(text[0]) || (text[0] == '.' && text.size() > 1))) return {};
  double number = 0;
  const auto end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  if (read.ptr != end) return {};
  if (read.ec == std::errc::result_out_of_range) {
    if (is_above_one(text)) return {};
    number = 0;
  } else if (read.ec != std::errc()) {
    return {};
  }
  return sign * number;
}

std::string write_double(double number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number > 0 ? "Infinity" : "-Infinity";
  std::array<char, 40> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  return {digits.data(), static_cast<std::size_t>(end - digits.data())};
}

} // namespace troupe::detail
