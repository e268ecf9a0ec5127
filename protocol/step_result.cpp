#include <troupe/protocol/step_result.hpp>

#include <cmath>
#include <limits>
#include <optional>

namespace troupe {

namespace {

constexpr std::size_t max_results_deep = 128; ///< what is read
constexpr std::size_t max_written_deep =
    300; ///< more than the codec takes, less than a stack holds

const std::string& no_text() {
  static const std::string empty;
  return empty;
}

double milliseconds(duration length) {
  return static_cast<double>(length.count()) / 1e6;
}

value text_or_null(const std::string& text) {
  return text.empty() ? value() : value(text);
}

value result_map(const step_result& result, std::size_t depth);

value failure_map(const failure& why) {
  std::vector<const failure*> causes;
  for (const auto* at = &why; at != nullptr; at = at->cause.get()) {
    causes.push_back(at);
    if (causes.size() > max_written_deep) break;
  }
  value inner;
  for (auto at = causes.rbegin(); at != causes.rend(); ++at) {
    value::map_type members{{"kind", to_string((*at)->kind)}, {"message", (*at)->message}};
    if ((*at)->retry_after) {
      members.emplace_back("retry_after_ms", milliseconds(*(*at)->retry_after));
    }
    if (!(*at)->step.empty()) members.emplace_back("step", (*at)->step);
    if (!inner.is_null()) members.emplace_back("cause", std::move(inner));
    inner = value::map(std::move(members));
  }
  return inner;
}

value metadata_map(const step_metadata& about, std::size_t depth) {
  value::map_type members;
  const auto add_flag = [&](const char* key, bool set) {
    if (set) members.emplace_back(key, true);
  };
  const auto add_result = [&](const char* key, const std::shared_ptr<const step_result>& result) {
    if (result && depth < max_written_deep) {
      members.emplace_back(key, result_map(*result, depth + 1));
    }
  };
  add_flag("cache_hit", about.cache_hit);
  add_flag("fallback_triggered", about.fallback_triggered);
  add_flag("hedge_won", about.hedge_won);
  add_result("primary_attempt_result", about.primary_attempt_result);
  add_result("fallback_attempt_result", about.fallback_attempt_result);
  add_result("compensation", about.compensation());
  if (!about.executed_branch.is_null()) {
    members.emplace_back("executed_branch", about.executed_branch);
  }
  if (!about.exit_reason.empty()) members.emplace_back("exit_reason", about.exit_reason);
  return value::map(std::move(members));
}

value result_map(const step_result& result, std::size_t depth) {
  value::list_type history;
  if (depth < max_written_deep) {
    history.reserve(result.step_history.size());
    for (const auto& one : result.step_history) history.push_back(result_map(one, depth + 1));
  }
  return value::map({
      {"name", result.name.str()},
      {"success", result.success()},
      {"output", result.output},
      {"attempts", result.attempts},
      {"latency_ms", milliseconds(result.latency)},
      {"feedback", result.why ? value(result.why->message) : value()},
      {"failure", result.why ? failure_map(*result.why) : value()},
      {"cost_usd", result.spent.cost_usd},
      {"token_counts", result.spent.tokens},
      {"node", text_or_null(result.node.str())},
      {"metadata", metadata_map(result.metadata(), depth)},
      {"step_history", value::list(std::move(history))},
  });
}

struct misfit {
  std::string member;
  std::string message;
};

// Reads members one by one and throws a `misfit`, which never leaves this file: twelve members with
// an outcome each would hide what is read.
class member_reader {
public:
  member_reader(const value& from, std::string path) : from_(from), path_(std::move(path)) {
    if (!from_.is_map()) fail("", "is no map");
  }

  [[nodiscard]] value at(const char* key) const { return from_.at(key); }
  [[nodiscard]] std::string path(const std::string& key) const {
    if (key.empty()) return path_;
    return path_.empty() ? key : path_ + "." + key;
  }

  [[nodiscard]] std::string text(const char* key) const {
    const auto found = at(key);
    if (found.is_null()) return {};
    if (!found.is_text()) fail(key, "is no text");
    return *found.if_text();
  }

  [[nodiscard]] std::string required_text(const char* key) const {
    if (!at(key).is_text()) fail(key, "is no text");
    return text(key);
  }

  [[nodiscard]] bool flag(const char* key) const {
    const auto found = at(key);
    if (found.is_null()) return false;
    if (!found.if_bool()) fail(key, "is no boolean");
    return *found.if_bool();
  }

  [[nodiscard]] std::int64_t integer(const char* key, std::int64_t absent, std::int64_t least,
                                     std::int64_t most) const {
    const auto found = at(key);
    if (found.is_null()) return absent;
    const auto* number = found.if_integer();
    if (!number || *number < least || *number > most) fail(key, "is no integer in range");
    return *number;
  }

  [[nodiscard]] double number(const char* key) const {
    const auto found = at(key);
    if (!found.is_null() && !found.is_number()) fail(key, "is no number");
    return found.to_double();
  }

  [[nodiscard]] std::optional<duration> time(const char* key) const {
    if (at(key).is_null()) return std::nullopt;
    const auto nanoseconds = number(key) * 1e6;
    // Rounding takes the largest duration just past what fits.
    constexpr double bound = 9223372036854775808.0;
    if (!(std::abs(nanoseconds) <= bound)) fail(key, "is no length of time");
    if (nanoseconds >= bound) return duration::max();
    return duration(std::llround(nanoseconds));
  }

