#include "cel_time.hpp"
#include "evaluation.hpp"
#include "number_text.hpp"

#include <troupe/protocol/unicode.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace troupe::detail {

namespace {

constexpr int max_precision = 1'000;

struct clause {
  char letter = '\0';
  int precision = 6;
};

std::string upper(std::string text) {
  for (auto& letter : text) {
    if (letter >= 'a' && letter <= 'f') letter = static_cast<char>(letter - 'a' + 'A');
  }
  return text;
}

template <class Integer>
std::string digits_of(Integer number, int base) {
  std::array<char, 70> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, base).ptr;
  return {digits.data(), static_cast<std::size_t>(end - digits.data())};
}

std::string fixed_digits(double number, std::chars_format style, int precision) {
  if (!std::isfinite(number)) return write_double(number);
  std::string digits(static_cast<std::size_t>(precision) + 330, '\0');
  const auto written =
      std::to_chars(digits.data(), digits.data() + digits.size(), number, style, precision);
  digits.resize(static_cast<std::size_t>(written.ptr - digits.data()));
  return digits;
}

template <class Bytes>
std::string hexadecimal(const Bytes& bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const auto byte : bytes) {
    const auto code = static_cast<std::uint8_t>(byte);
    out += digits[code >> 4];
    out += digits[code & 15];
  }
  return out;
}

// One call of `format`. What returns false has noted why.
class formatting {
public:
  explicit formatting(const cel_call& call) : call_(call) {}

  bool run(std::string& out) {
    std::string_view text = call_[0].text();
    while (!text.empty()) {
      const auto plain = std::min(text.find('%'), text.size());
      if (!add(text.substr(0, plain))) return false;
      text.remove_prefix(plain);
      if (text.empty()) break;
      text.remove_prefix(1);
      if (text.starts_with('%')) {
        if (!add("%")) return false;
        text.remove_prefix(1);
      } else if (!substitute(text)) {
        return false;
      }
    }
    out = std::move(out_);
    return true;
  }

private:
  bool fail(const std::string& reason) { return call_.run.fail(call_.node, reason); }

  bool add(std::string_view text) {
    if (!call_.run.spend_bytes(call_.node, text.size())) return false;
    out_ += text;
    return true;
  }

  bool substitute(std::string_view& text) {
    clause wanted;
    if (!read_clause(text, wanted)) return false;
    const auto& arguments = call_[1];
    if (next_ >= arguments.size()) {
      return fail("format: index " + std::to_string(next_) + " out of range");
    }
    return write(wanted, arguments.item(next_++, call_.run.natives()));
  }

  bool read_clause(std::string_view& text, clause& wanted) {
    if (text.starts_with('.')) {
      text.remove_prefix(1);
      const auto end = text.data() + text.size();
      const auto read = std::from_chars(text.data(), end, wanted.precision);
      if (read.ec != std::errc() || wanted.precision < 0 || wanted.precision > max_precision) {
        return fail("format: a precision is a number up to " + std::to_string(max_precision));
      }
      text.remove_prefix(static_cast<std::size_t>(read.ptr - text.data()));
    }
    if (text.empty()) return fail("format: the text ends within a clause");
    wanted.letter = text.front();
    if (std::string_view("sdfebxXo").find(wanted.letter) == std::string_view::npos) {
      const auto length = first_code_point(text).length;
      return fail("format: unknown clause %" + with_replacements(text.substr(0, length)));
    }
    text.remove_prefix(1);
    return true;
  }

  bool write(const clause& wanted, const cel_value& argument) {
    switch (wanted.letter) {
    case 's': return text_of(argument, 0);
    case 'd': return decimal(argument);
    case 'f': return floating(argument, std::chars_format::fixed, wanted);
    case 'e': return floating(argument, std::chars_format::scientific, wanted);
    case 'b':
      if (argument.is(cel_kind::boolean)) return add(argument.truth() ? "1" : "0");
      return integer(argument, 2, wanted);
    case 'o': return integer(argument, 8, wanted);
    default: return hexadecimal_of(argument, wanted);
    }
  }

  bool refuse(const cel_value& argument, char letter) {
    return fail("format: %" + std::string(1, letter) + " does not take "
                + std::string(type_name(argument.kind())));
  }

  bool decimal(const cel_value& argument) {
    if (argument.is(cel_kind::floating) && !std::isfinite(argument.floating())) {
      return add(write_double(argument.floating()));
    }
    return integer(argument, 10, {.letter = 'd'});
  }

