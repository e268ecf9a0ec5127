#include "with_reader.hpp"

#include "source_text.hpp"

#include <troupe/protocol/json.hpp>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

namespace troupe {

namespace {

/// Stands for a part that is known at the call only.
struct unknown_part {};

const native_type unknown_type{&typeid(unknown_part), [](const void*) { return value(); }};

std::optional<std::string> text_of(const value& content) {
  if (const auto* text = content.if_text()) return *text;
  if (content.if_bool() || content.is_number()) return write_json(content);
  return {};
}

std::string shown(const value& content) {
  constexpr std::size_t most = 40;
  if (!content.is_text() && !content.is_number()) return std::string(kind_name(content));
  auto text = write_json(content);
  return text.size() > most ? std::string(kind_name(content)) : text;
}

} // namespace

with_reader::with_reader(const step_settings& settings, const field_report& report)
    : content_(known_part(settings.with())), report_(report), kinds_are_checked_(true) {}

with_reader::with_reader(value content, const field_report& report)
    : content_(std::move(content)), report_(report) {}

with_reader::with_reader(value content, const field_report& report, std::string prefix)
    : content_(std::move(content)), report_(report), prefix_(std::move(prefix)) {}

bool with_reader::is_unknown(const value& part) {
  return part.if_native<unknown_part>() != nullptr;
}

value with_reader::known_part(const value_template& part) {
  if (part.is_constant()) return part.constant();
  if (part.is_list()) {
    value::list_type items;
    for (const auto& each : part.items()) items.push_back(known_part(each));
    return value::list(std::move(items));
  }
  const auto raw = part.raw();
  const auto* members = raw.if_map();
  if (!part.is_map() || !members)
    return value::native(std::make_shared<unknown_part>(), unknown_type);
  value::map_type known;
  for (const auto& [key, content] : *members)
    if (const auto* item = part.find(key)) known.emplace_back(key, known_part(*item));
  return value::map(std::move(known));
}

value with_reader::member(std::string_view name) const {
  auto found = content_.at(name);
  return is_unknown(found) ? value() : found;
}

std::string with_reader::text(std::string_view name, std::string otherwise) const {
  const auto found = member(name);
  if (found.is_null()) return otherwise;
  if (const auto* text = found.if_text()) return *text;
  wrong_kind(name, "text", found);
  return otherwise;
}

bool with_reader::boolean(std::string_view name, bool otherwise) const {
  const auto found = member(name);
  if (found.is_null()) return otherwise;
  if (const auto* truth = found.if_bool()) return *truth;
  wrong_kind(name, "true or false", found);
  return otherwise;
}

std::int64_t with_reader::integer(std::string_view name, std::int64_t otherwise, std::int64_t least,
                                  std::int64_t most) const {
  const auto found = member(name);
  if (found.is_null()) return otherwise;
  const auto* number = found.if_integer();
  if (found.if_unsigned() || (number && *number > most)) {
    report(name, "must be at most " + std::to_string(most));
  } else if (!number) {
    wrong_kind(name, "an integer", found);
  } else if (*number < least) {
    report(name, "must be at least " + std::to_string(least));
  } else {
    return *number;
  }
  return otherwise;
}

double with_reader::amount(std::string_view name) const {
  const auto found = member(name);
  if (found.is_null()) return 0;
  if (!found.is_number()) {
    wrong_kind(name, "a number", found);
    return 0;
  }
  const auto number = found.to_double();
  if (std::isfinite(number) && number >= 0) return number;
  report(name, "must be finite and at least 0");
  return 0;
}

std::optional<duration> with_reader::length(std::string_view name, bool positive) const {
  const auto found = member(name);
  if (found.is_null()) return {};
  const auto* text = found.if_text();
  const auto length = text ? parse_duration(*text) : std::nullopt;
  if (!length) {
    if (!kinds_are_checked_) report(name, "must be a duration such as 1.5s, not " + shown(found));
  } else if (*length < duration::zero()) {
    report(name, "must not be negative");
  } else if (positive && *length == duration::zero()) {
    report(name, "must be greater than 0");
  } else {
    return length;
  }
  return {};
}

value with_reader::list(std::string_view name) const {
  auto found = member(name);
  if (found.is_null() || found.is_list()) return found;
  wrong_kind(name, "a list", found);
  return {};
}

value with_reader::map(std::string_view name) const {
  auto found = member(name);
  if (found.is_null() || found.is_map()) return found;
  wrong_kind(name, "a map", found);
  return {};
}

void with_reader::each_text(
    std::string_view name, bool nulls,
    const std::function<void(const std::string&, const std::optional<std::string>&)>& read) const {
  const auto found = map(name);
  const auto* members = found.if_map();
  if (!members) return;
  for (const auto& [key, content] : *members) {
    // The name can be checked already.
    const auto text = is_unknown(content) ? std::optional<std::string>("") : text_of(content);
    if (text || (nulls && content.is_null())) read(key, text);
    else
      inside(name, found)
          .wrong_kind(
              key, nulls ? "text, a number, true, false or null" : "text, a number, true or false",
              content);
  }
}

void with_reader::require(std::string_view name) const {
  // A file's reader reports what is missing there.
  if (!kinds_are_checked_ && content_.at(name).is_null()) report(name, "is missing");
}

void with_reader::only(std::initializer_list<std::string_view> names) const {
  const auto* members = content_.if_map();
  if (!members) return;
  const std::vector<std::string> known(names.begin(), names.end());
  for (const auto& [key, content] : *members)
    if (std::find(known.begin(), known.end(), key) == known.end())
      report(key, "is unknown here" + near_miss(key, known));
}

with_reader with_reader::inside(std::string_view name, value content) const {
  return {std::move(content), report_, path(name)};
}

void with_reader::report(std::string_view name, const std::string& message) const {
  report_(path(name), message);
}

std::string with_reader::path(std::string_view name) const {
  if (prefix_.empty() || name.empty()) return prefix_ + std::string(name);
  return prefix_ + '.' + std::string(name);
}

void with_reader::wrong_kind(std::string_view name, std::string_view wanted,
                             const value& got) const {
  if (kinds_are_checked_) return;
  report(name, "must be " + std::string(wanted) + ", not " + std::string(kind_name(got)));
}

call_report::call_report()
    : sink_([this](const std::string& field, const std::string& message) {
        if (!found_) found_ = failure{failure_kind::permanent, "`" + field + "` " + message};
      }) {}

void require_constant(const step_settings& settings, const field_report& report,
                      std::initializer_list<std::string_view> names) {
  for (const auto name : names) {
    const auto* part = settings.with().find(name);
    if (part && !part->is_constant())
      report(std::string(name), "must not depend on the input, the context or the run");
  }
}

} // namespace troupe
