#include "step_signals.hpp"

#include <troupe/actors/stage_engine.hpp>
#include <troupe/actors/step_context.hpp>

#include <algorithm>

namespace troupe {

step_context::step_context(actors::engine_services& services, const step_request& request,
                           const std::string& name, const std::string& path,
                           actors::call_address owner, bool stoppable)
    : services_(services), request_(request), name_(name), path_(path), owner_(std::move(owner)),
      ctx_(request.ctx), meter_({}, request.meter ? request.meter : request.run->meter()),
      stop_(stoppable ? std::stop_source() : std::stop_source(std::nostopstate)) {}

// The function that was abandoned holds the context until it ends.
step_context::~step_context() {
  if (abandoned_) --services_.abandoned_running;
}

std::optional<duration> step_context::time_left() const {
  if (request_.deadline == no_deadline) return std::nullopt;
  return std::max(duration::zero(), request_.deadline - now());
}

instant step_context::now() const {
  return services_.now();
}

std::string step_context::idempotency_key() const {
  auto key = run().to_string() + '/' + path_;
  for (const auto* turn = request_.turns.get(); turn; turn = turn->outer.get()) {
    key += '#' + std::to_string(turn->index);
  }
  return key;
}

void step_context::report_usage(const usage& spent) {
  if (!meter_.add(spent)) warn("a negative or non-finite usage was reported; it counts as 0");
  if (!stop_.stop_possible() || stop_.stop_requested()) return;
  if (request_.run->meter()->broken()) {
    owner_.send({actors::step_signals::limit_broken, nullptr});
  }
}

void step_context::checkpoint(std::string name) {
  request_.run->add_checkpoint(std::move(name), now());
}

void step_context::warn(std::string_view text) const {
  if (!services_.observed(event_kind::warning)) return;
  services_.emit({.kind = event_kind::warning,
                  .at = now(),
                  .run = request_.run.get(),
                  .step = name_,
                  .attempt = request_.attempt,
                  .detail = text,
                  .path = path_,
                  .turns = request_.turns.get()});
}

bool step_context::sleep_for(duration length) {
  return services_.sleep_until(later(now(), length), stop_.get_token());
}

void step_context::after(duration delay, std::function<void()> then) {
  auto wanted = std::make_shared<actors::step_signals::alarm>();
  wanted->due = later(now(), delay);
  wanted->then = std::move(then);
  owner_.send({actors::step_signals::set_alarm, std::move(wanted)});
}

std::shared_ptr<void> step_context::hold_clock() {
  return services_.hold_clock();
}

} // namespace troupe
