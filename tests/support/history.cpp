#include "support/history.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

namespace troupe::testing {

std::string_view to_string(fact_kind kind) {
  switch (kind) {
  case fact_kind::run_started: return "run started";
  case fact_kind::run_ended: return "run ended";
  case fact_kind::requested: return "requested";
  case fact_kind::cancel_asked: return "cancel asked";
  case fact_kind::answered: return "answered";
  case fact_kind::started: return "started";
  case fact_kind::spent: return "spent";
  case fact_kind::ended: return "ended";
  case fact_kind::died: return "died";
  case fact_kind::gave_up: return "gave up";
  case fact_kind::lost_link: return "lost link";
  case fact_kind::queued: return "queued";
  case fact_kind::explained: return "explained";
  case fact_kind::counted: return "counted";
  case fact_kind::calm: return "calm";
  }
  return "unknown";
}

std::string to_string(const fact& what) {
  std::string text(to_string(what.what));
  const auto add = [&](std::string_view name, std::uint64_t number) {
    if (number != 0) text += ' ' + std::string(name) + ' ' + std::to_string(number);
  };
  add("run", what.run);
  add("request", what.request);
  add("execution", what.execution);
  add("at process", what.process);
  add("of process", what.other);
  add("amount", what.amount);
  if (!what.step.empty()) text += " step " + what.step + '#' + std::to_string(what.attempt);
  if (what.once) text += " once";
  if (what.failed) text += " failed";
  if (!what.text.empty()) text += ": " + what.text.substr(0, 60);
  return text;
}

namespace {

/// One execution of a step.
struct execution {
  const fact* start = nullptr;
  const fact* end = nullptr;
  std::size_t started = 0; ///< index in the history
};

struct request {
  const fact* asked = nullptr;
  const fact* answer = nullptr;
  std::size_t answered = 0; ///< index in the history
  bool disturbed = false;   ///< somebody who was at work on it was lost
  std::set<std::uint64_t> running{};
  std::set<std::string> outputs{};
  std::uint64_t spent = 0; ///< before the answer
};

struct run {
  const fact* end = nullptr;
  std::uint64_t home = 0;
  std::size_t open = 0;
  std::uint64_t spent = 0; ///< in all
};

/// What one process does for another one.
struct work {
  std::map<std::uint64_t, std::size_t> running{}; ///< executions of each request
  std::set<std::uint64_t> known{};                ///< requests that came over this link
  std::set<std::uint64_t> orphans{};              ///< and over those before

  void lose() {
    orphans.merge(known);
    known.clear();
    running.clear();
  }
};

/// Reads a history from its beginning to its end.
class reader {
public:
  reader(const std::vector<fact>& history, const history_rules& rules)
      : history_(history), rules_(rules) {}

  std::vector<std::string> read() {
    for (index_ = 0; index_ < history_.size(); ++index_) take(history_[index_]);
    for (const auto& [number, each] : requests_) close(number, each);
    for (const auto& [number, each] : executions_) close(each);
    for (const auto& [number, each] : runs_) {
      if (each.end || is_dead(each.home) || rules_.broken_network) continue;
      complain("run " + std::to_string(number) + " never ended");
    }
    return std::move(found_);
  }

private:
  void take(const fact& what) {
    switch (what.what) {
    case fact_kind::run_started: runs_[what.run].home = what.process; return;
    case fact_kind::run_ended: return end_run(what);
    case fact_kind::requested: return take_request(what);
    case fact_kind::cancel_asked: return;
    case fact_kind::answered: return take_answer(what);
    case fact_kind::started: return take_start(what);
    case fact_kind::spent: return take_spending(what);
    case fact_kind::ended: return take_end(what);
    case fact_kind::died: return take_death(what);
    case fact_kind::gave_up: return take_loss(what.process, what.other, true);
    case fact_kind::lost_link: return take_loss(what.other, what.process, false);
    case fact_kind::queued: return take_queue(what);
    case fact_kind::calm: return take_calm(what);
    case fact_kind::explained: return take_explanation(what);
    case fact_kind::counted: return take_count(what);
    }
  }

  void end_run(const fact& what) {
    auto& ended = runs_[what.run];
    if (ended.end) complain("a run ended twice", what);
    ended.end = &what;
  }

  void take_request(const fact& what) {
    auto& made = requests_[what.request];
    if (made.asked) complain("a request was asked twice", what);
    made.asked = &what;
    ++runs_[what.run].open;
  }

  void take_answer(const fact& what) {
    auto& of = requests_[what.request];
    if (of.answer) {
      const auto same = of.answer->failed == what.failed && of.answer->text == what.text;
      return complain(same ? "a request has two results" : "a result has changed", what);
    }
    of.answer = &what;
    of.answered = index_;
    if (of.asked) --runs_[of.asked->run].open;
    // What does not stop has been answered for, and makes room for others.
    for (auto& [between, busy] : working_) {
      if (of.asked && between.first == of.asked->process) busy.running.erase(what.request);
    }
    if (!what.failed && of.outputs.count(what.text) == 0) {
      complain("a result is none that was worked out", what);
    }
  }

  void take_start(const fact& what) {
    auto& made = executions_[what.execution];
    made.start = &what;
    made.started = index_;
    auto& of = requests_[what.request];
    if (!of.asked) return complain("something started that nobody has asked for", what);
    of.running.insert(what.execution);
    if (rules_.broken_network) return;
    const auto asker = of.asked->process;
    if (given_up_.count({asker, what.process}) > 0) of.disturbed = true;
    else if (of.answer) complain("something started after its request was answered", what);
    const auto place = std::tuple(what.request, what.step, what.attempt);
    if (what.once && !done_once_.insert(place).second) {
      complain("a step that must not be done twice was started twice", what);
    }
    take_credit(what, working_[{asker, what.process}]);
  }

