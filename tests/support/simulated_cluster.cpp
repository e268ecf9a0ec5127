#include "support/simulated_cluster.hpp"

#include <troupe/actors/breaker_guard.hpp>
#include <troupe/actors/fallback_supervisor.hpp>
#include <troupe/actors/fan_out.hpp>
#include <troupe/actors/retry_supervisor.hpp>
#include <troupe/actors/sequencer.hpp>
#include <troupe/actors/timeout_supervisor.hpp>
#include <troupe/protocol/digest.hpp>

#include <algorithm>

namespace troupe::testing {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

namespace {

constexpr std::size_t first_worker_machine = 10;
constexpr std::uint16_t first_port = 100;
constexpr auto runs_start_within = 1200ms;
constexpr auto calm_after = 4s;
constexpr auto gives_up_after = 20s;
constexpr auto breakers_agree_within = 20s; // a link comes back after five at most

network_options network_for(const cluster_script& script) {
  random_source random(script.seed + 1);
  network_options options;
  if (random.unit() < 0.3) options.longest_delay = 40ms;
  if (!script.broken_network) return options;
  options.lost = random.unit() * 0.05;
  options.repeated = random.unit() * 0.1;
  options.exchanged = random.unit() * 0.2;
  return options;
}

} // namespace

/// Who starts a run, and gets its result.
class simulated_cluster::asker final : public actors::mailbox {
public:
  asker(simulated_world& world, run_plan& run) : world_(world), run_(run) {}
  void put(actors::message content) override {
    auto& end = std::get<actors::result_message>(content);
    run_.ended = true;
    world_.note({.what = fact_kind::run_ended,
                 .run = run_.number,
                 .process = run_.process,
                 .failed = !end.result.success(),
                 .text = end.result.success() ? "" : end.result.feedback()});
  }

private:
  simulated_world& world_;
  run_plan& run_;
};

simulated_cluster::simulated_cluster(cluster_script script)
    : script_(script), world_(script.seed, network_for(script)) {
  auto& time = world_.time;
  world_.traces = script.traces;
  world_.kill = [this](std::uint64_t process) { kill(process); };
  common_.heartbeat = 200ms;
  common_.lost_after = 1s;
  common_.orphan_grace = 500ms;
  dispatching_.placement_wait = 1500ms;
  dispatching_.max_queued = time.chance(0.2) ? 1 + time.below(4) : 1000;
  dispatching_.max_bytes_in_frame = time.chance(0.3) ? 200 : 128u << 10;
  write_scripts();
  coordinators_.resize(time.chance(0.25) ? 2 + time.below(2) : 1);
  for (std::size_t which = 0; which < coordinators_.size(); ++which) start_coordinator(which);
  const auto workers = 2 + time.below(time.chance(0.2) ? 5 : 2);
  for (std::size_t which = 0; which < workers; ++which) {
    labels_.emplace_back();
    if (time.chance(0.3)) labels_.back().emplace("gpu", "true");
    credits_.push_back(time.chance(0.5) ? 1 + time.below(3) : 100);
    start_worker(which);
  }
  for (std::size_t runs = 1 + time.below(5); runs > 0; --runs) {
    const auto home = time.below(coordinators_.size());
    time.call_after(time.up_to(runs_start_within), [this, home] { start_run(home); });
  }
  if (!script.without_trouble) plan_trouble();
}

simulated_cluster::~simulated_cluster() {
  for (const auto& [number, each] : processes_) each->die();
  runs_.clear();
  coordinators_.clear();
  workers_.clear();
  world_.time.forget_everything();
}

void simulated_cluster::write_scripts() {
  auto& time = world_.time;
  const auto count = 1 + time.below(3);
  for (std::size_t number = 0; number < count; ++number) {
    branch_script made;
    made.name = "work-" + std::to_string(number);
    static constexpr step_kind kinds[] = {step_kind::async, step_kind::async, step_kind::async,
                                          step_kind::inlined, step_kind::blocking};
    made.kind = kinds[time.below(5)];
    made.once = time.chance(0.3);
    made.in_two_steps = time.chance(0.2);
    made.retried = time.chance(0.2);
    made.large = time.chance(script_.broken_network ? 0.25 : 0.02);
    if (time.chance(0.4)) made.failing = 0.3;
    if (time.chance(0.1)) made.hanging = 0.3;
    if (time.chance(0.2)) made.stubborn = 0.3;
    if (time.chance(0.03)) made.deadly = 0.5;
    if (time.chance(0.1)) made.labels = {{"gpu", "true"}};
    scripts_.push_back(made);
    world_.scripts.emplace(to_hex(made.offer().hash), made);
  }
}

std::shared_ptr<simulated_process> simulated_cluster::new_process(std::size_t machine) {
  const auto number = processes_.size() + 1;
  auto made = std::make_shared<simulated_process>(world_.time, machine, number);
  processes_.emplace(number, made);
  return made;
}

std::vector<endpoint> simulated_cluster::homes() const {
  std::vector<endpoint> all;
  for (std::size_t home = 0; home < coordinators_.size(); ++home) {
    all.push_back({"simulated", static_cast<std::uint16_t>(first_port + home)});
  }
  return all;
}

void simulated_cluster::start_coordinator(std::size_t which) {
  auto options = common_;
  options.role = node_role::coordinator;
  options.name = "c" + std::to_string(which);
  options.listen.port = static_cast<std::uint16_t>(first_port + which);
  options.coordinators = homes(); // itself among them, as in a file that all nodes share
  coordinators_[which] =
      simulated_coordinator::start(world_, new_process(which), std::move(options), dispatching_);
  watch();
}

void simulated_cluster::start_worker(std::size_t which) {
  auto options = common_;
  options.name = "w" + std::to_string(which);
  options.labels = labels_[which];
  options.credit = credits_[which];
  options.coordinators = homes();
  auto process = new_process(first_worker_machine + which);
  credit_of_[process->number()] = options.credit;
  if (workers_.size() <= which) workers_.resize(which + 1);
  workers_[which] = simulated_worker::start(world_, std::move(process), std::move(options));
}

simulated_worker* simulated_cluster::worker_at(std::size_t which) {
  return which < workers_.size() ? workers_[which].get() : nullptr;
}

void simulated_cluster::kill(std::uint64_t number, bool is_seen) {
  const auto process = processes_.at(number);
  if (process->is_dead()) return;
  process->die();
  world_.note({.what = fact_kind::died, .process = number});
  world_.network.end_process(*process, is_seen);
  for (std::size_t which = 0; which < workers_.size(); ++which) {
    auto& each = workers_[which];
    if (!each || &each->process() != process.get()) continue;
    each = nullptr;
    // Once there is calm, what dies of its work comes again, or requests would wait for nobody.
    if (calm_) world_.time.call_after(100ms, [this, which] { start_worker(which); });
  }
  for (auto& each : coordinators_) {
    if (each && &each->process() == process.get()) each = nullptr;
  }
}

void simulated_cluster::start_run(std::size_t home) {
  auto& of = coordinators_[home];
  if (!of || of->process().is_frozen()) return;
  auto& time = world_.time;
  auto made = std::make_unique<run_plan>();
  auto& run = *made;
  runs_.push_back(std::move(made));
  run.number = runs_.size();
  run.id = run_id::from_parts(1, 2, run.number);
  run.home = home;
  run.process = of->process().number();
  run.who = std::make_shared<asker>(world_, run);
  run.scope = std::make_shared<run_scope>(run.id, run.id.to_string(), time.now(), usage_limit{});
  run.root = {of->engine().box(), grow(*of, static_cast<int>(time.below(4)))};
  step_request request;
  request.id = request_id{run.number};
  request.run = run.scope;
  request.meter = run.scope->meter();
  request.input = "input";
  if (time.chance(0.3)) request.deadline = later(time.now(), time.up_to(2s));
  world_.note({.what = fact_kind::run_started, .run = run.number, .process = run.process});
  run.root.host->put(actors::start_message{run.root.number, std::move(request), run.who});
  if (time.chance(0.3)) {
    time.call_after(time.up_to(500ms), [this, &run] { cancel(run, "not needed any more"); });
  }
}

void simulated_cluster::cancel(const run_plan& run, const std::string& why) {
  if (run.ended) return;
  const auto reason = std::make_shared<const failure>(failure{failure_kind::cancelled, why});
  run.root.host->put(actors::cancel_message{{request_id{run.number}, reason}, run.who.get()});
}

std::uint32_t simulated_cluster::grow(simulated_coordinator& home, int depth) {
  auto& time = world_.time;
  auto& engine = home.engine();
  if (depth == 0) {
    const auto& script = scripts_[time.below(scripts_.size())];
    return engine.add("remote", home.remote(script));
  }
  switch (time.below(7)) {
  case 0: {
    actors::sequencer parts;
    for (auto left = 1 + time.below(3); left > 0; --left) {
      parts.children.push_back({{nullptr, grow(home, depth - 1)}, time.chance(0.3)});
    }
    return engine.add("sequence", std::move(parts));
  }
  case 1: {
    retry options;
    options.max_retries = static_cast<int>(time.below(3));
    options.initial_delay = time.up_to(20ms);
    return engine.add("retry",
                      actors::retry_supervisor{{nullptr, grow(home, depth - 1)}, options, nullptr});
  }
  case 2:
    return engine.add("timeout", actors::timeout_supervisor{{nullptr, grow(home, depth - 1)},
                                                            {1ms + time.up_to(400ms)}});
  case 3: {
    const auto first = grow(home, depth - 1);
    return engine.add(
        "fallback", actors::fallback_supervisor{
                        {{nullptr, first}, {nullptr, grow(home, depth - 1)}}, {"first", "second"}});
  }
  case 4:
    return engine.add("breaker",
                      actors::breaker_guard{{nullptr, grow(home, depth - 1)}, home.breaker()});
  default: return grow_block(home, depth);
  }
}

std::uint32_t simulated_cluster::grow_block(simulated_coordinator& home, int depth) {
  auto& time = world_.time;
  const auto size = 1 + time.below(4);
  block_options options;
  static constexpr join_mode modes[] = {join_mode::all, join_mode::collect, join_mode::quorum,
                                        join_mode::first};
  options.joined.mode = modes[time.below(4)];
  options.joined.quorum = static_cast<int>(1 + time.below(size));
  options.max_in_flight = static_cast<int>(1 + time.below(6));
  if (time.chance(0.5)) {
    options.over = [size](const value& input, const context&, const step_request&) {
      return value::list(value::list_type(size, input));
    };
    return home.engine().add(
        "map",
        actors::fan_out{plan_kind::map, {{nullptr, grow(home, depth - 1)}}, {"body"}, options});
  }
  actors::fan_out parts{plan_kind::parallel, {}, {}, options};
  for (std::size_t number = 0; number < size; ++number) {
    parts.branches.push_back({nullptr, grow(home, depth - 1)});
    parts.keys.push_back(std::to_string(number));
  }
  return home.engine().add("parallel", std::move(parts));
}

void simulated_cluster::watch() {
  world_.time.call_after(world_.time.up_to(600ms), [this] {
    note_standings(false);
    if (!calm_) watch();
  });
}

void simulated_cluster::note_standings(bool is_calm) {
  for (const auto& each : coordinators_) {
    if (!each || each->process().is_frozen()) continue;
    std::vector<run_id> open;
    for (const auto& run : runs_) {
      if (run->process == each->process().number()) open.push_back(run->id);
    }
    each->note_standings(open);
  }
  if (is_calm) world_.note({.what = fact_kind::calm});
}

bool simulated_cluster::all_ended() const {
  return std::all_of(runs_.begin(), runs_.end(), [this](const auto& each) {
    return each->ended || processes_.at(each->process)->is_dead();
  });
}

bool simulated_cluster::is_idle() {
  for (const auto& each : coordinators_) {
    if (each && !each->is_idle()) return false;
  }
  for (const auto& each : workers_) {
    if (each && !each->is_idle()) return false;
  }
  return true;
}

bool simulated_cluster::run_until(instant until, const std::function<bool()>& done) {
  for (auto step = 0u; world_.time.now() < until; ++step) {
    if (step % 32 == 0 && done()) return true;
    if (!world_.time.step()) return true;
  }
  return done();
}

// Once all coordinators are linked again, failed calls of one open the breaker for all, and
// successful ones of another close it: a coordinator where no call would ever go through is stuck.
void simulated_cluster::try_breakers() {
  std::vector<simulated_coordinator*> alive;
  for (const auto& each : coordinators_) {
    if (each) alive.push_back(each.get());
  }
  if (alive.size() < 2) return;
  const auto call = [&](const simulated_coordinator& of, breaker_verdict verdict) {
    of.breaker()->with([&](breaker_state& state) {
      const auto permit = state.admit(world_.time.now());
      if (permit) state.record(*permit, verdict, {}, world_.time.now());
    });
  };
  const auto come_to = [&](breaker_verdict verdict, bool closed) {
    const auto& of = *alive[world_.time.below(alive.size())];
    const auto patience = later(world_.time.now(), breakers_agree_within);
    while (world_.time.now() < patience) {
      call(of, verdict);
      run_until(later(world_.time.now(), 50ms), [] { return false; });
      const auto is_there = [&](const auto* each) {
        const auto phase = each->breaker()->with([](const auto& state) { return state.phase(); });
        return each->linked() + 1 == alive.size() && (phase == breaker_phase::closed) == closed;
      };
      if (std::all_of(alive.begin(), alive.end(), is_there)) return true;
    }
    return false;
  };
  breakers_open_ = come_to(breaker_verdict::failure, false);
  breakers_close_ = come_to(breaker_verdict::success, true);
}

void simulated_cluster::run() {
  auto& time = world_.time;
  run_until(no_deadline, [&] {
    return troubles_ahead_ == 0 && time.now() >= trouble_ends_
           && time.now() > instant() + runs_start_within;
  });
  end_trouble();
  run_until(later(time.now(), calm_after), [this] { return all_ended() && is_idle(); });
  if (!all_ended()) note_standings(true);
  for (const auto& each : runs_) cancel(*each, "the world ends");
  settled_ =
      run_until(later(time.now(), gives_up_after), [this] { return all_ended() && is_idle(); });
  if (!script_.broken_network) try_breakers();
  for (const auto& each : runs_) {
    if (processes_.at(each->process)->is_dead()) continue;
    world_.note({.what = fact_kind::counted,
                 .run = each->number,
                 .process = each->process,
                 .amount = static_cast<std::uint64_t>(each->scope->meter()->total().tokens)});
  }
}

history_rules simulated_cluster::rules() const {
  history_rules made;
  made.broken_network = script_.broken_network;
  made.credit = credit_of_;
  made.max_queued = dispatching_.max_queued * scripts_.size();
  made.stops_within = 400ms + troubled_;
  if (!script_.without_trouble) made.stops_within += common_.lost_after + common_.orphan_grace;
  return made;
}

std::vector<std::string> simulated_cluster::leftovers() {
  std::vector<std::string> found;
  if (script_.broken_network) return found;
  if (!settled_) found.emplace_back("there is no end to it");
  if (!breakers_open_) found.emplace_back("a breaker does not open everywhere");
  if (!breakers_close_) found.emplace_back("a breaker does not close though all calls succeed");
  for (const auto& each : coordinators_) {
    if (!each || each->is_idle()) continue;
    found.push_back("a coordinator has " + std::to_string(each->dispatching().open())
                    + " requests open, " + std::to_string(each->dispatching().queued())
                    + " of them in queues, and " + std::to_string(each->engine().open_calls())
                    + " calls");
  }
  for (const auto& each : workers_) {
    if (!each || each->is_idle()) continue;
    found.push_back("worker " + each->facts().identity.name + " is not idle");
  }
  return found;
}

} // namespace troupe::testing