  [[noreturn]] void fail(const std::string& key, std::string message) const {
    throw misfit{path(key), std::move(message)};
  }

private:
  value from_;
  std::string path_;
};

failure_kind read_kind(const member_reader& from) {
  const auto kind = failure_kind_from(from.required_text("kind"));
  if (!kind) from.fail("kind", "is no kind of failure");
  return *kind;
}

failure read_failure(const value& content, const std::string& path, std::size_t depth) {
  const member_reader from(content, path);
  failure why{.kind = read_kind(from), .message = from.required_text("message")};
  why.retry_after = from.time("retry_after_ms");
  why.step = from.text("step");
  const auto cause = from.at("cause");
  if (cause.is_null()) return why;
  if (depth >= max_results_deep) from.fail("cause", "nests deeper than 128");
  why.cause = std::make_shared<const failure>(read_failure(cause, from.path("cause"), depth + 1));
  return why;
}

step_result read_result(const value& content, const std::string& path, std::size_t depth);

std::shared_ptr<const step_result> read_attempt(const member_reader& from, const char* key,
                                                std::size_t depth) {
  const auto found = from.at(key);
  if (found.is_null()) return nullptr;
  if (depth >= max_results_deep) from.fail(key, "nests deeper than 128");
  return std::make_shared<const step_result>(read_result(found, from.path(key), depth + 1));
}

std::shared_ptr<const step_metadata> read_metadata(const value& content, const std::string& path,
                                                   std::size_t depth) {
  if (content.is_null()) return nullptr;
  const member_reader from(content, path);
  if (content.size() == 0) return nullptr;
  step_metadata about;
  about.cache_hit = from.flag("cache_hit");
  about.fallback_triggered = from.flag("fallback_triggered");
  about.hedge_won = from.flag("hedge_won");
  about.primary_attempt_result = read_attempt(from, "primary_attempt_result", depth);
  about.fallback_attempt_result = read_attempt(from, "fallback_attempt_result", depth);
  about.executed_branch = from.at("executed_branch");
  about.exit_reason = from.text("exit_reason");
  if (auto undone = read_attempt(from, "compensation", depth)) {
    about.undone_by = std::make_shared<compensation_slot>(std::move(undone));
  }
  return std::make_shared<const step_metadata>(std::move(about));
}

std::vector<step_result> read_history(const member_reader& from, std::size_t depth) {
  const auto found = from.at("step_history");
  if (found.is_null()) return {};
  const auto* items = found.if_list();
  if (!items) from.fail("step_history", "is no list");
  if (!items->empty() && depth >= max_results_deep) {
    from.fail("step_history", "nests deeper than 128");
  }
  std::vector<step_result> history;
  history.reserve(items->size());
  for (std::size_t i = 0; i < items->size(); ++i) {
    const auto path = from.path("step_history[" + std::to_string(i) + "]");
    history.push_back(read_result((*items)[i], path, depth + 1));
  }
  return history;
}

step_result read_result(const value& content, const std::string& path, std::size_t depth) {
  constexpr auto largest = std::numeric_limits<std::int64_t>::max();
  constexpr auto smallest = std::numeric_limits<std::int64_t>::min();
  const member_reader from(content, path);
  step_result result;
  result.name = from.required_text("name");
  if (!from.at("success").if_bool()) from.fail("success", "is no boolean");
  if (const auto why = from.at("failure"); !why.is_null()) {
    result.why = std::make_shared<const failure>(read_failure(why, from.path("failure"), 0));
  }
  if (from.flag("success") != result.success()) from.fail("success", "contradicts failure");
  result.output = from.at("output");
  result.attempts = static_cast<std::uint32_t>(
      from.integer("attempts", 1, 0, std::numeric_limits<std::uint32_t>::max()));
  result.latency = from.time("latency_ms").value_or(duration::zero());
  result.spent = {.cost_usd = from.number("cost_usd"),
                  .tokens = from.integer("token_counts", 0, smallest, largest)};
  if (const auto node = from.text("node"); !node.empty()) result.node = node;
  result.metadata_ = read_metadata(from.at("metadata"), from.path("metadata"), depth);
  result.step_history = read_history(from, depth);
  return result;
}

failure told(const char* what, const misfit& found) {
  const auto member = found.member.empty() ? std::string() : " " + found.member;
  return failure{.kind = failure_kind::malformed,
                 .message = std::string(what) + ":" + member + " " + found.message};
}

const native_type& result_type() {
  static const native_type type{&typeid(step_result), [](const void* object) {
                                  return to_value(*static_cast<const step_result*>(object));
                                }};
  return type;
}

} // namespace

void compensation_slot::fill(std::shared_ptr<const step_result> result) {
  const std::scoped_lock lock(mutex_);
  result_ = std::move(result);
}

std::shared_ptr<const step_result> compensation_slot::get() const {
  const std::scoped_lock lock(mutex_);
  return result_;
}

const std::string& shared_name::str() const noexcept {
  return text_ ? *text_ : no_text();
}

const std::string& step_result::feedback() const noexcept {
  return why ? why->message : no_text();
}

const step_metadata& step_result::metadata() const noexcept {
  static const step_metadata none;
  return metadata_ ? *metadata_ : none;
}

value to_value(const step_result& result) {
  return result_map(result, 0);
}

outcome<step_result> step_result_from(const value& content) {
  try {
    return read_result(content.plain(), "", 0);
  } catch (const misfit& found) {
    return told("step result", found);
  }
}

value to_value(const failure& why) {
  return failure_map(why);
}

outcome<std::shared_ptr<const failure>> failure_from(const value& content) {
  try {
    return std::make_shared<const failure>(read_failure(content.plain(), "", 0));
  } catch (const misfit& found) {
    return told("failure", found);
  }
}

value wrap_result(step_result result) {
  return value::native(std::make_shared<const step_result>(std::move(result)), result_type());
}

const step_result* unwrap_result(const value& content) noexcept {
  return content.if_native<step_result>();
}

} // namespace troupe
