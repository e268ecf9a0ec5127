#include <troupe/actors/thread_pool.hpp>

#include <system_error>
#include <utility>

namespace troupe::actors {

namespace {
/// How often an idle thread looks for work, letting others have its core in between.
constexpr int looks = 20;
} // namespace

thread_pool::thread_pool(thread_pool_options options, clock_source& clock)
    : options_(options), clock_(clock), state_(std::make_shared<shared_state>()) {}

thread_pool::~thread_pool() {
  stop(duration::zero());
}

bool thread_pool::submit(std::function<void()> work) {
  auto hold = clock_.hold();
  const std::scoped_lock lock(state_->mutex);
  if (state_->stopping || state_->queue.size() >= options_.max_queued) return false;
  state_->queue.push_back({std::move(work), std::move(hold)});
  if (state_->idle >= state_->queue.size() || state_->threads == options_.max_threads) {
    wake_one(*state_);
    return true;
  }
  try {
    std::thread([state = state_] { work_off(state); }).detach();
    ++state_->threads;
  } catch (const std::system_error&) {
    // The machine gives no more threads: those that are there have to do.
    if (state_->threads > 0) return true;
    state_->queue.pop_back();
    return false;
  }
  return true;
}

// Who comes for work wakes the next one if there is more: threads that come for short work find it
// done by then, and every item that takes long still gets a thread of its own.
void thread_pool::wake_one(shared_state& state) {
  if (state.waking || state.looking || state.idle == 0) return;
  state.waking = true;
  state.changed.notify_one();
}

// Being woken takes longer than most short work does, so one thread at a time looks for a while
// before it sleeps.
void thread_pool::wait_for_work(shared_state& state, std::unique_lock<std::mutex>& lock) {
  ++state.idle;
  if (!std::exchange(state.looking, true)) {
    for (auto left = looks; left > 0 && state.queue.empty() && !state.stopping; --left) {
      lock.unlock();
      std::this_thread::yield();
      lock.lock();
    }
    state.looking = false;
  }
  while (state.queue.empty() && !state.stopping) {
    state.changed.wait(lock);
    state.waking = false;
  }
  --state.idle;
}

void thread_pool::work_off(const std::shared_ptr<shared_state>& state) {
  std::unique_lock lock(state->mutex);
  for (;;) {
    if (state->queue.empty()) {
      if (state->stopping) break;
      wait_for_work(*state, lock);
      continue;
    }
    auto next = std::move(state->queue.front());
    state->queue.pop_front();
    if (!state->queue.empty()) wake_one(*state);
    lock.unlock();
    next.work();
    next = {};
    lock.lock();
  }
  --state->threads;
  state->changed.notify_all();
}

void thread_pool::stop(duration within) {
  std::deque<item> dropped;
  std::unique_lock lock(state_->mutex);
  state_->stopping = true;
  dropped.swap(state_->queue);
  state_->changed.notify_all();
  state_->changed.wait_for(lock, within, [&] { return state_->threads == 0; });
}

std::size_t thread_pool::running() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->threads - state_->idle;
}

std::size_t thread_pool::queued() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->queue.size();
}

} // namespace troupe::actors
