#include "builtin_steps.hpp"
#include "process_runner.hpp"
#include "program_text.hpp"
#include "with_reader.hpp"

#include <troupe/protocol/json.hpp>
#include <troupe/protocol/unicode.hpp>

#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>

namespace troupe {

namespace {

constexpr int try_again_later = 75; // EX_TEMPFAIL of sysexits.h
constexpr std::size_t deepest_output = 64;
constexpr std::int64_t most_output = std::int64_t{1} << 30;

enum class output_form : std::uint8_t { automatic, json, text };

/// What one call runs, and how its output is read.
struct program {
  process_call call{};
  output_form form = output_form::automatic;
};

bool has_zero(const std::string& text) {
  return text.find('\0') != std::string::npos;
}

void read_arguments(const with_reader& reader, process_call& call) {
  reader.require("argv");
  const auto given = reader.list("argv");
  const auto* items = given.if_list();
  if (!items) return;
  if (items->empty()) return reader.report("argv", "must name a program");
  const auto inner = reader.inside("argv", given);
  for (std::size_t place = 0; place < items->size(); ++place) {
    const auto& item = (*items)[place];
    const auto* text = item.if_text();
    if (with_reader::is_unknown(item)) continue;
    if (!text)
      inner.report(std::to_string(place), "must be text, not " + std::string(kind_name(item)));
    else if (text->empty() && place == 0) inner.report("0", "must name a program");
    else if (has_zero(*text))
      inner.report(std::to_string(place), "must not have a zero byte in it");
    else call.argv.push_back(*text);
  }
}

void read_environment(const with_reader& reader, process_call& call) {
  reader.each_text(
      "env", true, [&](const std::string& name, const std::optional<std::string>& content) {
        if (name.empty() || name.find('=') != std::string::npos || has_zero(name))
          reader.report("env", "must have names without `=` in them, and none that is empty");
        else if (content && has_zero(*content))
          reader.report("env." + name, "must not have a zero byte in it");
        else call.environment.insert_or_assign(name, content);
      });
}

output_form read_form(const with_reader& reader) {
  const auto name = reader.text("output", "auto");
  if (name == "json") return output_form::json;
  if (name == "text") return output_form::text;
  if (name != "auto") reader.report("output", "must be json, text or auto");
  return output_form::automatic;
}

program read_program(const with_reader& reader) {
  program result;
  auto& call = result.call;
  read_arguments(reader, call);
  read_environment(reader, call);
  call.directory = reader.text("cwd");
  if (has_zero(call.directory)) reader.report("cwd", "must not have a zero byte in it");
  if (const auto grace = reader.length("grace")) call.grace = *grace;
  const auto most = static_cast<std::int64_t>(call.max_output);
  call.max_output = static_cast<std::size_t>(reader.integer("max_output", most, 1, most_output));
  result.form = read_form(reader);
  return result;
}

outcome<std::string> input_for(const value& with, const value& input) {
  const bool given = with.contains("stdin");
  const auto content = given ? with.at("stdin") : input;
  if (given) {
    if (content.is_null()) return std::string();
    if (const auto* text = content.if_text()) return *text;
    if (const auto* bytes = content.if_binary()) return std::string(bytes->begin(), bytes->end());
  }
  if (!content.is_encodable())
    return failure{failure_kind::malformed, "the input holds an object without plain form"};
  return write_json(content);
}

// What the file says wins.
void tell_about_the_run(const step_context& context, process_call& call) {
  call.environment.emplace("TROUPE_IDEMPOTENCY_KEY", context.idempotency_key());
  call.environment.emplace("TROUPE_RUN_ID", context.run().to_string());
  call.environment.emplace("TROUPE_ATTEMPT", std::to_string(context.attempt()));
  if (!has_zero(context.correlation_id()))
    call.environment.emplace("TROUPE_CORRELATION_ID", context.correlation_id());
}

outcome<value> read_output(const program& what, const std::string& output) {
  if (what.form == output_form::text) return value(text_of_output(output));
  auto content =
      parse_json(output, {.max_bytes = what.call.max_output, .max_depth = deepest_output});
  if (content) return content;
  if (what.form == output_form::json)
    return failure{failure_kind::malformed,
                   what.call.argv.front() + " printed no JSON: " + content.why().message};
  if (find_invalid(output) == std::string::npos) return value(text_of_output(output));
  return value::binary({output.begin(), output.end()});
}

outcome<value> read_reply(const program& what, const process_reply& reply) {
  if (reply.signal == 0 && reply.exit_code == 0) return read_output(what, reply.output);
  failure why{failure_kind::permanent, how_it_ended(what.call.argv.front(), reply)};
  if (reply.exit_code == try_again_later) why.kind = failure_kind::transient;
  return why;
}

/// One program of one attempt: keeps the clock still, and ends with the attempt.
class program_call : public std::enable_shared_from_this<program_call> {
public:
  program_call(program what, value_completion done)
      : what_(std::move(what)), done_(std::move(done)) {}

