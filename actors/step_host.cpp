#include "step_signals.hpp"

#include <troupe/actors/stage_engine.hpp>
#include <troupe/actors/step_host.hpp>

#include <optional>
#include <utility>
#include <vector>

namespace troupe {

void value_completion::operator()(outcome<value> result) const {
  state_->answer(std::move(result));
}

void value_completion::state::answer(outcome<value> result) {
  // A second answer still goes out: the call is gone by then, and it is counted as late.
  answered = true;
  owner.send({actors::step_signals::done, std::make_shared<outcome<value>>(std::move(result))});
}

value_completion::state::~state() {
  if (answered || !context || context->ended_) return;
  answer(failure{failure_kind::unclassified,
                 "the async step dropped its completion without an answer"});
}

value troupe_describe(const step_definition& step) {
  value::map_type about{{"identity", step.identity}};
  if (!step.type.empty()) about.emplace_back("type", step.type);
  if (!step.parameters.is_null()) about.emplace_back("parameters", step.parameters);
  if (step.idempotent) about.emplace_back("idempotent", true);
  return value::map(std::move(about));
}

void troupe_check(const step_definition& step, option_check& report) {
  if (step.check) step.check(report);
}

bool troupe_idempotent(const step_definition& step) {
  return step.idempotent;
}

namespace actors {

failure current_failure() noexcept {
  try {
    std::rethrow_exception(std::current_exception());
  } catch (const step_error& error) {
    return error.why();
  } catch (const std::exception& error) {
    const std::string_view text = error.what();
    return {failure_kind::unclassified,
            text.empty() ? "an exception without a message" : std::string(text)};
  } catch (...) {
    return {failure_kind::unclassified, "an exception that is no std::exception"};
  }
}

namespace {

// What undoes something runs in spite of a broken limit.
std::optional<std::string> broken_limit(const step_request& request) {
  return request.shielded ? std::nullopt : request.run->meter()->broken();
}

std::shared_ptr<const failure> limit_failure(const std::string& broken, const stage_identity& who) {
  return std::make_shared<const failure>(
      failure{failure_kind::usage_limit, broken, {}, who.name.str()});
}

// Exactly one thread runs the function of one attempt.
outcome<value> execute(const plain_function& work, const value& input, step_context& context) {
  try {
    return work(input, context);
  } catch (...) {
    return current_failure();
  }
}

} // namespace

/// Where the function of an inline step is called.
class inline_work {
public:
  // The function has returned before anything else happens, so its context needs nothing of its
  // own.
  static void run(stage_engine& engine, const stage_identity& who,
                  const step_definition& definition, const step_request& request,
                  step_result& answer) {
    if (auto broken = broken_limit(request)) {
      answer.why = limit_failure(*broken, who);
      answer.ctx = request.ctx;
      return;
    }
    auto& services = engine.services();
    emit(services, who, request, {.kind = event_kind::step_started});
    const auto since = engine.now();
    step_context context(services, request, who.name.str(), who.path, {}, false);
    auto result = execute(std::get<plain_function>(definition.work), request.input, context);
    engine.refresh_now();
    if (result) {
      answer.output = *std::move(result);
      answer.ctx = std::move(context.ctx_);
      if (auto broken = broken_limit(request)) answer.why = limit_failure(*broken, who);
    } else {
      auto why = result.why();
      if (why.step.empty()) why.step = who.name.str();
      answer.why = std::make_shared<const failure>(std::move(why));
      answer.ctx = request.ctx;
    }
    answer.spent = context.meter_.total();
    if (services.observed(event_kind::step_finished)) {
      answer.latency = engine.now() - since;
      emit(services, who, request,
           {.kind = event_kind::step_finished, .why = answer.why.get(), .result = &answer});
    }
  }
};

class step_call final : public call {
public:
  explicit step_call(const step_host& home)
      : home_(home), definition_(home.node.options_as<step_definition>()) {}

private:
  static constexpr std::uint32_t grace_timer = 0;

  void start() override {
    if (definition_.kind == step_kind::inlined) {
      step_result result;
      inline_work::run(engine(), identity(), definition_, request(), result);
      return answer(std::move(result));
    }
    if (auto broken = broken_limit(request())) return fail({failure_kind::usage_limit, *broken});
    emit({.kind = event_kind::step_started});
    if (definition_.kind == step_kind::blocking) run_on_pool();
    else run_async();
  }

  /// A context that may outlive the call, with all that it refers to.
  struct kept_context {
    kept_context(step_call& of, bool stoppable)
        : services(of.engine().services().shared_from_this()), request(of.request()),
          identity(of.share_identity()), context(*services, request, identity->name.str(),
                                                 identity->path, of.address(), stoppable) {}

    std::shared_ptr<engine_services> services;
    step_request request;
    std::shared_ptr<stage_identity> identity;
    step_context context;
  };

