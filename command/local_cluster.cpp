#include "local_cluster.hpp"

#include "command_error.hpp"
#include "terminal_text.hpp"

#include <troupe/protocol/json.hpp>

#include <poll.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>

namespace troupe::detail {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds first_pause(200);
constexpr seconds longest_pause(10);
// A node that has worked this long has not failed to start.
constexpr seconds settled_after(10);
// What a node needs to end beside its drain limit.
constexpr seconds end_allowance(3);

instant steady_now() {
  return std::chrono::steady_clock::now();
}

std::string text_in(const value& facts, std::string_view key) {
  const auto found = facts.at(key);
  return found.if_text() ? *found.if_text() : std::string();
}

} // namespace

local_cluster::local_cluster(console& speaker, interrupts& signals, local_cluster_options options)
    : console_(speaker), signals_(signals), options_(std::move(options)), program_(own_program()) {
  add("coordinator", false);
  for (std::size_t number = 1; number <= options_.workers; ++number) {
    add("worker-" + std::to_string(number), true);
  }
}

void local_cluster::add(const std::string& name, bool is_worker) {
  auto made = std::make_unique<member>();
  name_width_ = std::max(name_width_, name.size());
  made->is_worker = is_worker;
  made->process = std::make_unique<child_node>(
      name, child_node::callbacks{
                [this, to = made.get()](const value& facts) { became_ready(*to, facts); },
                [this, name](const std::string& line) {
                  console_.err.line(name + std::string(name_width_ - name.size(), ' ') + " | "
                                    + printable(line));
                }});
  members_.push_back(std::move(made));
}

int local_cluster::run() {
  start(*members_.front());
  while (!is_ending() || !all_gone(true) || !all_gone(false)) {
    wait();
    look();
  }
  if (status_ == exit_done) console_.say("the cluster has ended");
  return status_;
}

std::vector<std::string> local_cluster::arguments_of(const member& which) const {
  const auto& name = which.process->name();
  std::vector<std::string> all{program_, "node", "--json", "--ends-with-parent",
                               "--name", name,   "--role"};
  if (which.is_worker) {
    all.insert(all.end(), {"worker", "--coordinators", links_});
  } else {
    // One that is started again has to be where the workers and clients look for it.
    all.insert(all.end(), {"coordinator", "--listen", links_.empty() ? "127.0.0.1:0" : links_,
                           "--http", to_string(http_.value_or(options_.http))});
  }
  if (!options_.data.empty()) {
    all.insert(all.end(), {"--ready-file", options_.data + '/' + name + ".ready.json"});
  }
  all.insert(all.end(), options_.arguments.begin(), options_.arguments.end());
  return all;
}

void local_cluster::start(member& which) {
  which.next_start.reset();
  which.started = steady_now();
  const auto& name = which.process->name();
  if (const auto started = which.process->start(arguments_of(which)); !started) {
    return start_again(which, "cannot be started: " + started.why().message);
  }
  if (options_.data.empty()) return;
  which.id_file.emplace(options_.data + '/' + name + ".pid",
                        std::to_string(which.process->id()) + '\n');
}

void local_cluster::became_ready(member& which, const value& facts) {
  if (!which.is_worker) {
    const auto is_first = links_.empty();
    links_ = text_in(facts, "listen");
    url_ = text_in(facts, "url");
    if (const auto where = parse_endpoint(url_.substr(url_.rfind('/') + 1))) http_ = *where;
    for (const auto& each : members_) {
      if (is_first && each->is_worker && !is_ending()) start(*each);
    }
  }
  const auto all_ready = std::all_of(members_.begin(), members_.end(), [](const auto& each) {
    return each->has_left || each->process->is_ready();
  });
  if (phase_ == phase::starting && all_ready) announce();
}

void local_cluster::announce() {
  phase_ = phase::up;
  if (options_.json) {
    value::list_type nodes;
    for (const auto& each : members_) {
      nodes.push_back(value::map({{"name", each->process->name()},
                                  {"role", each->is_worker ? "worker" : "coordinator"},
                                  {"pid", static_cast<std::int64_t>(each->process->id())}}));
    }
    console_.out.line(
        write_json(value::map({{"url", url_}, {"nodes", value::list(std::move(nodes))}})));
  } else {
    console_.out.line("export TROUPE_CLUSTER=" + url_);
  }
  console_.say("the cluster is up: 1 coordinator, " + std::to_string(options_.workers)
               + (options_.workers == 1 ? " worker" : " workers") + "; Ctrl-C ends it");
}

