#include "cel_time.hpp"
#include "evaluation.hpp"
#include "number_text.hpp"

#include <troupe/protocol/unicode.hpp>

#include <cmath>
#include <limits>

namespace troupe::detail {

namespace {

constexpr double two_to_63 = 9223372036854775808.0;
constexpr double two_to_64 = 18446744073709551616.0;

// No text of a number, time or truth is longer.
constexpr std::size_t longest_scalar = 1'000;

bool out_of_range(const cel_call& call) {
  return call.run.fail(call.node, std::string(type_name(call.kind(0))) + " out of range for "
                                      + std::string(call.node.function->name));
}

bool unreadable(const cel_call& call) {
  constexpr std::size_t shown = 60;
  const auto& text = call[0].text();
  return call.run.fail(call.node, "no " + std::string(call.node.function->name) + ": \""
                                      + with_replacements(text.substr(0, shown))
                                      + (text.size() > shown ? "...\"" : "\""));
}

// Reads the text that is given; `make` turns what was read into a value.
template <class Read, class Make>
bool from_text(const cel_call& call, cel_value& result, Read read, Make make) {
  const auto& text = call[0].text();
  if (text.size() > longest_scalar) return unreadable(call);
  if (!call.run.spend_bytes(call.node, text.size())) return false;
  const auto found = read(text);
  if (!found) return unreadable(call);
  result = make(*found);
  return true;
}

bool same(const cel_call& call, cel_value& result) {
  result = call[0];
  return true;
}

// Only the decimal form: a literal may be hexadecimal, a text not.
template <class Number>
auto decimal(std::optional<Number> (*read)(std::string_view)) {
  return [read](std::string_view text) {
    const bool is_hexadecimal = text.find_first_of("xX") != std::string_view::npos;
    return is_hexadecimal ? std::optional<Number>() : read(text);
  };
}

std::optional<bool> read_boolean(std::string_view text) {
  for (const auto name : {"1", "t", "T", "true", "TRUE", "True"}) {
    if (text == name) return true;
  }
  for (const auto name : {"0", "f", "F", "false", "FALSE", "False"}) {
    if (text == name) return false;
  }
  return {};
}

} // namespace

bool to_integer(const cel_call& call, cel_value& result) {
  const auto& given = call[0];
  switch (given.kind()) {
  case cel_kind::integer: return same(call, result);
  case cel_kind::unsigned_integer:
    if (given.unsigned_integer()
        > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      return out_of_range(call);
    }
    result = cel_value::integer(static_cast<std::int64_t>(given.unsigned_integer()));
    return true;
  case cel_kind::floating:
    if (!(given.floating() > -two_to_63 && given.floating() < two_to_63)) return out_of_range(call);
    result = cel_value::integer(static_cast<std::int64_t>(given.floating()));
    return true;
  case cel_kind::text:
    return from_text(call, result, decimal(read_integer),
                     [](std::int64_t number) { return cel_value::integer(number); });
  case cel_kind::timestamp: result = cel_value::integer(given.timestamp().seconds); return true;
  default: return call.run.no_overload(call);
  }
}

bool to_unsigned(const cel_call& call, cel_value& result) {
  const auto& given = call[0];
  switch (given.kind()) {
  case cel_kind::unsigned_integer: return same(call, result);
  case cel_kind::integer:
    if (given.integer() < 0) return out_of_range(call);
    result = cel_value::unsigned_integer(static_cast<std::uint64_t>(given.integer()));
    return true;
  case cel_kind::floating:
    if (!(given.floating() >= 0 && given.floating() < two_to_64)) return out_of_range(call);
    result = cel_value::unsigned_integer(static_cast<std::uint64_t>(given.floating()));
    return true;
  case cel_kind::text:
    return from_text(call, result, decimal(read_unsigned),
                     [](std::uint64_t number) { return cel_value::unsigned_integer(number); });
  default: return call.run.no_overload(call);
  }
}

bool to_double(const cel_call& call, cel_value& result) {
  const auto& given = call[0];
  switch (given.kind()) {
  case cel_kind::floating: return same(call, result);
  case cel_kind::integer:
    result = cel_value::floating(static_cast<double>(given.integer()));
    return true;
  case cel_kind::unsigned_integer:
    result = cel_value::floating(static_cast<double>(given.unsigned_integer()));
    return true;
  case cel_kind::text:
    return from_text(call, result, read_double,
                     [](double number) { return cel_value::floating(number); });
  default: return call.run.no_overload(call);
  }
}

bool to_text(const cel_call& call, cel_value& result) {
  const auto& given = call[0];
  switch (given.kind()) {
  case cel_kind::text: return same(call, result);
  case cel_kind::boolean: result = cel_value::text(given.truth() ? "true" : "false"); return true;
  case cel_kind::integer: result = cel_value::text(std::to_string(given.integer())); return true;
  case cel_kind::unsigned_integer:
    result = cel_value::text(std::to_string(given.unsigned_integer()));
    return true;
  case cel_kind::floating: result = cel_value::text(write_double(given.floating())); return true;
  case cel_kind::timestamp:
    result = cel_value::text(write_timestamp(given.timestamp()));
    return true;
  case cel_kind::duration: result = cel_value::text(write_duration(given.duration())); return true;
  case cel_kind::bytes: {
    const auto& bytes = given.bytes();
    if (!call.run.spend_bytes(call.node, bytes.size())) return false;
    std::string text(bytes.begin(), bytes.end());
    if (find_invalid(text) != std::string::npos) return call.run.fail(call.node, "invalid UTF-8");
    result = cel_value::text(std::move(text));
    return true;
  }
  default: return call.run.no_overload(call);
  }
}

bool to_bytes(const cel_call& call, cel_value& result) {
  if (call.kind(0) == cel_kind::bytes) return same(call, result);
  if (call.kind(0) != cel_kind::text) return call.run.no_overload(call);
  const auto& text = call[0].text();
  if (!call.run.spend_bytes(call.node, text.size())) return false;
  result = cel_value::bytes({text.begin(), text.end()});
  return true;
}

bool to_boolean(const cel_call& call, cel_value& result) {
  if (call.kind(0) == cel_kind::boolean) return same(call, result);
  if (call.kind(0) != cel_kind::text) return call.run.no_overload(call);
  return from_text(call, result, read_boolean,
                   [](bool truth) { return cel_value::boolean(truth); });
}

bool to_timestamp(const cel_call& call, cel_value& result) {
  switch (call.kind(0)) {
  case cel_kind::timestamp: return same(call, result);
  case cel_kind::integer: {
    const auto seconds = call[0].integer();
    if (seconds < first_second || seconds > last_second) return out_of_range(call);
    result = cel_value::timestamp({seconds, 0});
    return true;
  }
  case cel_kind::text:
    return from_text(call, result, read_timestamp,
                     [](cel_timestamp time) { return cel_value::timestamp(time); });
  default: return call.run.no_overload(call);
  }
}

bool to_duration(const cel_call& call, cel_value& result) {
  if (call.kind(0) == cel_kind::duration) return same(call, result);
  if (call.kind(0) != cel_kind::text) return call.run.no_overload(call);
  return from_text(call, result, read_duration,
                   [](duration length) { return cel_value::duration(length); });
}

bool to_dynamic(const cel_call& call, cel_value& result) {
  return same(call, result);
}

bool to_type(const cel_call& call, cel_value& result) {
  result = cel_value::type(call.kind(0));
  return true;
}

bool size_of(const cel_call& call, cel_value& result) {
  const auto& given = call[0];
  std::size_t size = 0;
  switch (given.kind()) {
  case cel_kind::text:
    if (!call.run.spend_bytes(call.node, given.text().size())) return false;
    size = count_code_points(given.text());
    break;
  case cel_kind::bytes: size = given.bytes().size(); break;
  case cel_kind::list:
  case cel_kind::map: size = given.size(); break;
  default: return call.run.no_overload(call);
  }
  result = cel_value::integer(static_cast<std::int64_t>(size));
  return true;
}

} // namespace troupe::detail
