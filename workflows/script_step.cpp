#include "builtin_steps.hpp"
#include "with_reader.hpp"

#include <troupe/workflows/script_book.hpp>

#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace troupe {

namespace {

enum class action : std::uint8_t { succeed, fail, hang, stuck, crash };

/// One entry of a script, evaluated.
struct entry {
  action what = action::succeed;
  value output{};
  failure why{};
  duration length{};
  usage spent{};
  value set{};
};

constexpr std::array<std::string_view, 5> failing{"transient", "permanent", "rate_limited",
                                                  "timed_out", "unclassified"};

bool is_failing(std::string_view name) {
  for (const auto each : failing)
    if (each == name) return true;
  return false;
}

bool is_action(std::string_view name) {
  return name == "ok" || name == "hang" || name == "stuck" || name == "crash" || is_failing(name);
}

// The name of the action; empty, and reported, unless there is exactly one.
std::string action_of(const with_reader& reader) {
  std::vector<std::string> found;
  for (const auto& [name, content] : *reader.content().if_map())
    if (is_action(name)) found.push_back(name);
  if (found.size() == 1) return found.front();
  if (found.empty())
    reader.report("", "says not what happens: one of ok, transient, permanent, rate_limited, "
                      "timed_out, unclassified, hang, stuck or crash");
  else
    reader.report("",
                  "has both `" + found[0] + "` and `" + found[1] + "`; an entry does one thing");
  return {};
}

void read_failure(const with_reader& reader, const std::string& name, entry& result) {
  result.what = action::fail;
  result.why.kind = failure_kind_from(name).value_or(failure_kind::unclassified);
  if (reader.content().at(name).is_null()) reader.report(name, "must be text, not null");
  result.why.message = reader.text(name);
  result.why.retry_after = reader.length("retry_after");
}

void read_stuck(const with_reader& reader, entry& result) {
  result.what = action::stuck;
  const auto given = reader.content().at("stuck");
  if (with_reader::is_unknown(given)) return;
  if (!given.is_map())
    return reader.report("stuck", "must be a map such as {for: 100ms, ok: late}");
  const auto inner = reader.inside("stuck", given);
  inner.only({"for", "ok"});
  inner.require("for");
  result.length = inner.length("for").value_or(duration::zero());
  result.output = inner.member("ok");
}

void read_flag(const with_reader& reader, const std::string& name) {
  const auto given = reader.content().at(name);
  if (with_reader::is_unknown(given)) return;
  const auto* truth = given.if_bool();
  if (!truth || !*truth) reader.report(name, "must be true");
}

entry read_entry(const with_reader& reader) {
  entry result;
  reader.only({"ok", "transient", "permanent", "rate_limited", "timed_out", "unclassified", "hang",
               "stuck", "crash", "retry_after", "after", "cost_usd", "tokens", "set"});
  const auto name = action_of(reader);
  if (is_failing(name)) {
    read_failure(reader, name, result);
  } else if (name == "stuck") {
    read_stuck(reader, result);
  } else if (name == "hang" || name == "crash") {
    result.what = name == "hang" ? action::hang : action::crash;
    read_flag(reader, name);
  } else {
    result.output = reader.member("ok");
  }
  if (!name.empty() && !is_failing(name) && reader.content().contains("retry_after"))
    reader.report("retry_after", "goes with a failure only");
  const auto after = reader.length("after").value_or(duration::zero());
  result.length = later(instant(result.length), after) - instant();
  result.spent = {reader.amount("cost_usd"), reader.integer("tokens", 0, 0)};
  result.set = reader.map("set");
  return result;
}

/// The entries of a script as the file has them.
std::vector<value_template> entries_of(const step_settings& settings) {
  const auto* script = settings.with().find("script");
  if (!script) return {};
  if (!script->is_constant()) return {script->items().begin(), script->items().end()};
  const auto content = script->constant();
  const auto* items = content.if_list();
  if (!items) return {};
  return {items->begin(), items->end()};
}

void check_script(const step_settings& settings, const field_report& report) {
  require_constant(settings, report, {"repeat", "idempotent"});
  const auto* script = settings.with().find("script");
  if (script && !script->is_constant() && !script->is_list())
    return report("script", "must be a list that is written in the file");
  const with_reader all(value::map(), report);
  std::size_t place = 0;
  for (const auto& each : entries_of(settings)) {
    const auto name = "script." + std::to_string(place++);
    auto content = with_reader::known_part(each);
    if (with_reader::is_unknown(content)) continue;
    if (content.is_map()) (void)read_entry(all.inside(name, std::move(content)));
    else report(name, "must be a map such as {ok: 1}, not " + std::string(kind_name(content)));
  }
}

/// The script of one step, shared by everything that is made of its definition.
class script {
public:
  explicit script(const step_settings& settings)
      : settings_(settings), entries_(entries_of(settings)) {
    const auto repeats = settings.fixed("repeat");
    repeats_ = repeats.if_bool() && *repeats.if_bool();
    if (const auto& book = settings.surroundings().scripts) book->open(settings.name());
  }

