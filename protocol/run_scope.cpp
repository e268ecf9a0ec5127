#include <troupe/protocol/run_scope.hpp>

#include <utility>

namespace troupe {

namespace {
constexpr std::size_t max_checkpoints = 10'000;
} // namespace

run_scope::run_scope(run_id id, std::string correlation_id, instant started, usage_limit limit)
    : id_(id), correlation_id_(std::move(correlation_id)), started_(started),
      meter_(std::make_shared<usage_meter>(limit)) {}

void run_scope::add_checkpoint(std::string name, instant now) {
  const std::lock_guard lock(mutex_);
  if (checkpoints_.size() >= max_checkpoints) {
    ++dropped_;
    return;
  }
  checkpoints_.push_back({std::move(name), now - started_});
}

std::vector<checkpoint> run_scope::checkpoints() const {
  const std::lock_guard lock(mutex_);
  return checkpoints_;
}

std::uint64_t run_scope::dropped_checkpoints() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

} // namespace troupe