void local_cluster::has_ended(member& which) {
  const auto was_ready = which.process->is_ready();
  const auto code = which.process->finish();
  which.id_file.reset();
  const auto& name = which.process->name();
  const auto is_orderly = WIFEXITED(code) && WEXITSTATUS(code) == exit_done;
  if (is_ending()) {
    if (!is_orderly) console_.say(name + ' ' + about_end(code));
    return;
  }
  if (is_orderly) {
    which.has_left = true;
    console_.say(name + " has left");
    if (!which.is_worker) end(exit_done);
    return;
  }
  const auto is_refused = WIFEXITED(code) && WEXITSTATUS(code) == exit_bad_usage;
  if (is_refused && !was_ready) {
    console_.say(name + " cannot be started");
    return end(exit_bad_usage);
  }
  start_again(which, about_end(code));
}

void local_cluster::start_again(member& which, const std::string& how) {
  const auto now = steady_now();
  const auto has_settled = now - which.started > settled_after;
  which.pause = has_settled || which.pause == duration::zero()
                    ? duration(first_pause)
                    : std::min<duration>(which.pause * 2, longest_pause);
  which.next_start = now + which.pause;
  console_.say(which.process->name() + ' ' + how
               + (which.is_worker ? "" : ", and its runs are lost") + "; it is started again in "
               + to_string(which.pause));
}

void local_cluster::end(int status) {
  if (is_ending()) return;
  status_ = status;
  phase_ = phase::ending_coordinator;
  for (const auto& each : members_) each->next_start.reset();
  kill_at_ = steady_now() + options_.drain_limit + end_allowance;
  // It ends once its runs have, and they need the workers for that.
  signal_all(false, SIGTERM);
}

void local_cluster::end_workers() {
  phase_ = phase::ending_workers;
  kill_at_ = steady_now() + options_.drain_limit + end_allowance;
  signal_all(true, SIGTERM);
}

void local_cluster::wait() {
  std::vector<pollfd> all;
  all.push_back({signal_seen_ ? -1 : signals_.descriptor(), POLLIN, 0});
  auto next = kill_at_;
  for (const auto& each : members_) {
    for (const auto number : each->process->descriptors()) all.push_back({number, POLLIN, 0});
    if (each->next_start) next = std::min(next, *each->next_start);
  }
  auto limit = -1;
  if (next != no_deadline) {
    const auto left = std::chrono::ceil<milliseconds>(next - steady_now());
    limit = static_cast<int>(std::max<milliseconds::rep>(left.count(), 0));
  }
  poll(all.data(), all.size(), limit);
}

void local_cluster::look() {
  for (const auto& each : members_) {
    each->process->listen();
    const auto watched = each->process->descriptors();
    pollfd end{watched.empty() ? -1 : watched.front(), POLLIN, 0};
    if (poll(&end, 1, 0) > 0) has_ended(*each);
    if (each->next_start && steady_now() >= *each->next_start) start(*each);
  }
  if (!signal_seen_ && signals_.happened()) {
    signal_seen_ = true;
    if (!is_ending()) console_.say("ending the cluster; once more ends it at once");
    end(exit_done);
  }
  if (phase_ == phase::ending_coordinator && all_gone(false)) end_workers();
  if (steady_now() < kill_at_) return;
  // Only once: what SIGKILL does not end, nothing does.
  kill_at_ = no_deadline;
  const auto workers = phase_ == phase::ending_workers;
  for (const auto& each : members_) {
    if (each->is_worker == workers && each->process->runs()) {
      console_.say(each->process->name() + " does not end, and is killed");
    }
  }
  signal_all(workers, SIGKILL);
}

bool local_cluster::all_gone(bool workers) const {
  return std::none_of(members_.begin(), members_.end(), [&](const auto& each) {
    return each->is_worker == workers && each->process->runs();
  });
}

void local_cluster::signal_all(bool workers, int number) const {
  for (const auto& each : members_) {
    if (each->is_worker == workers) each->process->signal(number);
  }
}

} // namespace troupe::detail