  /// Counts a call that another process makes, and returns the entry it takes, or false when there
  /// is none left.
  value ticket(const value& input) {
    const auto place = take(input);
    return place ? value(*place) : value(false);
  }

  /// Takes the next entry.
  entry begin(const value& input, const step_context& context) {
    const auto place = context.ticket().is_null() ? take(input) : given(context.ticket());
    if (!place)
      return failing_with(
          {failure_kind::permanent, "No more outputs: the script of this step is used up after "
                                        + std::to_string(entries_.size()) + " calls"});
    const auto content = settings_.resolve(entries_[*place], input, context);
    if (!content) return failing_with(content.why());
    const call_report trouble;
    const with_reader all(value::map(), trouble.sink());
    const auto name = "script." + std::to_string(*place);
    if (!content->is_map()) all.report(name, "must be a map such as {ok: 1}");
    auto taken = content->is_map() ? read_entry(all.inside(name, *content)) : entry();
    return trouble.found() ? failing_with(*trouble.found()) : taken;
  }

private:
  std::optional<std::size_t> take(const value& input) {
    if (const auto& book = settings_.surroundings().scripts) book->record(settings_.name(), input);
    return next();
  }

  [[nodiscard]] std::optional<std::size_t> given(const value& ticket) const {
    const auto* place = ticket.if_integer();
    if (!place || *place < 0 || static_cast<std::size_t>(*place) >= entries_.size()) return {};
    return static_cast<std::size_t>(*place);
  }

  static entry failing_with(failure why) {
    entry result;
    result.what = action::fail;
    result.why = std::move(why);
    return result;
  }

  std::optional<std::size_t> next() {
    const std::scoped_lock lock(mutex_);
    if (next_ == entries_.size() && repeats_) next_ = 0;
    if (next_ == entries_.size()) return {};
    return next_++;
  }

  step_settings settings_;
  std::vector<value_template> entries_;
  bool repeats_ = false;
  std::mutex mutex_;
  std::size_t next_ = 0;
};

/// One call of a scripted step, until it has answered: its alarm or its stop callback ends it.
class scripted_call : public std::enable_shared_from_this<scripted_call> {
public:
  scripted_call(entry taken, value_completion done)
      : entry_(std::move(taken)), done_(std::move(done)) {}

  void start() {
    auto& context = done_.context();
    if (counts_early()) context.report_usage(entry_.spent);
    if (entry_.what != action::stuck) {
      keep_ = entry_.what == action::hang ? shared_from_this() : nullptr;
      on_stop_.emplace(context.stop_token(), [self = weak_from_this()] {
        if (const auto alive = self.lock())
          alive->answer(failure{failure_kind::cancelled, "cancelled"});
      });
    }
    if (entry_.what == action::hang) return;
    if (entry_.length == duration::zero()) return finish();
    context.after(entry_.length, [self = shared_from_this()] { self->finish(); });
  }

private:
  [[nodiscard]] bool counts_early() const {
    return entry_.what == action::hang || entry_.what == action::stuck;
  }

  void finish() {
    if (answered_) return;
    if (entry_.what == action::crash) kill(getpid(), SIGKILL);
    auto& context = done_.context();
    if (!counts_early()) context.report_usage(entry_.spent);
    if (entry_.what == action::fail) return answer(entry_.why);
    if (const auto* changes = entry_.set.if_map())
      for (const auto& [key, content] : *changes) context.set(key, content);
    answer(entry_.output);
  }

  void answer(outcome<value> result) {
    if (answered_.exchange(true)) return;
    done_(std::move(result));
    keep_.reset();
  }

  entry entry_;
  value_completion done_;
  std::atomic<bool> answered_{false};
  std::shared_ptr<scripted_call> keep_; // a hanging call is held by nothing else
  std::optional<std::stop_callback<std::function<void()>>> on_stop_;
};

} // namespace

step_type script_step_type() {
  step_type about;
  about.summary = "answers each call with the next entry of a script; for tests";
  about.fields = {
      {"script", field_kind::list, true, "what happens in each call, in order"},
      {"repeat", field_kind::boolean, false, "start over when the script is used up; false"},
      {"idempotent", field_kind::boolean, false, "calling it twice does no harm; false"},
  };
  about.check = check_script;
  about.make = [](const step_settings& settings) {
    const auto idempotent = settings.fixed("idempotent");
    step_definition made;
    made.kind = step_kind::async;
    made.idempotent = idempotent.if_bool() && *idempotent.if_bool();
    const auto state = std::make_shared<script>(settings);
    made.work = async_function([state](const value& input, value_completion done) {
      auto taken = state->begin(input, done.context());
      std::make_shared<scripted_call>(std::move(taken), std::move(done))->start();
    });
    made.ticket = [state](const value& input) { return state->ticket(input); };
    return made;
  };
  return about;
}

} // namespace troupe