  bool integer(const cel_value& argument, int base, const clause& wanted) {
    if (argument.is(cel_kind::integer)) return add(digits_of(argument.integer(), base));
    if (argument.is(cel_kind::unsigned_integer)) {
      return add(digits_of(argument.unsigned_integer(), base));
    }
    return refuse(argument, wanted.letter);
  }

  bool floating(const cel_value& argument, std::chars_format style, const clause& wanted) {
    double number = 0;
    switch (argument.kind()) {
    case cel_kind::floating: number = argument.floating(); break;
    case cel_kind::integer: number = static_cast<double>(argument.integer()); break;
    case cel_kind::unsigned_integer:
      number = static_cast<double>(argument.unsigned_integer());
      break;
    default: return refuse(argument, wanted.letter);
    }
    return add(fixed_digits(number, style, wanted.precision));
  }

  bool hexadecimal_of(const cel_value& argument, const clause& wanted) {
    std::string digits;
    if (argument.is(cel_kind::text)) {
      if (!call_.run.spend_bytes(call_.node, argument.text().size())) return false;
      digits = hexadecimal(argument.text());
    } else if (argument.is(cel_kind::bytes)) {
      if (!call_.run.spend_bytes(call_.node, argument.bytes().size())) return false;
      digits = hexadecimal(argument.bytes());
    } else if (argument.is(cel_kind::integer)) {
      digits = digits_of(argument.integer(), 16);
    } else if (argument.is(cel_kind::unsigned_integer)) {
      digits = digits_of(argument.unsigned_integer(), 16);
    } else {
      return refuse(argument, wanted.letter);
    }
    return add(wanted.letter == 'X' ? upper(std::move(digits)) : digits);
  }

  bool text_of(const cel_value& argument, std::size_t depth) {
    switch (argument.kind()) {
    case cel_kind::null: return add("null");
    case cel_kind::boolean: return add(argument.truth() ? "true" : "false");
    case cel_kind::integer: return add(std::to_string(argument.integer()));
    case cel_kind::unsigned_integer: return add(std::to_string(argument.unsigned_integer()));
    case cel_kind::floating: return add(write_double(argument.floating()));
    case cel_kind::text: return add(argument.text());
    case cel_kind::bytes: return bytes_of_text(argument.bytes());
    case cel_kind::list: return list(argument, depth + 1);
    case cel_kind::map: return map(argument, depth + 1);
    case cel_kind::timestamp: return add(write_timestamp(argument.timestamp()));
    case cel_kind::duration: return add(write_duration(argument.duration()));
    case cel_kind::type: return add(type_name(argument.type()));
    }
    return false;
  }

  bool bytes_of_text(const value::binary_type& bytes) {
    if (!call_.run.spend_bytes(call_.node, bytes.size())) return false;
    return add(with_replacements(std::string(bytes.begin(), bytes.end())));
  }

  bool list(const cel_value& items, std::size_t depth) {
    if (depth > max_nesting) return fail("format: the value nests too deep");
    if (!add("[")) return false;
    for (std::size_t i = 0, size = items.size(); i < size; ++i) {
      if (i > 0 && !add(", ")) return false;
      if (!text_of(items.item(i, call_.run.natives()), depth)) return false;
    }
    return add("]");
  }

  // In the order of the keys as they are written.
  bool map(const cel_value& content, std::size_t depth) {
    if (depth > max_nesting) return fail("format: the value nests too deep");
    if (!call_.run.spend(call_.node, content.size() + 1)) return false;
    std::vector<std::pair<std::string, cel_value>> members;
    const auto keys = content.keys();
    for (const auto& key : keys.items()) {
      cel_value item;
      static_cast<void>(content.find(key, call_.run.natives(), item));
      auto before = std::move(out_);
      out_.clear();
      if (!text_of(key, depth)) return false;
      members.emplace_back(std::move(out_), std::move(item));
      out_ = std::move(before);
    }
    std::stable_sort(members.begin(), members.end(),
                     [](const auto& left, const auto& right) { return left.first < right.first; });
    if (!add("{")) return false;
    bool is_first = true;
    for (const auto& [key, item] : members) {
      if (!is_first && !add(", ")) return false;
      is_first = false;
      if (!add(key) || !add(": ") || !text_of(item, depth)) return false;
    }
    return add("}");
  }

  const cel_call& call_;
  std::string out_;
  std::size_t next_ = 0;
};

} // namespace

bool format(const cel_call& call, cel_value& result) {
  if (call.kind(0) != cel_kind::text || call.kind(1) != cel_kind::list) {
    return call.run.no_overload(call);
  }
  std::string out;
  if (!formatting(call).run(out)) return false;
  result = cel_value::text(std::move(out));
  return true;
}

} // namespace troupe::detail
