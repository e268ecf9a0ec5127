#include "yaml_scalar.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <locale>
#include <sstream>
#include <string>
#include <system_error>

namespace troupe::detail {

namespace {

bool is_digit(char one) {
  return one >= '0' && one <= '9';
}

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

bool is_null(std::string_view text) {
  return is_one_of(text, {"", "~", "null", "Null", "NULL"});
}

std::optional<bool> truth_in(std::string_view text) {
  if (is_one_of(text, {"true", "True", "TRUE"})) return true;
  if (is_one_of(text, {"false", "False", "FALSE"})) return false;
  return std::nullopt;
}

std::string_view without_sign(std::string_view text) {
  return text.starts_with('-') || text.starts_with('+') ? text.substr(1) : text;
}

std::string_view without_digits(std::string_view text) {
  const auto end = std::find_if_not(text.begin(), text.end(), is_digit);
  return text.substr(static_cast<std::size_t>(end - text.begin()));
}

bool is_decimal_integer(std::string_view text) {
  text = without_sign(text);
  return !text.empty() && without_digits(text).empty();
}

bool is_decimal_number(std::string_view text) {
  text = without_sign(text);
  auto rest = without_digits(text);
  auto digits = text.size() - rest.size();
  if (rest.starts_with('.')) {
    const auto fraction = rest.substr(1);
    rest = without_digits(fraction);
    digits += fraction.size() - rest.size();
  }
  if (digits == 0) return false;
  if (rest.empty()) return true;
  if (rest.front() != 'e' && rest.front() != 'E') return false;
  return is_decimal_integer(rest.substr(1));
}

/// 8, 10 or 16; 0 for what is no integer.
int base_of(std::string_view text) {
  const auto holds = [&](std::string_view digits) {
    return text.size() > 2 && text.find_first_not_of(digits, 2) == std::string_view::npos;
  };
  if (text.starts_with("0o") && holds("01234567")) return 8;
  if (text.starts_with("0x") && holds("0123456789abcdefABCDEF")) return 16;
  return is_decimal_integer(text) ? 10 : 0;
}

std::optional<value> finite(double number) {
  if (number > std::numeric_limits<double>::max()) return std::nullopt;
  if (number < std::numeric_limits<double>::lowest()) return std::nullopt;
  return value(number);
}

std::optional<value> decimal_number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec == std::errc()) return value(number);
  // Too large, or so small that it is zero; only streams tell the two apart.
  std::istringstream stream{std::string(text)};
  stream.imbue(std::locale::classic());
  if (stream >> number) return value(number);
  return std::nullopt;
}

std::optional<value> integer(std::string_view text, int base) {
  if (base == 10) {
    if (text.starts_with('+')) text.remove_prefix(1);
  } else {
    text.remove_prefix(2);
  }
  const auto* end = text.data() + text.size();
  std::int64_t whole = 0;
  if (std::from_chars(text.data(), end, whole, base).ec == std::errc()) return value(whole);
  std::uint64_t natural = 0;
  if (!text.starts_with('-')
      && std::from_chars(text.data(), end, natural, base).ec == std::errc()) {
    return value(natural);
  }
  if (base == 10) return decimal_number(text);
  double number = 0;
  for (const auto one : text) {
    const char digit[] = {one, '\0'};
    int units = 0;
    std::from_chars(digit, digit + 1, units, base);
    number = number * base + units;
  }
  return finite(number);
}

std::optional<value> special_number(std::string_view text) {
  constexpr auto infinity = std::numeric_limits<double>::infinity();
  if (is_one_of(text, {".nan", ".NaN", ".NAN"})) {
    return value(std::numeric_limits<double>::quiet_NaN());
  }
  if (!is_one_of(without_sign(text), {".inf", ".Inf", ".INF"})) return std::nullopt;
  return value(text.starts_with('-') ? -infinity : infinity);
}

std::optional<value> number_in(std::string_view text) {
  if (const auto base = base_of(text); base != 0) return integer(text, base);
  if (is_decimal_number(text)) return decimal_number(text);
  return special_number(text);
}

} // namespace

std::optional<value> core_scalar(std::string_view written) {
  if (is_null(written)) return value();
  if (const auto truth = truth_in(written)) return value(*truth);
  if (base_of(written) != 0 || is_decimal_number(written)) return number_in(written);
  if (const auto special = special_number(written)) return special;
  return value(written);
}

std::optional<value> tagged_scalar(std::string_view tag, std::string_view written) {
  if (tag == "str") return value(written);
  if (tag == "null") return is_null(written) ? std::optional(value()) : std::nullopt;
  if (tag == "bool") {
    const auto truth = truth_in(written);
    return truth ? std::optional(value(*truth)) : std::nullopt;
  }
  const auto number = number_in(written);
  if (!number) return std::nullopt;
  if (tag == "float") return value(number->to_double());
  if (tag == "int" && base_of(written) != 0 && !number->if_double()) return number;
  return std::nullopt;
}

} // namespace troupe::detail
