#include "support/simulated_node.hpp"

#include <algorithm>
#include <utility>

namespace troupe::testing {

using std::chrono_literals::operator""ms;
using nodes::message_kind;
using nodes::peer;

namespace {

constexpr auto drain_limit = 400ms;

std::uint64_t run_number(const run_id& run) {
  return run.bytes()[15];
}

} // namespace

/// Sees the results that come back to a coordinator's stages, before they do.
class simulated_coordinator::recorder final : public actors::mailbox {
public:
  recorder(simulated_world& world, simulated_coordinator& home)
      : world_(world), process_(home.process().number()), there_(home.engine().box()) {}

  void expect(request_id id, std::uint64_t request) { requests_[id] = request; }
  [[nodiscard]] std::uint64_t request_of(request_id id) const {
    const auto found = requests_.find(id);
    return found == requests_.end() ? 0 : found->second;
  }

  void put(actors::message content) override {
    if (const auto* end = std::get_if<actors::result_message>(&content)) {
      note(end->result);
      if (world_.answers_twice) note(end->result);
    }
    there_->put(std::move(content));
  }

private:
  void note(const step_result& result) {
    world_.note(
        {.what = fact_kind::answered,
         .request = request_of(result.id),
         .process = process_,
         .failed = !result.success(),
         .text = result.success() ? summary_of(result.output) : troupe::to_string(*result.why)});
  }

  simulated_world& world_;
  std::uint64_t process_;
  std::shared_ptr<actors::mailbox> there_;
  std::map<request_id, std::uint64_t> requests_;
};

/// Sees what the stages of a coordinator ask for.
class simulated_coordinator::relay final : public actors::mailbox {
public:
  relay(simulated_world& world, std::uint64_t process, std::shared_ptr<recorder> back,
        std::shared_ptr<actors::mailbox> there)
      : world_(world), process_(process), back_(std::move(back)), there_(std::move(there)) {}

