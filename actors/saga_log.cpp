#include <troupe/actors/saga_log.hpp>

#include <algorithm>
#include <atomic>
#include <iterator>
#include <utility>

namespace troupe::actors {

namespace {

std::uint64_t next_start() {
  static std::atomic<std::uint64_t> count{0};
  return ++count;
}

} // namespace

bool saga_log::open(entry what) {
  const std::scoped_lock lock(mutex_);
  if (closed_) return false;
  what.started = next_start();
  entries_.push_back(std::move(what));
  return true;
}

void saga_log::end(const std::shared_ptr<std::atomic<bool>>& mark) {
  call_address waiter;
  {
    const std::scoped_lock lock(mutex_);
    mark->store(true);
    waiter = waiter_;
  }
  waiter.send({ended_signal, nullptr});
}

bool saga_log::append(std::vector<entry>& inner) {
  const std::scoped_lock lock(mutex_);
  if (closed_) return false;
  std::move(inner.begin(), inner.end(), std::back_inserter(entries_));
  inner.clear();
  return true;
}

std::vector<saga_log::entry> saga_log::close() {
  const std::scoped_lock lock(mutex_);
  closed_ = true;
  auto all = std::exchange(entries_, {});
  std::sort(all.begin(), all.end(),
            [](const entry& left, const entry& right) { return left.started > right.started; });
  return all;
}

std::vector<saga_log::entry> saga_log::take() {
  const std::scoped_lock lock(mutex_);
  return std::exchange(entries_, {});
}

bool saga_log::wait_for_ends(const std::vector<entry>& of, call_address waiter) {
  const std::scoped_lock lock(mutex_);
  waiter_ = std::move(waiter);
  return std::any_of(of.begin(), of.end(), [](const entry& each) { return !each.ended->load(); });
}

} // namespace troupe::actors
