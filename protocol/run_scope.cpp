#include <troupe/protocol/run_scope.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace troupe {

namespace {
constexpr std::size_t max_checkpoints = 10'000;
} // namespace

run_scope::run_scope(run_id id, std::string correlation_id, instant started, usage_limit limit)
    : id_(id), correlation_id_(std::move(correlation_id)), started_(started), meter_(limit) {}

run_scope::run_scope(run_id id, instant started, usage_limit limit)
    : run_scope(id, std::string(), started, limit) {
  named_by_id_ = true;
}

void run_scope::add_checkpoint(std::string name, instant now) {
  const std::lock_guard lock(mutex_);
  if (checkpoints_.size() >= max_checkpoints) {
    ++dropped_;
    return;
  }
  checkpoints_.push_back({std::move(name), now - started_});
}

void run_scope::restore(std::vector<checkpoint> earlier) {
  const std::lock_guard lock(mutex_);
  if (earlier.size() > max_checkpoints) earlier.resize(max_checkpoints);
  checkpoints_.insert(checkpoints_.begin(), std::make_move_iterator(earlier.begin()),
                      std::make_move_iterator(earlier.end()));
}

std::vector<checkpoint> run_scope::checkpoints() const {
  const std::lock_guard lock(mutex_);
  return checkpoints_;
}

std::uint64_t run_scope::dropped_checkpoints() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

std::uint32_t run_scope::next_call_at(const std::string& path) {
  const std::scoped_lock lock(mutex_);
  return ++calls_[path];
}

void run_scope::add_pause(std::shared_ptr<const failure> why, pause_request asked) {
  const std::scoped_lock lock(mutex_);
  pauses_.insert_or_assign(std::move(why), std::move(asked));
}

std::optional<pause_request> run_scope::pause(const failure* why) const {
  const std::scoped_lock lock(mutex_);
  const auto found = std::find_if(pauses_.begin(), pauses_.end(),
                                  [&](const auto& each) { return each.first.get() == why; });
  if (found == pauses_.end()) return std::nullopt;
  return found->second;
}

} // namespace troupe
