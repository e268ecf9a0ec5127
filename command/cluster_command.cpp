#include "cluster_access.hpp"
#include "cluster_result.hpp"
#include "cluster_text.hpp"
#include "command_error.hpp"
#include "commands.hpp"
#include "json_input.hpp"
#include "near_miss.hpp"
#include "run_report.hpp"
#include "terminal_text.hpp"

#include <troupe/protocol/json.hpp>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>

namespace troupe::detail {

namespace {

int exit_of(const std::string& status) {
  if (status == "completed") return exit_done;
  if (status == "paused") return exit_paused;
  if (status == "cancelled") return exit_cancelled;
  return exit_run_failed;
}

/// The commands that ask a cluster one thing, and show the answer.
class cluster_commands {
public:
  cluster_commands(console& speaker, const cluster_request& request)
      : console_(speaker), request_(request), cluster_(connect(request.access)) {}

  int execute(const std::string& name) {
    const std::map<std::string, std::function<int()>> all{
        {"list", [this] { return list(); }},
        {"show", [this] { return show(); }},
        {"why", [this] { return tell(expect(cluster_->why(request_.word)), text_of_waits); }},
        {"cancel", [this] { return cancel(); }},
        {"resume", [this] { return resume(); }},
        {"retry", [this] { return retry(); }},
        {"events", [this] { return events(); }},
        {"nodes", [this] { return nodes(); }},
        {"drain", [this] { return drain(); }},
        {"breakers", [this] { return breakers(); }},
        {"caches", [this] { return caches(); }},
    };
    const auto status = all.at(name)();
    if (console_.out.good()) return status;
    console_.say("the output could not be written");
    return exit_run_failed;
  }

private:
  template <class Text>
  int tell(const value& answer, Text&& as_text) {
    if (request_.json) write(answer);
    else console_.out.write(as_text(answer));
    return exit_done;
  }

  void write(const value& content) {
    console_.out.line(write_json(content, {.indent = console_.out.is_terminal() ? 2 : -1}));
  }

  [[nodiscard]] std::size_t columns() const {
    return console_.out.is_terminal() ? size_of_screen().columns : 0;
  }

