#include "command_error.hpp"
#include "painter.hpp"
#include "paused_run.hpp"
#include "progress_view.hpp"
#include "run_report.hpp"
#include "run_setup.hpp"
#include "run_watch.hpp"

#include <troupe/protocol/json.hpp>

#include <unistd.h>

#include <algorithm>
#include <utility>

namespace troupe::detail {

namespace {

stage_outline outline_of(const workflow& file) {
  const plan::resolver find = [&](const std::string& name) -> const plan* {
    const auto found = file.pipelines.find(name);
    return found == file.pipelines.end() ? nullptr : &found->second;
  };
  return stage_outline(file.name, file.tree, find);
}

class single_run {
public:
  single_run(const run_place& place, run_setup setup)
      : place_(place), console_(place.speaker), setup_(std::move(setup)),
        shows_tree_(console_.paints() && !console_.quiet()),
        watch_(std::make_shared<run_watch>(outline_of(setup_.file))) {
    std::vector<std::shared_ptr<observer>> observers{watch_};
    if (!shows_tree_) {
      observers.push_back(std::make_shared<warning_lines>(
          [this](const std::string& line) { console_.say("warning: " + line); }, true));
    }
    home_ = make_runtime(setup_, std::move(observers));
    deployed_.emplace(deploy(setup_, *home_));
  }

  int execute() {
    auto current = setup_.request.resume ? resume_from_file() : start();
    if (!current) {
      console_.say("the run stays paused");
      return exit_paused;
    }
    for (;;) {
      const auto& result = wait_for(*current);
      if (result.status != run_status::paused || !may_ask()) return report(result);
      auto next = ask(*result.snapshot);
      if (!next) return report(result);
      current = std::move(next);
    }
  }

private:
  std::optional<any_run> start() {
    if (const auto* items = setup_.input.if_list()) {
      watch_->look([&](progress_model& model) { model.input_has(items->size()); });
    }
    return deployed_->start_value(setup_.input, start_options(setup_));
  }

  [[nodiscard]] bool may_ask() const {
    return console_.can_ask() && !setup_.request.json && !place_.signals.happened();
  }

  outcome<any_run> go_on(const run_snapshot& state, const value& answer) const {
    run_options options;
    options.limits = setup_.file.limits;
    const any_deployment& live = *deployed_;
    return live.resume(state, answer, std::move(options));
  }

  // Nothing when nobody wants to answer.
  std::optional<any_run> resume_from_file() {
    const auto& path = *setup_.request.resume;
    const auto state = load_state(path);
    if (setup_.answer) {
      auto run = go_on(state, *setup_.answer);
      if (!run) throw usage_error("--resume: " + run.why().message);
      return *std::move(run);
    }
    if (!may_ask()) {
      throw usage_error("--resume: the answer to \"" + one_line(state.pause.prompt)
                        + "\" is missing: give --answer JSON");
    }
    return ask(state);
  }

  // Asks until an answer fits; nothing when nobody wants to answer.
  std::optional<any_run> ask(const run_snapshot& state) {
    answer_prompt prompt(console_, place_.signals);
    prompt.show(state.pause);
    while (const auto answer = prompt.read()) {
      auto run = go_on(state, *answer);
      if (run) return *std::move(run);
      if (run.why().kind != failure_kind::malformed) {
        throw usage_error("--resume: " + run.why().message);
      }
      console_.say(one_line(run.why().message));
    }
    return std::nullopt;
  }

  std::vector<std::string> picture(std::size_t columns, std::size_t rows, bool live) {
    const view_options options{columns, rows, console_.colored(),
                               live && place_.signals.happened()};
    const auto now = home_->now();
    return watch_->look(
        [&](const progress_model& model) { return draw_tree(model, now, options); });
  }

  const run_result& wait_for(const any_run& run) {
    if (shows_tree_ && !setup_.request.virtual_time) {
      painter_ = std::make_unique<painter>(console_, [this](screen_size size) {
        return picture(size.columns, std::max<std::size_t>(size.rows, 2) - 1, true);
      });
    }
    place_.signals.react_with({.first =
                                   [this, run] {
                                     if (!painter_) console_.say("cancelling");
                                     run.cancel();
                                   },
                               .overdue = [this, run] { give_up(run); }});
    const auto& result = run.result();
    place_.signals.react_with({});
    show_last_tree();
    return result;
  }

  void show_last_tree() {
    if (!shows_tree_) return;
    const auto lines = picture(size_of_screen().columns, 0, false);
    if (painter_) {
      painter_->finish(lines);
      painter_.reset();
      return;
    }
    for (const auto& line : lines) console_.err.line(line);
  }

