// What becomes of a stage whose code has thrown.
#include <troupe/actors/stage_engine.hpp>
#include <troupe/actors/step_host.hpp>

#include <utility>

namespace troupe::actors {

failure stage_engine::crash_failure(std::uint32_t stage, const std::string& reason) const {
  return {failure_kind::unclassified,
          "stage " + stages_[stage].identity->name.str() + " crashed: " + reason};
}

void stage_engine::crash(std::uint32_t stage, const std::string& reason) {
  auto& host = stages_[stage];
  const auto why = crash_failure(stage, reason);
  ++services_.restarted_stages;
  if (services_.observed(event_kind::stage_restarted)) {
    services_.emit({.kind = event_kind::stage_restarted,
                    .at = now_,
                    .step = host.identity->name.str(),
                    .why = &why});
  }
  for (std::uint32_t index = 0; index < records_.size(); ++index) {
    auto& place = records_[index];
    if (!place.open || !place.work || place.stage != stage) continue;
    auto result = place.work->failed_result(why);
    conclude({index, place.generation}, std::move(result), false);
  }
  ended_->reset(); // it still refers to the stage that is replaced now
  if (!host.restarts.take(now_)) {
    host.down = std::make_shared<const failure>(
        failure{failure_kind::permanent, why.message + "; it crashed too often and stays down"});
    return;
  }
  try {
    host.live = host.make();
  } catch (...) {
    host.down = std::make_shared<const failure>(failure{
        failure_kind::permanent, why.message + "; restart failed: " + current_failure().message});
  }
}

} // namespace troupe::actors
