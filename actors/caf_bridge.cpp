#include "stage_actor.hpp"

#include <troupe/actors/caf_interop.hpp>

#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>

#include <list>
#include <unordered_map>
#include <utility>

namespace troupe::actors {

struct courier_start {
  step_request request;
  value_completion completion;
};

struct courier_cancel {
  request_id id;
};

struct entrance_done {
  caf::strong_actor_ptr asker;
  request_id id;
  step_result result;
};

} // namespace troupe::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::courier_start)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::courier_cancel)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::entrance_done)

namespace troupe::actors {

namespace {

/// Carries requests to a user's actor and its results back, and notices when it is gone.
class courier {
public:
  courier(caf::event_based_actor* self, caf::actor worker)
      : self_(self), worker_(std::move(worker)) {
    self_->monitor(worker_);
  }

  void start(courier_start& order) {
    if (!worker_) return order.completion(lost());
    const auto id = static_cast<request_id>(++last_id_);
    order.request.id = id;
    auto& opened = open_.emplace_back(id, order.completion);
    opened.on_stop.emplace(order.completion.context().stop_token(),
                           cancel_order{caf::actor_cast<caf::actor>(self_), id});
    self_->send(worker_, std::move(order.request));
  }

  void finish(step_result& result) {
    const auto place = find(result.id);
    if (place == open_.end()) return;
    auto completion = place->completion;
    open_.erase(place);
    auto& context = completion.context();
    context.report_usage(result.spent);
    if (result.why) return completion(*result.why);
    const auto before = context.snapshot();
    for (const auto& change : value_tree::diff(before.data(), result.ctx.data())) {
      if (change.after) context.set(change.key, *change.after);
      else context.erase(change.key);
    }
    completion(std::move(result.output));
  }

  void cancel(request_id id) {
    if (!worker_ || find(id) == open_.end()) return;
    ++cancels_;
    self_->send(worker_, cancel_request{id, nullptr});
  }

  /// The worker sent an error back. An actor need not take cancel requests, so as many errors as
  /// there were cancels mean nothing.
  void refused(const std::string& error) {
    if (++errors_ <= cancels_) return;
    fail_all({failure_kind::permanent,
              "the actor of this step answered with an error, not a step_result: " + error});
  }

  void fail_all(const failure& why) {
    auto failed = std::exchange(open_, {});
    for (auto& each : failed) {
      each.on_stop.reset();
      each.completion(why);
    }
  }

  void worker_down() {
    worker_ = nullptr;
    fail_all(lost());
  }

private:
  struct cancel_order {
    caf::actor courier;
    request_id id;
    void operator()() const { caf::anon_send(courier, courier_cancel{id}); }
  };
  struct entry {
    entry(request_id number, value_completion answer) : id(number), completion(std::move(answer)) {}
    request_id id;
    value_completion completion;
    std::optional<std::stop_callback<cancel_order>> on_stop;
  };

  static failure lost() { return {failure_kind::worker_lost, "the actor of this step has ended"}; }

  std::list<entry>::iterator find(request_id id) {
    return std::find_if(open_.begin(), open_.end(),
                        [&](const entry& each) { return each.id == id; });
  }

  caf::event_based_actor* self_;
  caf::actor worker_;
  std::uint64_t last_id_ = 0;
  std::uint64_t cancels_ = 0;
  std::uint64_t errors_ = 0;
  std::list<entry> open_;
};

caf::behavior courier_actor(caf::event_based_actor* self, caf::actor worker) {
  harden(self);
  auto state = std::make_shared<courier>(self, std::move(worker));
  self->set_down_handler([state](const caf::down_msg&) { state->worker_down(); });
  self->set_error_handler([self, state](caf::scheduled_actor*, caf::error& why) {
    state->refused(self->system().render(why));
  });
  return {[state](courier_start& order) { state->start(order); },
          [state](courier_cancel order) { state->cancel(order.id); },
          [state](step_result& result) { state->finish(result); }};
}

/// Ends its courier with the last step that uses it.
struct courier_owner {
  caf::actor courier;
  ~courier_owner() { caf::anon_send_exit(courier, caf::exit_reason::user_shutdown); }
};

} // namespace

async_function actor_function(caf::actor worker) {
  auto& system = worker.home_system();
  auto owner = std::make_shared<courier_owner>();
  owner->courier = system.spawn(courier_actor, std::move(worker));
  return [owner](const value& input, value_completion completion) {
    auto& context = completion.context();
    step_request request;
    request.input = input;
    request.ctx = context.snapshot();
    request.deadline = context.deadline();
    request.attempt = context.attempt();
    request.run = context.share_run();
    caf::anon_send(owner->courier, courier_start{std::move(request), std::move(completion)});
  };
}

namespace {

/// Takes requests of other actors to a deployed pipeline.
caf::behavior entrance_actor(caf::event_based_actor* self, entrance_function begin) {
  harden(self);
  struct asked {
    caf::actor_addr who;
    request_id id;
    std::function<void()> cancel;
  };
  auto open = std::make_shared<std::list<asked>>();
  self->set_down_handler([open](const caf::down_msg& gone) {
    for (const auto& each : *open) {
      if (each.who == gone.source) each.cancel();
    }
  });
  return {[self, open, begin](step_request& request) {
            const auto asker = self->current_sender();
            if (!asker) return;
            self->monitor(caf::actor_cast<caf::actor>(asker));
            const auto id = request.id;
            auto home = caf::actor_cast<caf::actor>(self);
            auto cancel = begin(std::move(request), [home, asker, id](step_result result) {
              result.id = id;
              caf::anon_send(home, entrance_done{asker, id, std::move(result)});
            });
            open->push_back({caf::actor_cast<caf::actor_addr>(asker), id, std::move(cancel)});
          },
          [self, open](const cancel_request& order) {
            const auto asker = caf::actor_cast<caf::actor_addr>(self->current_sender());
            for (const auto& each : *open) {
              if (each.who == asker && each.id == order.id) each.cancel();
            }
          },
          [self, open](entrance_done& done) {
            const auto who = caf::actor_cast<caf::actor_addr>(done.asker);
            open->remove_if(
                [&](const asked& each) { return each.who == who && each.id == done.id; });
            self->demonitor(who);
            self->send(caf::actor_cast<caf::actor>(done.asker), std::move(done.result));
          }};
}

} // namespace

caf::actor make_entrance(caf::actor_system& system, entrance_function begin) {
  return system.spawn(entrance_actor, std::move(begin));
}

} // namespace troupe::actors
