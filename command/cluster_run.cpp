#include "cluster_run.hpp"

#include "cluster_access.hpp"
#include "cluster_result.hpp"
#include "cluster_text.hpp"
#include "command_error.hpp"
#include "interrupts.hpp"
#include "json_input.hpp"
#include "painter.hpp"
#include "progress_view.hpp"
#include "run_report.hpp"
#include "run_setup.hpp"
#include "run_watch.hpp"

#include <troupe/protocol/json.hpp>

#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>

namespace troupe::detail {

namespace {

constexpr std::size_t most_at_once = 256; // each has a thread and a connection

std::optional<stage_outline> outline_of(const cluster_run& given, const step_registry& registry) {
  if (given.what.workflow.empty()) return std::nullopt;
  try {
    const auto file = parse_workflow(given.what.file, given.what.workflow, registry);
    const plan::resolver find = [&](const std::string& name) -> const plan* {
      const auto found = file.pipelines.find(name);
      return found == file.pipelines.end() ? nullptr : &found->second;
    };
    return stage_outline(file.name, file.tree, find);
  } catch (const workflow_error&) {
    // The cluster may know step types that are unknown here, and says what it thinks of the file.
    return std::nullopt;
  }
}

class remote_run {
public:
  remote_run(console& speaker, cluster_client& cluster, const cluster_run& given,
             const step_registry& registry)
      : console_(speaker), cluster_(cluster), given_(given),
        warnings_([this](const std::string& line) { console_.say("warning: " + line); }, true) {
    if (auto outline = outline_of(given, registry)) {
      top_level_steps_ = outline->top_level_steps();
      if (console_.paints() && !console_.quiet()) model_.emplace(*std::move(outline));
    }
  }

  int execute() {
    id_ = text_at(expect(cluster_.submit(given_.what)), "run_id");
    start_painting();
    signals_.react_with({.first = [this] { stop(); }, .overdue = [this] { give_up(); }});
    const auto status = cluster_.watch(id_, [this](const value& event) { return follow(event); });
    signals_.react_with({});
    end_painting();
    if (!status) fail(status.why());
    if (stopped_waiting_) return leave();
    const auto content = cluster_.show(id_);
    if (!content) fail(content.why());
    return report(*content);
  }

private:
  void start_painting() {
    if (!model_) return;
    painter_ = std::make_unique<painter>(console_, [this](screen_size size) {
      return picture(size.columns, std::max<std::size_t>(size.rows, 2) - 1);
    });
  }

  void end_painting() {
    if (!painter_) return;
    painter_->finish(picture(size_of_screen().columns, 0));
    painter_.reset();
  }

  std::vector<std::string> picture(std::size_t columns, std::size_t rows) {
    const std::scoped_lock lock(mutex_);
    return draw_tree(*model_, std::chrono::steady_clock::now(),
                     {columns, rows, console_.colored(), signals_.happened() && given_.cancels});
  }

  bool follow(const value& event) {
    const std::scoped_lock lock(mutex_);
    if (!begun_) {
      const std::chrono::duration<double, std::milli> since(event.at("at_ms").to_double());
      begun_ = std::chrono::steady_clock::now() - std::chrono::duration_cast<duration>(since);
    }
    replay_event(event, *begun_, [this](const run_event& happened) {
      if (model_) model_->apply(happened);
      else if (warnings_.interests() & interest_in(happened.kind)) warnings_.on_event(happened);
    });
    return !stopped_waiting_;
  }

  // On another thread.
  void stop() {
    if (given_.cancels) {
      if (!painter_) console_.say("cancelling");
      (void)cluster_.cancel(id_);
      return;
    }
    {
      const std::scoped_lock lock(mutex_);
      stopped_waiting_ = true;
    }
    end_now(leave());
  }

  int leave() {
    console_.say("the run " + id_ + " goes on; see " + console_.program() + " show " + id_);
    return exit_cancelled;
  }

