#include "outbox.hpp"

#include "frame_buffer.hpp"

#include <utility>

namespace troupe::nodes {

namespace {

/// What a buffer may keep allocated after a burst.
constexpr std::size_t kept_bytes = std::size_t{1} << 20;

} // namespace

outbox::effect outbox::add(const std::vector<frame>& frames) {
  std::size_t added = 0;
  for (const auto& content : frames) added += frame_header_bytes + content.size();
  const std::scoped_lock lock(mutex_);
  if (shut_ || frames.empty()) return effect::none;
  if (unsent_bytes_.load(std::memory_order_relaxed) + added > max_unsent_bytes_) {
    shut_ = true;
    bytes_ = {};
    return effect::overflows;
  }
  unsent_bytes_.fetch_add(added, std::memory_order_relaxed);
  for (const auto& content : frames) append_frame(content, bytes_);
  return std::exchange(look_expected_, true) ? effect::none : effect::wakes;
}

void outbox::take(std::vector<char>& out) {
  const std::scoped_lock lock(mutex_);
  look_expected_ = false;
  if (out.empty()) {
    out.swap(bytes_);
  } else {
    out.insert(out.end(), bytes_.begin(), bytes_.end());
    bytes_.clear();
  }
  if (bytes_.capacity() > kept_bytes) bytes_ = {};
}

void outbox::expect_look() {
  const std::scoped_lock lock(mutex_);
  look_expected_ = true;
}

void outbox::written(std::size_t bytes) noexcept {
  unsent_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
}

bool outbox::shut() {
  const std::scoped_lock lock(mutex_);
  return !std::exchange(shut_, true);
}

void outbox::abandon() {
  const std::scoped_lock lock(mutex_);
  shut_ = true;
  bytes_ = {};
  unsent_bytes_.store(0, std::memory_order_relaxed);
}

std::size_t outbox::unsent_bytes() const noexcept {
  return unsent_bytes_.load(std::memory_order_relaxed);
}

} // namespace troupe::nodes