  int list() {
    cluster_query query;
    if (request_.status) {
      const std::vector<std::string> known{"running", "paused", "completed", "failed", "cancelled"};
      if (std::find(known.begin(), known.end(), *request_.status) == known.end()) {
        throw usage_error("list: --status must be one of running, paused, completed, failed, "
                          "cancelled, not "
                          + *request_.status + did_you_mean(*request_.status, known));
      }
      query.status = *request_.status;
    }
    query.name = request_.name.value_or("");
    query.cursor = request_.cursor.value_or("");
    if (request_.limit) query.limit = whole_number("--limit", *request_.limit, 1, 1'000);
    const auto page = expect(cluster_->list(query));
    tell(page,
         [this](const value& content) { return table_of_runs(content.at("runs"), columns()); });
    if (const auto next = text_at(page, "next"); !next.empty() && !request_.json) {
      console_.say("there are more: --cursor " + one_line(next));
    }
    return exit_done;
  }

  int show() {
    if (request_.follow) follow();
    const auto run = expect(cluster_->show(request_.word));
    tell(run, [this](const value& content) { return about(content); });
    return request_.follow ? exit_of(text_at(run, "status")) : exit_done;
  }

  std::string about(const value& run) {
    const auto status = text_at(run, "status");
    std::string text;
    const auto add = [&](const std::string& name, const std::string& content) {
      if (!content.empty()) text += name + std::string(13 - name.size(), ' ') + content + '\n';
    };
    add("run", one_line(text_at(run, "run_id")));
    add("name", one_line(text_at(run, "name")));
    add("correlation", one_line(text_at(run, "correlation_id")));
    add("retry of", one_line(text_at(run, "retry_of")));
    if (status == "running") {
      add("status", status);
      return text + text_of_waits(expect(cluster_->why(request_.word)));
    }
    const auto result = run_result_from(run);
    add("status", summary_of(result, console_.out.is_terminal() && console_.colored()));
    if (status == "completed") add("output", one_line(write_json(result.output)));
    if (status == "paused") {
      add("asks", one_line(text_at(run.at("pause"), "prompt")));
      add("next",
          console_.program() + " resume " + one_line(text_at(run, "run_id")) + " --answer JSON");
    }
    if (status == "failed") text += explain_failure(result, {0, "", false});
    return text;
  }

  void follow() {
    const auto take = [this](const value& event) {
      if (request_.json) return true;
      console_.err.line(line_of_event(event));
      return console_.err.good();
    };
    (void)expect(cluster_->watch(request_.word, take));
  }

  int cancel() {
    return tell(expect(cluster_->cancel(request_.word)), [](const value& answer) {
      return one_line(text_at(answer, "run_id")) + ": asked to stop\n";
    });
  }

  int resume() {
    const auto answer = json_or_text_option("--answer", *request_.answer);
    return tell(expect(cluster_->resume(request_.word, answer)), [](const value& content) {
      return one_line(text_at(content, "run_id")) + ": goes on\n";
    });
  }

  int retry() {
    return tell(expect(cluster_->retry(request_.word)),
                [](const value& answer) { return one_line(text_at(answer, "run_id")) + '\n'; });
  }

  int events() {
    const auto take = [this](const value& event) {
      console_.out.line(request_.json ? write_json(event) : line_of_event(event));
      return console_.out.good();
    };
    if (request_.follow) return exit_of(expect(cluster_->watch(request_.word, take)));
    for (std::uint64_t after = 0;;) {
      const auto page = expect(cluster_->events(request_.word, after));
      const auto list = page.at("events");
      if (!list.if_list() || list.size() == 0) return exit_done;
      if (page.at("missed").to_double() > 0) {
        take(value::map({{"kind", "missed"}, {"missed", page.at("missed")}}));
      }
      for (const auto& each : *list.if_list()) take(each);
      after = static_cast<std::uint64_t>(page.at("next").to_double());
    }
  }

  int nodes() {
    return tell(expect(cluster_->nodes()), [this](const value& answer) {
      return table_of_nodes(answer.at("nodes"), columns());
    });
  }

  int drain() {
    const auto answer = expect(cluster_->drain(request_.word));
    if (request_.wait) wait_until_gone();
    return tell(answer, [this](const value&) {
      return one_line(request_.word) + (request_.wait ? ": has left\n" : ": drains\n");
    });
  }

  void wait_until_gone() {
    std::mutex mutex;
    std::condition_variable never;
    for (std::unique_lock lock(mutex);;) {
      const auto nodes = expect(cluster_->nodes()).at("nodes");
      bool there = false;
      for (const auto& each : *nodes.if_list()) {
        there |= text_at(each, "name") == request_.word && text_at(each, "state") != "gone";
      }
      if (!there) return;
      never.wait_for(lock, std::chrono::milliseconds(300));
    }
  }

  int breakers() {
    if (!request_.word.empty()) {
      return tell(expect(cluster_->reset_breaker(request_.target)), [this](const value& answer) {
        return one_line(request_.target) + ": " + one_line(text_at(answer, "state")) + '\n';
      });
    }
    return tell(expect(cluster_->breakers()), [this](const value& answer) {
      return table_of_breakers(answer.at("breakers"), columns());
    });
  }

  int caches() {
    if (!request_.word.empty()) {
      return tell(expect(cluster_->clear_cache(request_.target)),
                  [this](const value&) { return one_line(request_.target) + ": cleared\n"; });
    }
    return tell(expect(cluster_->caches()), [this](const value& answer) {
      return table_of_caches(answer.at("caches"), columns());
    });
  }

  console& console_;
  const cluster_request& request_;
  std::unique_ptr<cluster_client> cluster_;
};

} // namespace

int cluster_command(console& speaker, const std::string& name, const cluster_request& request) {
  return cluster_commands(speaker, request).execute(name);
}

} // namespace troupe::detail
