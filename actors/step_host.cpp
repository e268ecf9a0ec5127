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

class step_call final : public call {
public:
  explicit step_call(const step_host& home)
      : home_(home), definition_(home.node.options_as<step_definition>()) {}

private:
  static constexpr std::uint32_t grace_timer = 0;

  void start() override {
    if (auto broken = broken_limit()) return fail({failure_kind::usage_limit, *broken});
    emit({.kind = event_kind::step_started});
    switch (definition_.kind) {
    case step_kind::inlined: return run_inline();
    case step_kind::blocking: return run_on_pool();
    case step_kind::async: return run_async();
    }
  }

  // What undoes something runs in spite of a broken limit.
  std::optional<std::string> broken_limit() const {
    if (request().shielded) return std::nullopt;
    return request().run->meter()->broken();
  }

  /// A context that may outlive the call, with all that it refers to.
  struct kept_context {
    kept_context(const step_call& of, bool stoppable)
        : services(of.engine().services().shared_from_this()), request(of.request()),
          identity(of.share_identity()), context(*services, request, identity->name.str(),
                                                 identity->path, of.address(), stoppable) {}

    std::shared_ptr<engine_services> services;
    step_request request;
    std::shared_ptr<stage_identity> identity;
    step_context context;
  };

  // The function has returned before anything else happens, so its context needs nothing of its
  // own.
  void run_inline() {
    step_context context(engine().services(), request(), identity().name.str(), identity().path, {},
                         false);
    auto result = execute(std::get<plain_function>(definition_.work), request().input, context);
    engine().refresh_now();
    current_ = &context;
    conclude(std::move(result));
  }

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
      drop_context();
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

  // Exactly one thread runs the function of one attempt.
  static outcome<value> execute(const plain_function& work, const value& input,
                                step_context& context) {
    try {
      return work(input, context);
    } catch (...) {
      return current_failure();
    }
  }

  void keep_context() {
    auto kept = std::make_shared<kept_context>(*this, true);
    current_ = &kept->context;
    context_ = std::shared_ptr<step_context>(std::move(kept), current_);
  }

  void drop_context() {
    current_ = nullptr;
    context_.reset();
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
    auto broken = broken_limit();
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
    answer.ctx = context_ ? current_->ctx_ : std::move(current_->ctx_);
    if (auto broken = broken_limit()) {
      answer.why = std::make_shared<const failure>(
          failure{failure_kind::usage_limit, *broken, {}, identity().name.str()});
    }
    finish(std::move(answer));
  }

  void finish(step_result&& result) {
    if (current_) {
      result.spent = current_->meter_.total();
      current_->ended_ = true;
    }
    if (observed(event_kind::step_finished)) {
      result.latency = now() - started();
      emit({.kind = event_kind::step_finished, .why = result.why.get(), .result = &result});
    }
    answer(std::move(result));
  }

  const step_host& home_;
  const step_definition& definition_;
  step_context* current_ = nullptr;       // once there is one
  std::shared_ptr<step_context> context_; // where the function may outlive the call
  std::vector<std::function<void()>> alarms_;
  std::shared_ptr<const failure> limit_;
  bool grace_running_ = false;
};

std::unique_ptr<stage> make_stage(std::shared_ptr<stage_identity> identity, step_host parts) {
  return std::make_unique<stage_of<step_call, step_host>>(std::move(identity), std::move(parts));
}

} // namespace actors
} // namespace troupe