  void run_on_pool() {
    keep_context();
    const auto& work = std::get<plain_function>(definition_.work);
    // A step that is abandoned may outlive its deployment, so the job keeps the function alive.
    auto job = [&work, node = home_.node, input = request().input, context = context_,
                owner = address()] {
      auto result = context->stop_requested()
                        ? outcome<value>(failure{failure_kind::cancelled, "cancelled"})
                        : execute(work, input, *context);
      owner.send({step_signals::done, std::make_shared<outcome<value>>(std::move(result))});
    };
    if (!engine().services().executor().submit(std::move(job))) {
      context_.reset();
      fail({failure_kind::rejected, "the queue of the thread pool for blocking steps is full"});
    }
  }

  void run_async() {
    keep_context();
    auto state = std::make_shared<value_completion::state>();
    state->context = context_;
    state->owner = address();
    value_completion completion(state);
    try {
      std::get<async_function>(definition_.work)(request().input, completion);
    } catch (...) {
      completion(current_failure());
    }
  }

  void keep_context() {
    auto kept = std::make_shared<kept_context>(*this, true);
    auto* context = &kept->context;
    context_ = std::shared_ptr<step_context>(std::move(kept), context);
  }

  void on_signal(signal content) override {
    if (content.what == step_signals::done) {
      return conclude(std::move(*std::static_pointer_cast<outcome<value>>(content.payload)));
    }
    if (content.what == step_signals::set_alarm) {
      auto wanted = std::static_pointer_cast<step_signals::alarm>(content.payload);
      alarms_.push_back(std::move(wanted->then));
      return set_timer(static_cast<std::uint32_t>(alarms_.size()), wanted->due);
    }
    stop_for_limit();
  }

  void stop_for_limit() {
    auto broken = broken_limit(request());
    if (!broken || cancel_reason() || limit_) return;
    limit_ = std::make_shared<const failure>(failure{failure_kind::usage_limit, *broken});
    give_notice();
  }

  void on_timer(std::uint32_t which) override {
    if (which == grace_timer) return abandon_step();
    // The alarm may belong to the only completion, so it is taken out before it runs.
    const auto then = std::exchange(alarms_[which - 1], nullptr);
    if (then) then();
  }

  void on_cancel(const std::shared_ptr<const failure>&) override { give_notice(); }

  void give_notice() {
    if (context_) context_->stop_.request_stop();
    if (grace_running_) return;
    grace_running_ = true;
    set_timer(grace_timer, later(now(), engine().services().cancel_grace));
  }

  void abandon_step() {
    auto& services = engine().services();
    ++services.abandoned_steps;
    ++services.abandoned_running;
    context_->abandoned_ = true;
    emit({.kind = event_kind::step_abandoned});
    auto why = limit_ ? *limit_ : failure{failure_kind::cancelled, cancel_reason()->message};
    why.message +=
        " (abandoned: it ignored its stop token for " + to_string(services.cancel_grace) + ")";
    finish(failed_result(std::move(why)));
  }

  void conclude(outcome<value>&& result) {
    // What a step says after it was told to stop changes nothing any more, but what it spent
    // counts.
    if (limit_) return finish(failed_result(*limit_));
    if (cancel_reason()) return finish(cancelled_result());
    if (!result) return finish(failed_result(result.why()));
    step_result answer;
    answer.output = *std::move(result);
    answer.ctx = context_->ctx_;
    if (auto broken = broken_limit(request())) answer.why = limit_failure(*broken, identity());
    finish(std::move(answer));
  }

  void finish(step_result&& result) {
    result.spent = context_->meter_.total();
    context_->ended_ = true;
    if (observed(event_kind::step_finished)) {
      result.latency = now() - started();
      emit({.kind = event_kind::step_finished, .why = result.why.get(), .result = &result});
    }
    answer(std::move(result));
  }

  const step_host& home_;
  const step_definition& definition_;
  std::shared_ptr<step_context> context_; // once there is one
  std::vector<std::function<void()>> alarms_;
  std::shared_ptr<const failure> limit_;
  bool grace_running_ = false;
};

/// An inline step needs a call only where its request comes from another host, or is refused.
class inline_stage final : public stage {
public:
  inline_stage(std::shared_ptr<stage_identity> identity, step_host parts)
      : stage(std::move(identity)), parts_(std::move(parts)),
        definition_(parts_.node.options_as<step_definition>()) {}

  [[nodiscard]] std::unique_ptr<call> open() override {
    return std::make_unique<step_call>(parts_);
  }
  [[nodiscard]] bool answer_at_once(stage_engine& engine, const step_request& request,
                                    step_result& into) override {
    inline_work::run(engine, identity(), definition_, request, into);
    return true;
  }

private:
  const step_host parts_;
  const step_definition& definition_;
};

std::unique_ptr<stage> make_stage(std::shared_ptr<stage_identity> identity, step_host parts) {
  if (parts.node.options_as<step_definition>().kind == step_kind::inlined) {
    return std::make_unique<inline_stage>(std::move(identity), std::move(parts));
  }
  return std::make_unique<stage_of<step_call, step_host>>(std::move(identity), std::move(parts));
}

} // namespace actors
} // namespace troupe
