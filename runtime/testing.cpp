#include "runtime_core.hpp"

#include <troupe/runtime/testing.hpp>

#include <mutex>
#include <optional>
#include <stop_token>

namespace troupe::testing {

virtual_runtime::virtual_runtime(runtime_options options)
    : runtime(detail::runtime_core::make_virtual(std::move(options))) {}

void virtual_runtime::settle() {
  core().drive_to(now());
}

void virtual_runtime::advance(duration by) {
  core().drive_to(later(now(), by));
}

script_entry script_entry::taking(duration length) const {
  auto copy = *this;
  copy.after = length;
  return copy;
}

script_entry script_entry::costing(double cost_usd, std::int64_t tokens) const {
  auto copy = *this;
  copy.spent = {cost_usd, tokens};
  return copy;
}

script_entry script_entry::setting(std::string key, value content) const {
  auto copy = *this;
  copy.set.emplace_back(std::move(key), std::move(content));
  return copy;
}

script_entry ok(value output) {
  script_entry entry;
  entry.output = std::move(output);
  return entry;
}

script_entry fails(failure why) {
  script_entry entry;
  entry.what = script_entry::action::fail;
  entry.why = std::move(why);
  return entry;
}

script_entry transient(std::string message) {
  return fails({failure_kind::transient, std::move(message)});
}

script_entry permanent(std::string message) {
  return fails({failure_kind::permanent, std::move(message)});
}

script_entry unclassified(std::string message) {
  return fails({failure_kind::unclassified, std::move(message)});
}

script_entry hang() {
  script_entry entry;
  entry.what = script_entry::action::hang;
  return entry;
}

script_entry stuck(duration length, value output) {
  script_entry entry;
  entry.what = script_entry::action::stuck;
  entry.after = length;
  entry.output = std::move(output);
  return entry;
}

struct scripted_step::state {
  mutable std::mutex mutex;
  std::vector<script_entry> script;
  std::function<script_entry(const value&, const context&)> answer;
  bool repeats = false;
  std::size_t next = 0;
  std::vector<value> inputs;
  std::size_t running = 0;
  std::size_t most_running = 0;
  std::size_t stopped = 0;

  script_entry begin(const value& input, const context& ctx) {
    const std::scoped_lock lock(mutex);
    inputs.push_back(input);
    most_running = std::max(most_running, ++running);
    if (answer) return answer(input, ctx);
    if (next == script.size() && repeats) next = 0;
    if (next < script.size()) return script[next++];
    return permanent("No more outputs: the script of this step is used up");
  }

  void end() {
    const std::scoped_lock lock(mutex);
    --running;
  }

  void count_stop() {
    const std::scoped_lock lock(mutex);
    ++stopped;
  }
};

namespace {

/// One call of a scripted step, until it has answered. Belongs to the attempt: its alarm or its
/// stop callback ends it.
class scripted_call : public std::enable_shared_from_this<scripted_call> {
public:
  scripted_call(std::shared_ptr<scripted_step::state> script, value_completion done)
      : script_(std::move(script)), done_(std::move(done)) {}

  void start(const value& input) {
    auto& context = done_.context();
    entry_ = script_->begin(input, context.snapshot());
    const auto early =
        entry_.what == script_entry::action::hang || entry_.what == script_entry::action::stuck;
    if (early) context.report_usage(entry_.spent);
    // A cancel ends every call but a stuck one; the completion is called from inside the callback.
    on_stop_.emplace(context.stop_token(), [self = weak_from_this()] {
      if (const auto alive = self.lock()) alive->stop();
    });
    if (entry_.what == script_entry::action::hang) {
      keep_ = shared_from_this();
      return;
    }
    if (entry_.after == duration::zero()) return finish();
    context.after(entry_.after, [self = shared_from_this()] { self->finish(); });
  }

private:
  void stop() {
    script_->count_stop();
    if (entry_.what == script_entry::action::stuck) return;
    answer(failure{failure_kind::cancelled, "cancelled"});
  }

  void finish() {
    auto& context = done_.context();
    const auto early = entry_.what == script_entry::action::stuck;
    if (!early) context.report_usage(entry_.spent);
    if (entry_.what == script_entry::action::fail) return answer(entry_.why);
    if (entry_.what == script_entry::action::raise) {
      try {
        entry_.thrower();
      } catch (...) {
        return answer(actors::current_failure());
      }
    }
    for (const auto& [key, content] : entry_.set) context.set(key, content);
    answer(entry_.output);
  }

  void answer(outcome<value> result) {
    if (answered_.exchange(true)) return;
    script_->end();
    done_(std::move(result));
    keep_.reset();
  }

  std::shared_ptr<scripted_step::state> script_;
  value_completion done_;
  script_entry entry_;
  std::atomic<bool> answered_{false};
  std::shared_ptr<scripted_call> keep_; // a hanging call is held by nothing else
  std::optional<std::stop_callback<std::function<void()>>> on_stop_;
};

} // namespace

scripted_step::scripted_step(std::string name, std::vector<script_entry> script)
    : name_(std::move(name)), state_(std::make_shared<state>()) {
  state_->script = std::move(script);
}

scripted_step& scripted_step::repeat() {
  state_->repeats = true;
  return *this;
}

scripted_step&
scripted_step::answering(std::function<script_entry(const value& input, const context&)> answer) {
  state_->answer = std::move(answer);
  return *this;
}

std::size_t scripted_step::call_count() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->inputs.size();
}

std::vector<value> scripted_step::inputs() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->inputs;
}

std::size_t scripted_step::running() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->running;
}

std::size_t scripted_step::most_running() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->most_running;
}

std::size_t scripted_step::stopped() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->stopped;
}

void scripted_step::reset() {
  const std::scoped_lock lock(state_->mutex);
  state_->inputs.clear();
  state_->next = 0;
  state_->stopped = 0;
  state_->most_running = state_->running;
}

step_definition scripted_step::definition() const {
  step_definition about;
  about.kind = step_kind::async;
  about.idempotent = true;
  about.type = "test.script";
  about.identity = name_;
  value::list_type script;
  for (const auto& entry : state_->script) {
    script.push_back(value::list({static_cast<int>(entry.what), entry.output.plain(),
                                  entry.why.message, entry.after.count()}));
  }
  about.parameters = value(std::move(script));
  about.work = async_function([state = state_](const value& input, value_completion done) {
    std::make_shared<scripted_call>(state, std::move(done))->start(input);
  });
  return about;
}

scripted_step stub_step(std::string name, std::vector<value> outputs) {
  std::vector<script_entry> script;
  for (auto& output : outputs) script.push_back(ok(std::move(output)));
  return scripted_step(std::move(name), std::move(script));
}

scripted_step mock_step(std::string name, script_entry always) {
  scripted_step made(std::move(name), {std::move(always)});
  made.repeat();
  return made;
}

} // namespace troupe::testing
