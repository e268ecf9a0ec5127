// What reaches an engine from outside.
#include <troupe/actors/stage_engine.hpp>

#include <type_traits>
#include <utility>

namespace troupe::actors {

void stage_engine::deliver(message content) {
  refresh_now();
  receive(content);
}

void stage_engine::deliver_all(std::vector<message>& content) {
  if (content.empty()) return;
  refresh_now();
  for (auto& each : content) receive(each);
}

void stage_engine::receive(message& content) {
  std::visit(
      [this](auto& what) {
        if constexpr (!std::is_same_v<std::decay_t<decltype(what)>, wake_message>) take(what);
      },
      content);
}

void stage_engine::take(start_message& content) {
  const far_requests::key key{content.reply_to.get(), content.request.id};
  const auto id = allocate();
  auto& place = records_[id.index];
  place.far_end = std::move(content.reply_to);
  place.far_id = content.request.id;
  far_requests_.add(key, id);
  open(id, content.stage, std::move(content.request));
}

void stage_engine::take(result_message& content) {
  const auto id = to_call_id(content.result.id);
  auto* place = find(id);
  if (!place || place->work || !place->far_end) return dismiss();
  finish(id, std::move(content.result));
}

void stage_engine::take(cancel_message& content) {
  content.for_each([&](request_id id) {
    const auto found = far_requests_.find({content.requester, id});
    if (found) cancel(found, content.request.reason);
  });
}

void stage_engine::take(signal_message& content) {
  queue_.push(signal_event{content.call, std::move(content.content)});
}

void stage_engine::take(close_message& content) {
  closed_ = content.reason;
  for (std::uint32_t index = 0; index < records_.size(); ++index) {
    const auto& place = records_[index];
    if (!place.open || !place.work || place.parent) continue;
    if (!place.work->request().shielded) cancel({index, place.generation}, closed_);
  }
}

} // namespace troupe::actors