  void start(process_runner& runner) {
    auto& context = done_.context();
    clock_ = context.hold_clock();
    auto stop = runner.start(what_.call, [self = shared_from_this()](outcome<process_reply> reply) {
      self->finish(std::move(reply));
    });
    what_.call.input.clear();
    const std::scoped_lock lock(mutex_);
    if (!finished_) on_stop_.emplace(context.stop_token(), std::move(stop));
  }

private:
  void finish(outcome<process_reply> reply) {
    {
      const std::scoped_lock lock(mutex_);
      finished_ = true;
    }
    on_stop_.reset();
    if (reply) done_(read_reply(what_, *reply));
    else done_(reply.why());
    clock_.reset();
  }

  program what_;
  value_completion done_;
  std::shared_ptr<void> clock_;
  std::mutex mutex_;
  bool finished_ = false;
  std::optional<std::stop_callback<process_runner::stopper>> on_stop_;
};

void run_program(const step_settings& settings, process_runner& runner, const value& input,
                 value_completion done) {
  auto& context = done.context();
  const auto with = settings.resolve(input, context);
  if (!with) return done(with.why());
  const call_report trouble;
  auto what = read_program(with_reader(*with, trouble.sink()));
  if (trouble.found()) return done(*trouble.found());
  auto text = input_for(*with, input);
  if (!text) return done(text.why());
  what.call.input = *std::move(text);
  tell_about_the_run(context, what.call);
  std::make_shared<program_call>(std::move(what), std::move(done))->start(runner);
}

} // namespace

step_type exec_step_type() {
  using enum field_kind;
  step_type about;
  about.summary = "runs a program";
  about.fields = {
      {"argv", list, true, "the program and its arguments; there is no shell"},
      {"stdin", any, false, "what it reads: text as it is, else JSON; null: nothing; the input"},
      {"output", text, false, "json, text or auto: JSON if it is JSON, else text; auto"},
      {"env", map, false, "what differs from the environment of troupe; null removes"},
      {"cwd", text, false, "where it runs; where troupe runs"},
      {"grace", length, false, "how long it may take to end after SIGTERM; 5s"},
      {"max_output", integer, false, "bytes it may print; 16 MiB"},
      {"idempotent", boolean, false, "running it twice does no harm; false"},
  };
  about.check = [](const step_settings& settings, const field_report& report) {
    require_constant(settings, report, {"grace", "idempotent"});
    (void)read_program(with_reader(settings, report));
  };
  about.make = [](const step_settings& settings) {
    const auto idempotent = settings.fixed("idempotent");
    step_definition made;
    made.kind = step_kind::async;
    made.idempotent = idempotent.if_bool() && *idempotent.if_bool();
    made.work = async_function(
        [settings, runner = process_runner::shared()](const value& input, value_completion done) {
          run_program(settings, *runner, input, std::move(done));
        });
    return made;
  };
  return about;
}

} // namespace troupe
