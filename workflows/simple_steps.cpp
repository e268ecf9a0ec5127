#include "builtin_steps.hpp"
#include "source_text.hpp"
#include "with_reader.hpp"

#include <atomic>
#include <memory>
#include <optional>
#include <stop_token>
#include <utility>

namespace troupe {

namespace {

/// One call of a `sleep`. Held by its alarm until it has answered.
class nap : public std::enable_shared_from_this<nap> {
public:
  nap(value output, value_completion done) : output_(std::move(output)), done_(std::move(done)) {}

  void start(duration length) {
    auto& context = done_.context();
    context.after(length, [self = shared_from_this()] { self->answer(self->output_); });
    on_stop_.emplace(context.stop_token(), [self = weak_from_this()] {
      if (const auto alive = self.lock())
        alive->answer(failure{failure_kind::cancelled, "cancelled"});
    });
  }

private:
  void answer(outcome<value> result) {
    if (!answered_.exchange(true)) done_(std::move(result));
  }

  value output_;
  value_completion done_;
  std::atomic<bool> answered_{false};
  std::optional<std::stop_callback<std::function<void()>>> on_stop_;
};

// All but `paused`, which is no failure.
std::vector<std::string> kind_names() {
  using enum failure_kind;
  std::vector<std::string> names;
  for (const auto kind : {transient, rate_limited, timed_out, permanent, rejected, cancelled,
                          worker_lost, malformed, usage_limit, unclassified})
    names.emplace_back(to_string(kind));
  return names;
}

std::string no_kind(const std::string& given) {
  std::string all;
  for (const auto& name : kind_names()) all += (all.empty() ? "" : ", ") + name;
  return "must be one of " + all + near_miss(given, kind_names());
}

failure read_fail(const with_reader& with) {
  failure why{failure_kind::permanent};
  with.require("message");
  why.message = with.text("message");
  why.retry_after = with.length("retry_after");
  const auto name = with.text("kind", "permanent");
  const auto kind = failure_kind_from(name);
  if (kind && *kind != failure_kind::paused) why.kind = *kind;
  else with.report("kind", no_kind(name));
  return why;
}

} // namespace

step_type value_step_type() {
  step_type about;
  about.summary = "returns a value";
  about.fields = {{"value", field_kind::any, true, "what to return"}};
  about.make = [](const step_settings& settings) {
    step_definition made;
    made.kind = step_kind::inlined;
    made.idempotent = true;
    made.work = plain_function([settings](const value& input, step_context& context) {
      const auto* content = settings.with().find("value");
      return content ? settings.resolve(*content, input, context) : outcome<value>(value());
    });
    return made;
  };
  return about;
}

step_type sleep_step_type() {
  step_type about;
  about.summary = "waits without holding a thread, and returns its input";
  about.fields = {{"for", field_kind::length, true, "how long"}};
  about.check = [](const step_settings& settings, const field_report& report) {
    (void)with_reader(settings, report).length("for");
  };
  about.make = [](const step_settings& settings) {
    step_definition made;
    made.kind = step_kind::async;
    made.idempotent = true;
    made.work = async_function([settings](const value& input, value_completion done) {
      const auto with = settings.resolve(input, done.context());
      if (!with) return done(with.why());
      const call_report trouble;
      const with_reader reader(*with, trouble.sink());
      reader.require("for");
      const auto length = reader.length("for");
      if (trouble.found()) return done(*trouble.found());
      std::make_shared<nap>(input, std::move(done))->start(length.value_or(duration::zero()));
    });
    return made;
  };
  return about;
}

step_type fail_step_type() {
  step_type about;
  about.summary = "fails";
  about.fields = {
      {"message", field_kind::text, true, "what to say"},
      {"kind", field_kind::text, false, "the kind of failure; permanent unless given"},
      {"retry_after", field_kind::length, false, "how long to ask others to wait"},
  };
  about.check = [](const step_settings& settings, const field_report& report) {
    (void)read_fail(with_reader(settings, report));
  };
  about.make = [](const step_settings& settings) {
    step_definition made;
    made.kind = step_kind::inlined;
    made.idempotent = true;
    made.work =
        plain_function([settings](const value& input, step_context& context) -> outcome<value> {
          const auto with = settings.resolve(input, context);
          if (!with) return with.why();
          const call_report trouble;
          auto why = read_fail(with_reader(*with, trouble.sink()));
          if (trouble.found()) return *trouble.found();
          return why;
        });
    return made;
  };
  return about;
}

} // namespace troupe