  // The run has been cancelled and still does not end: says what is known, and leaves.
  void give_up(const any_run& run) {
    run_result result;
    result.run_id = run.id();
    result.correlation_id = run.correlation_id();
    result.name = setup_.file.name;
    result.status = run_status::cancelled;
    std::string names;
    for (const auto& name : watch_->open_steps()) {
      names += (names.empty() ? "" : ", ") + name;
    }
    result.why = std::make_shared<const failure>(
        failure{failure_kind::cancelled,
                "the run was cancelled; abandoned, because it did not stop: " + names});
    result.step_history = watch_->finished_steps();
    const auto spent = watch_->spent();
    result.total_cost_usd = spent.cost_usd;
    result.total_tokens = spent.tokens;
    result.final_context = start_options(setup_).context;
    watch_->look([&](const progress_model& model) {
      result.latency = result.metrics.latency =
          home_->now() - model.at(0).started.value_or(home_->now());
    });
    show_last_tree();
    console_.say("abandoned, because it did not stop: " + one_line(names));
    print_result(result, "");
    if (!console_.quiet()) console_.err.line(summary_of(result, console_.colored()));
    restore_terminal();
    _exit(exit_cancelled);
  }

  void print_result(const run_result& result, const std::string& state_file) {
    if (!setup_.request.json) {
      if (result.status == run_status::completed) print_output(result.output);
      return;
    }
    auto all = to_value(result);
    if (result.snapshot) all = all.with("state", to_value(*result.snapshot));
    if (!state_file.empty()) all = all.with("state_file", state_file);
    if (setup_.file.scripts) all = all.with("scripts", setup_.file.scripts->to_value());
    console_.out.line(as_json(all));
  }

  void print_output(const value& output) {
    const auto* text = output.if_text();
    if (!text) return console_.out.line(as_json(output));
    console_.out.write(text->ends_with('\n') ? *text : *text + '\n');
  }

  [[nodiscard]] std::string as_json(const value& content) const {
    return write_json(content, {.indent = console_.out.is_terminal() ? 2 : -1});
  }

  int report(const run_result& result) {
    std::string state_file;
    if (result.status == run_status::paused) state_file = keep(*result.snapshot);
    if (result.status == run_status::failed) {
      const auto steps = watch_->look(
          [](const progress_model& model) { return model.outline().top_level_steps(); });
      console_.err.write(
          explain_failure(result, {steps, command_again(setup_), console_.colored()}));
    }
    // Without a tree, a line has said so when it happened.
    for (const auto& name : watch_->abandoned_steps()) {
      if (shows_tree_) console_.say("abandoned, because it did not stop: " + one_line(name));
    }
    print_result(result, state_file);
    if (!console_.quiet()) console_.err.line(summary_of(result, console_.colored()));
    leave_if_stuck(place_, *home_);
    return exit_of(result, state_file);
  }

  // Returns the file that the state is in; empty when it could not be written.
  std::string keep(const run_snapshot& state) {
    const auto path = setup_.request.state.value_or(default_state_file(state));
    if (const auto problem = save_state(state, path)) {
      console_.say("the state of the paused run is not saved: " + *problem);
      return {};
    }
    console_.say("paused: " + one_line(state.pause.step)
                 + " asks: " + one_line(state.pause.prompt));
    const auto file = setup_.request.file == "-" ? std::string("FILE") : setup_.request.file;
    console_.say("go on with: " + console_.program() + " run " + quote_for_shell(file)
                 + " --resume " + quote_for_shell(path) + " --answer JSON");
    return path;
  }

  [[nodiscard]] int exit_of(const run_result& result, const std::string& state_file) const {
    if (!console_.out.good()) {
      console_.say("the output could not be written");
      return exit_run_failed;
    }
    switch (result.status) {
    case run_status::completed: return exit_done;
    case run_status::cancelled: return exit_cancelled;
    case run_status::paused:
      return state_file.empty() && !setup_.request.json ? exit_run_failed : exit_paused;
    case run_status::failed:
    case run_status::running: break;
    }
    return exit_run_failed;
  }

  const run_place& place_;
  console& console_;
  run_setup setup_;
  bool shows_tree_;
  std::shared_ptr<run_watch> watch_;
  std::unique_ptr<runtime> home_;
  std::optional<deployment<value, value>> deployed_;
  std::unique_ptr<painter> painter_;
};

} // namespace

int run_once(const run_place& place, run_setup setup) {
  return single_run(place, std::move(setup)).execute();
}

} // namespace troupe::detail