  void put(actors::message content) override {
    if (auto* start = std::get_if<actors::start_message>(&content)) {
      auto& request = start->request;
      const auto number = static_cast<std::uint64_t>(*request.ticket.if_integer());
      world_.note({.what = fact_kind::requested,
                   .run = run_number(request.run->id()),
                   .request = number,
                   .process = process_});
      back_->expect(request.id, number);
      start->reply_to = back_;
    } else if (auto* cancel = std::get_if<actors::cancel_message>(&content)) {
      world_.note({.what = fact_kind::cancel_asked,
                   .request = back_->request_of(cancel->request.id),
                   .process = process_});
      cancel->requester = back_.get();
    }
    there_->put(std::move(content));
  }

private:
  simulated_world& world_;
  std::uint64_t process_;
  std::shared_ptr<recorder> back_;
  std::shared_ptr<actors::mailbox> there_;
};

simulated_coordinator::simulated_coordinator(simulated_world& world,
                                             std::shared_ptr<simulated_process> process,
                                             node_options options)
    : coordinator_base(options, world.network.wires_of(process),
                       [&time = world.time] { return time.now(); }),
      world_(world), process_(std::move(process)), engine_(world, process_, options.name) {
  facts_.identity.process = static_cast<int>(process_->number());
  facts_.identity.incarnation = run_id::from_parts(1, 1, process_->number());
}

std::shared_ptr<simulated_coordinator>
simulated_coordinator::start(simulated_world& world, std::shared_ptr<simulated_process> process,
                             node_options options, nodes::dispatcher_options dispatching) {
  std::shared_ptr<simulated_coordinator> made(
      new simulated_coordinator(world, std::move(process), std::move(options)));
  made->begin(dispatching);
  return made;
}

void simulated_coordinator::begin(nodes::dispatcher_options dispatching) {
  recorder_ = std::make_shared<recorder>(world_, *this);
  const auto interests = world_.time.chance(0.2) ? UINT32_MAX : 0;
  begin_dispatching(dispatching, process_->number(), interests);
  (void)wires_->listen(options_.listen, shared_from_this());
  breaker_ = std::make_shared<actors::shared_breaker>(troupe::breaker{.name = "vendor",
                                                                      .scope = state_scope::cluster,
                                                                      .failure_threshold = 3,
                                                                      .success_threshold = 2,
                                                                      .wait = 30ms});
  sharing().add(breaker_, read_clock());
  tick_on();
}

void simulated_coordinator::tick_on() {
  process_->perform_after(world_.time.between(options_.heartbeat / 3, options_.heartbeat / 2),
                          [this] {
                            post(nodes::tick{});
                            tick_on();
                          });
}

actors::remote_stage simulated_coordinator::remote(const branch_script& script) {
  const auto there = place(script.offer());
  return {{std::make_shared<relay>(world_, process_->number(), recorder_, there.host), 0},
          [&world = world_](const value&) { return value(++world.last_request); }};
}

void simulated_coordinator::ended(peer& with, const std::string& why) {
  if (with.is_known && with.facts.role == "worker") {
    world_.note({.what = fact_kind::gave_up,
                 .process = process_->number(),
                 .other = static_cast<std::uint64_t>(with.facts.identity.process),
                 .text = why});
  }
  coordinator_base::ended(with, why);
}

void simulated_coordinator::drain(const std::string& name) {
  in_turn([&] {
    for (const auto& [number, each] : peers()) {
      if (!each->is_known || each->facts.identity.name != name) continue;
      dispatching().set_draining(number);
      say(*each, nodes::write_frame(message_kind::drain));
    }
  });
}

void simulated_coordinator::note_standings(const std::vector<run_id>& open_runs) {
  world_.note(
      {.what = fact_kind::queued, .process = process_->number(), .amount = dispatching().queued()});
  for (const auto& each : open_runs) {
    world_.note({.what = fact_kind::explained,
                 .run = run_number(each),
                 .process = process_->number(),
                 .amount = dispatching().standings(each, 1000).size()});
  }
}

bool simulated_coordinator::is_idle() const {
  return dispatching().open() == 0 && dispatching().queued() == 0 && engine_.is_idle();
}

simulated_worker::simulated_worker(simulated_world& world,
                                   std::shared_ptr<simulated_process> process, node_options options)
    : worker_base(options, world.network.wires_of(process), process->number(),
                  [&time = world.time] { return time.now(); }),
      world_(world), process_(std::move(process)), engine_(world, process_, options.name) {
  facts_.identity.process = static_cast<int>(process_->number());
  facts_.identity.incarnation = run_id::from_parts(1, 1, process_->number());
  facts_.step_types = {"simulated"};
}

std::shared_ptr<simulated_worker>
simulated_worker::start(simulated_world& world, std::shared_ptr<simulated_process> process,
                        node_options options) {
  std::shared_ptr<simulated_worker> made(
      new simulated_worker(world, std::move(process), std::move(options)));
  made->begin();
  return made;
}

void simulated_worker::begin() {
  engine_.on_event = [this](const run_event& event) {
    if (event.run)
      post(nodes::run_told{event.run, event.kind, nodes::write_event(event, *event.run)});
  };
  begin_hosting(*this);
  process_->perform([this] { post(nodes::tick{}); });
  tick_on();
}

void simulated_worker::tick_on() {
  process_->perform_after(world_.time.between(options_.heartbeat / 3, options_.heartbeat / 2),
                          [this] {
                            post(nodes::tick{});
                            if (wants_to_leave() && !draining_) drain();
                            if (draining_ && (host().open() == 0 || read_clock() >= drain_until_)) {
                              return stop();
                            }
                            tick_on();
                          });
}

void simulated_worker::drain() {
  if (std::exchange(draining_, true)) return;
  const auto limit = world_.time.chance(0.5) ? duration() : world_.time.up_to(drain_limit);
  drain_until_ = later(read_clock(), limit);
  in_turn([this] { leave(); });
}

// As a worker does that was told to stop.
void simulated_worker::stop() {
  in_turn([this] {
    leave();
    host().hand_back("the worker is going down");
    host().flush();
  });
  engine_.close("the worker is going down");
  process_->perform_after(150ms, [this] { world_.kill(process_->number()); });
}

bool simulated_worker::is_idle() {
  return host().open() == 0 && engine_.is_idle();
}

outcome<nodes::branch_deployer::live> simulated_worker::deploy(const value& about) {
  const auto hash = about.at("hash");
  const auto& script = world_.scripts.at(*hash.if_text());
  const auto stage = engine_.add_branch(script);
  return live{
      [this, stage](step_request request, std::shared_ptr<actors::mailbox> reply_to) {
        engine_.box()->put(actors::start_message{stage, std::move(request), std::move(reply_to)});
      },
      [this](request_id id, std::shared_ptr<const failure> reason,
             const actors::mailbox* requester) {
        engine_.box()->put(actors::cancel_message{{id, std::move(reason)}, requester});
      }};
}

void simulated_worker::ended(peer& with, const std::string& why) {
  if (with.is_known) {
    world_.note({.what = fact_kind::lost_link,
                 .process = process_->number(),
                 .other = static_cast<std::uint64_t>(with.facts.identity.process),
                 .text = why});
  }
  worker_base::ended(with, why);
}

value simulated_worker::own_load() {
  return value::map({{"running", host().open()}, {"done", host().done()}});
}

} // namespace troupe::testing
