#include "outbox.hpp"

#include "frame_buffer.hpp"

#include <utility>

namespace troupe::nodes {

namespace {

/// What a buffer may keep allocated after a burst.
constexpr std::size_t kept_bytes = std::size_t{1} << 20;
/// More is left to the loop, which gives every link its turn.
constexpr std::size_t most_written_by_sender = std::size_t{256} << 10;

} // namespace

void outbox::let_senders_write(writer write) {
  const std::scoped_lock lock(mutex_);
  write_ = std::move(write);
}

outbox::effect outbox::add(const std::vector<frame>& frames, haste how) {
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
  if (look_expected_) return effect::none;
  const auto may_write = how == haste::great && write_ && !loop_writes_;
  if (may_write && bytes_.size() <= most_written_by_sender) return write_some();
  look_expected_ = true;
  return effect::wakes;
}

// An error counts as nothing written: the loop meets it, too, and ends the link.
outbox::effect outbox::write_some() {
  const auto count = write_(bytes_.data(), bytes_.size());
  unsent_bytes_.fetch_sub(count, std::memory_order_relaxed);
  bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(count));
  if (bytes_.empty()) return effect::none;
  look_expected_ = true;
  return effect::wakes;
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
  loop_writes_ = true;
}

void outbox::all_written() {
  const std::scoped_lock lock(mutex_);
  loop_writes_ = false;
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
  write_ = nullptr;
  return !std::exchange(shut_, true);
}

void outbox::abandon() {
  const std::scoped_lock lock(mutex_);
  shut_ = true;
  write_ = nullptr;
  bytes_ = {};
  unsent_bytes_.store(0, std::memory_order_relaxed);
}

std::size_t outbox::unsent_bytes() const noexcept {
  return unsent_bytes_.load(std::memory_order_relaxed);
}

} // namespace troupe::nodes