  // The run does not end although it was cancelled: says so, and leaves it alone.
  void give_up() {
    run_result result;
    result.run_id = run_id::parse(id_).value_or(run_id());
    result.status = run_status::cancelled;
    result.why = std::make_shared<const failure>(
        failure{failure_kind::cancelled, "the run was asked to stop; it has not done so by now"});
    console_.say("the run " + id_ + " was asked to stop, and has not done so by now");
    if (given_.json) console_.out.line(write_json(to_value(result)));
    end_now(exit_cancelled);
  }

  [[noreturn]] static void end_now(int status) {
    restore_terminal();
    _exit(status);
  }

  [[noreturn]] void fail(const failure& why) {
    auto told = why;
    told.message += "; the run is " + id_;
    refuse(told);
  }

  int report(const value& content) {
    const auto result = run_result_from(content);
    if (result.status == run_status::failed) {
      console_.err.write(
          explain_failure(result, {top_level_steps_, given_.again, console_.colored()}));
    }
    if (result.status == run_status::paused) {
      const auto pause = content.at("pause");
      console_.say("paused: " + one_line(text_at(pause, "step"))
                   + " asks: " + one_line(text_at(pause, "prompt")));
      console_.say("go on with: " + console_.program() + " resume " + id_ + " --answer JSON");
    }
    print(content, result);
    if (!console_.quiet()) console_.err.line(summary_of(result, console_.colored()));
    if (!console_.out.good()) {
      console_.say("the output could not be written");
      return exit_run_failed;
    }
    switch (result.status) {
    case run_status::completed: return exit_done;
    case run_status::cancelled: return exit_cancelled;
    case run_status::paused: return exit_paused;
    case run_status::failed:
    case run_status::running: break;
    }
    return exit_run_failed;
  }

  void print(const value& content, const run_result& result) {
    const json_style style{.indent = console_.out.is_terminal() ? 2 : -1};
    if (given_.json) return console_.out.line(write_json(content, style));
    if (result.status != run_status::completed) return;
    const auto* text = result.output.if_text();
    if (!text) return console_.out.line(write_json(result.output, style));
    console_.out.write(text->ends_with('\n') ? *text : *text + '\n');
  }

  console& console_;
  cluster_client& cluster_;
  const cluster_run& given_;
  interrupts signals_;
  warning_lines warnings_;
  std::string id_;
  std::size_t top_level_steps_ = 0;
  std::mutex mutex_; // guards what follows
  std::optional<progress_model> model_;
  std::optional<instant> begun_;
  bool stopped_waiting_ = false;
  std::unique_ptr<painter> painter_;
};

service::submission submission_of(const run_request& request) {
  service::submission what;
  auto text = workflow_text(request.file);
  if (!text) throw usage_error("there is no file " + request.file);
  what.workflow = *std::move(text);
  what.file = request.file == "-" ? "<stdin>" : request.file;
  what.context = read_context(request.context, request.settings, {});
  what.correlation_id = request.correlation_id.value_or("");
  what.restart_scripts = true;
  return what;
}

} // namespace

std::string line_again(const std::vector<std::string>& words) {
  std::string line;
  for (const auto& word : words) {
    if (word == "-" || word.ends_with("=-")) return {};
    line += (line.empty() ? "" : " ") + quote_for_shell(word);
  }
  return line;
}

int run_one(console& speaker, cluster_client& cluster, const cluster_run& given,
            const step_registry& registry) {
  return remote_run(speaker, cluster, given, registry).execute();
}

int run_on_cluster(console& speaker, const run_request& request,
                   const std::vector<std::string>& words, const step_registry& registry) {
  const auto cluster = connect(request.access);
  if (request.inputs) {
    cluster_batch given{.what = submission_of(request), .source = *request.inputs};
    given.json = request.json;
    if (request.concurrency) {
      given.concurrency = whole_number("--concurrency", *request.concurrency, 1, most_at_once);
    }
    given.inputs = read_json_lines(*request.inputs);
    return run_batch(speaker, *cluster, given);
  }
  cluster_run given{
      .what = submission_of(request), .file = request.file, .again = line_again(words)};
  given.json = request.json;
  if (request.input) given.what.input = json_option("--input", *request.input);
  return run_one(speaker, *cluster, given, registry);
}

} // namespace troupe::detail
