#include <troupe/actors/stage.hpp>
#include <troupe/actors/stage_engine.hpp>

namespace troupe::actors {

void call::on_result(std::uint64_t, step_result&&) {}
void call::on_timer(std::uint32_t) {}
void call::on_signal(signal) {}

void call::on_cancel(const std::shared_ptr<const failure>& reason) {
  drop_timers();
  if (open_children() == 0) return answer(cancelled_result());
  cancel_children(reason);
}

void call::on_late_result(std::uint64_t, step_result&& result) {
  late_usage_ += result.spent;
  if (open_children() > 0) return;
  late_ = &result;
  answer(cancelled_result());
}

step_result call::cancelled_result() {
  auto result = blank_result();
  result.spent = late_usage_;
  if (late_) {
    result.step_history = std::move(late_->step_history);
    result.metadata_ = std::move(late_->metadata_);
    if (late_->failed_with(failure_kind::cancelled)) result.why = late_->why;
  }
  if (!result.why) {
    const auto& reason = cancel_reason_->message;
    failure why{failure_kind::cancelled, reason.empty() ? "cancelled" : reason};
    why.step = identity().name.str();
    result.why = std::make_shared<const failure>(std::move(why));
  }
  return result;
}

instant call::now() const noexcept {
  return engine_->now();
}

double call::unit_random() {
  return engine_->random_.unit();
}

const stage_identity& call::identity() const noexcept {
  return *engine_->stages_[stage_].identity;
}

const std::shared_ptr<stage_identity>& call::share_identity() const noexcept {
  return engine_->stages_[stage_].identity;
}

call_address call::address() {
  return {engine_->self_.lock(), engine_->settle(*this)};
}

call_id call::send(std::uint64_t tag, const stage_ref& child, const step_request& request) {
  return engine_->send_and_give(*this, tag, child, {request, nullptr});
}

call_id call::send(std::uint64_t tag, const stage_ref& child, step_request&& request) {
  return engine_->send_and_give(*this, tag, child, {request, &request});
}

bool call::ask(std::uint64_t tag, const stage_ref& child, const step_request& request,
               step_result& into) {
  call_id id{};
  return engine_->send(*this, tag, child, {request, nullptr}, into, id);
}

void call::cancel(call_id child, const std::shared_ptr<const failure>& reason) {
  engine_->cancel(child, reason);
}

void call::cancel_children(const std::shared_ptr<const failure>& reason) {
  const auto* self = engine_->find(id_);
  if (!self) return;
  for (auto child = self->first_child; child != stage_engine::nobody;) {
    const auto& record = engine_->records_[child];
    const auto next = record.next_sibling;
    engine_->cancel({child, record.generation}, reason);
    child = next;
  }
}

void call::abandon(call_id child, const std::shared_ptr<const failure>& reason) {
  engine_->abandon(child, reason);
}

void call::abandon_children(const std::shared_ptr<const failure>& reason) {
  if (auto* self = engine_->find(id_)) engine_->abandon_children(*self, reason);
}

std::size_t call::open_children() const noexcept {
  const auto* self = engine_->find(id_);
  const std::size_t arrived = trial_ && trial_->arrived ? 1 : 0;
  return (self ? self->children : 0) + arrived;
}

void call::open_detached(std::unique_ptr<call> work, step_request request) {
  if (engine_->closed_) return;
  engine_->adopt(engine_->allocate(), stage_, std::move(work), std::move(request));
}

void call::set_timer(std::uint32_t which, instant due) {
  engine_->set_timer(*this, which, due);
}

void call::drop_timers() {
  if (trial_) trial_->timers_set = 0;
  if (auto* self = engine_->find(id_)) engine_->drop_timers(*self);
}

void call::answer(step_result&& result) {
  engine_->answer(*this, std::move(result), false);
}

void call::answer_as_it_was(step_result&& result) {
  engine_->answer(*this, std::move(result), true);
}

void call::fail(failure why) {
  answer(failed_result(std::move(why)));
}

step_result call::blank_result() const {
  step_result result;
  result.ctx = request().ctx;
  return result;
}

step_result call::failed_result(failure why) const {
  auto result = blank_result();
  if (why.step.empty()) why.step = identity().name.str();
  result.why = std::make_shared<const failure>(std::move(why));
  return result;
}

bool call::observed(event_kind kind) const noexcept {
  return engine_->services().observed(kind);
}

void call::emit(run_event event) const {
  actors::emit(engine_->services(), identity(), request(), event);
}

void emit(engine_services& services, const stage_identity& who, const step_request& request,
          run_event event) {
  if (!services.observed(event.kind)) return;
  event.at = services.now();
  event.run = request.run.get();
  if (event.step.empty()) event.step = who.name.str();
  if (event.attempt == 0) event.attempt = request.attempt;
  event.path = who.path;
  event.turns = request.turns.get();
  services.emit(event);
}

void call::warn(std::string_view text) const {
  emit({.kind = event_kind::warning, .detail = text});
}

void call::checkpoint(std::string_view name) const {
  if (request().run) request().run->add_checkpoint(std::string(name), now());
}

} // namespace troupe::actors