  void take_credit(const fact& what, work& of) {
    if (of.orphans.count(what.request) > 0 || requests_[what.request].answer) return;
    of.known.insert(what.request);
    ++of.running[what.request];
    const auto credit = rules_.credit.find(what.process);
    if (credit != rules_.credit.end() && of.running.size() > credit->second) {
      complain("a worker has more work than it takes", what);
    }
  }

  void take_spending(const fact& what) {
    auto& of = requests_[what.request];
    if (!of.asked) return;
    runs_[of.asked->run].spent += what.amount;
    if (!of.answer) of.spent += what.amount;
  }

  void take_end(const fact& what) {
    auto& over = executions_[what.execution];
    if (over.end) return complain("an execution ended twice", what);
    over.end = &what;
    auto& of = requests_[what.request];
    of.running.erase(what.execution);
    if (!what.failed) of.outputs.insert(what.text);
    if (!of.asked || !over.start) return;
    auto& busy = working_[{of.asked->process, over.start->process}].running;
    const auto place = busy.find(what.request);
    if (place != busy.end() && --place->second == 0) busy.erase(place);
  }

  void take_death(const fact& what) {
    dead_.emplace(what.process, &what);
    for (auto& [number, each] : executions_) {
      if (each.end || each.start->process != what.process) continue;
      each.end = &what;
      auto& of = requests_[each.start->request];
      of.disturbed = true;
      of.running.erase(number);
    }
  }

  // What a worker still does for a link that it has lost counts for nobody's credit.
  void take_loss(std::uint64_t asker, std::uint64_t worker, bool by_asker) {
    if (by_asker) given_up_.insert({asker, worker});
    else working_[{asker, worker}].lose();
    for (const auto& [number, each] : executions_) {
      if (each.start->process != worker) continue;
      auto& of = requests_[each.start->request];
      if (of.asked && of.asked->process == asker && !of.answer) of.disturbed = true;
    }
  }

  void take_queue(const fact& what) {
    queued_[what.process] = what.amount;
    if (what.amount > rules_.max_queued) complain("too many requests wait", what);
  }

  void take_calm(const fact& what) {
    std::map<std::uint64_t, std::size_t> idle;
    std::map<std::uint64_t, std::size_t> busy;
    for (const auto& [number, each] : requests_) {
      if (!each.asked || each.answer || is_dead(each.asked->process)) continue;
      ++(each.running.empty() ? idle : busy)[each.asked->process];
    }
    for (const auto& [process, count] : idle) {
      const auto may = busy[process] > 0 ? queued_[process] : 0;
      if (count > may && !rules_.broken_network) {
        complain(std::to_string(count) + " requests of process " + std::to_string(process)
                     + " wait for nothing",
                 what);
      }
    }
  }

  void take_explanation(const fact& what) {
    const auto open = runs_[what.run].open;
    if (rules_.broken_network || what.amount == open) return;
    complain(std::to_string(open) + " requests are open, and it names another number", what);
  }

  void take_count(const fact& what) {
    if (rules_.broken_network) return;
    const auto& of = runs_[what.run];
    if (what.amount > of.spent) {
      complain(std::to_string(of.spent) + " were spent, and more was counted", what);
    }
    std::uint64_t least = 0;
    for (const auto& [number, each] : requests_) {
      if (each.asked && each.asked->run == what.run && each.answer && !each.disturbed) {
        least += each.spent;
      }
    }
    if (what.amount < least) {
      complain("at least " + std::to_string(least) + " were spent, and less was counted", what);
    }
  }

  void close(std::uint64_t number, const request& each) {
    if (rules_.broken_network || !each.asked || each.answer || is_dead(each.asked->process)) return;
    complain("request " + std::to_string(number) + " was never answered");
  }

  void close(const execution& each) {
    if (rules_.broken_network) return;
    if (!each.end) return complain("an execution never ended", *each.start);
    const auto over = over_since(requests_[each.start->request]);
    if (!over) return;
    const auto limit = std::max(*over, each.start->at) + rules_.stops_within;
    if (each.end->at > limit + each.start->stubborn_for) {
      complain("an execution went on for too long after its end", *each.start);
    }
  }

  // Since when nobody waits for it any more.
  std::optional<instant> over_since(const request& of) const {
    if (of.answer) return of.answer->at;
    if (!of.asked) return std::nullopt;
    const auto dead = dead_.find(of.asked->process);
    if (dead == dead_.end()) return std::nullopt;
    return dead->second->at;
  }

  bool is_dead(std::uint64_t process) const { return dead_.count(process) > 0; }

  void complain(std::string what) { found_.push_back(std::move(what)); }
  void complain(const std::string& what, const fact& where) {
    complain(troupe::to_string(where.at - instant()) + ' ' + what + ": " + to_string(where));
  }

  const std::vector<fact>& history_;
  const history_rules& rules_;
  std::size_t index_ = 0;
  std::map<std::uint64_t, run> runs_;
  std::map<std::uint64_t, request> requests_;
  std::map<std::uint64_t, execution> executions_;
  std::map<std::uint64_t, const fact*> dead_;
  std::map<std::uint64_t, std::size_t> queued_;
  std::set<std::pair<std::uint64_t, std::uint64_t>> given_up_;      // by whom, who
  std::map<std::pair<std::uint64_t, std::uint64_t>, work> working_; // for whom, who
  std::set<std::tuple<std::uint64_t, std::string, std::uint32_t>> done_once_;
  std::vector<std::string> found_;
};

} // namespace

std::vector<std::string> violations(const std::vector<fact>& history, const history_rules& rules) {
  return reader(history, rules).read();
}

} // namespace troupe::testing
