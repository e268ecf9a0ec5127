#include "random_bytes.hpp"

#include <troupe/protocol/ids.hpp>

#include <pthread.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <memory>
#include <mutex>
#include <system_error>
#include <utility>

namespace troupe {

namespace {

constexpr std::string_view digits = "0123456789abcdef";
constexpr std::uint64_t high_mask = (std::uint64_t{1} << 12) - 1;
constexpr std::uint64_t low_mask = (std::uint64_t{1} << 62) - 1;
constexpr std::uint64_t time_mask = (std::uint64_t{1} << 48) - 1;

std::uint64_t unix_milliseconds() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto count = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  return count < 0 ? 0 : static_cast<std::uint64_t>(count);
}

// The parts of the last id. Within one millisecond, and while the wall clock stands behind it, the
// random part goes up by a random step, which keeps the order and is hard to guess.
class id_sequence {
public:
  run_id next() {
    const auto now = unix_milliseconds();
    const auto random = detail::random_u64();
    const std::lock_guard lock(mutex_);
    if (now > milliseconds_) {
      milliseconds_ = now;
      // The top bit stays free, so that a millisecond has room for many ids.
      high_ = random & (high_mask >> 1);
      low_ = detail::random_u64() & low_mask;
    } else {
      step_up((random & 0xffff'ffff) + 1);
    }
    return run_id::from_parts(milliseconds_, high_, low_);
  }

private:
  void step_up(std::uint64_t by) {
    low_ += by;
    if (low_ <= low_mask) return;
    low_ &= low_mask;
    if (++high_ <= high_mask) return;
    high_ = 0;
    ++milliseconds_;
  }

  std::mutex mutex_;
  std::uint64_t milliseconds_ = 0;
  std::uint64_t high_ = 0;
  std::uint64_t low_ = 0;
};

int digit_of(char letter) {
  if (letter >= '0' && letter <= '9') return letter - '0';
  if (letter >= 'a' && letter <= 'f') return letter - 'a' + 10;
  if (letter >= 'A' && letter <= 'F') return letter - 'A' + 10;
  return -1;
}

bool has_hyphen_at(std::size_t position) {
  return position == 8 || position == 13 || position == 18 || position == 23;
}

} // namespace

namespace detail {

namespace {

/// How often this process is a copy of another one: a copy must not go on with the same bits.
unsigned forks() {
  static std::atomic<unsigned> count{0};
  static const auto watching =
      pthread_atfork(nullptr, nullptr, [] { count.fetch_add(1, std::memory_order_relaxed); });
  if (watching != 0) throw std::system_error(watching, std::generic_category(), "pthread_atfork");
  return count.load(std::memory_order_relaxed);
}

/// Random bits, fetched many at a time: a system call for each would be most of what an id costs.
struct random_pool {
  std::array<std::uint64_t, 32> bits; // 256 bytes always come in one piece
  std::size_t left = 0;
  unsigned forks_seen = 0;

  void fill() {
    while (getrandom(bits.data(), sizeof bits, 0) != static_cast<ssize_t>(sizeof bits)) {
      if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "getrandom");
    }
    left = bits.size();
  }
};

} // namespace

std::uint64_t random_u64() {
  thread_local random_pool pool;
  const auto now = forks();
  if (std::exchange(pool.forks_seen, now) != now) pool.left = 0;
  if (pool.left == 0) pool.fill();
  // What was handed out is not kept.
  return std::exchange(pool.bits[--pool.left], 0);
}

} // namespace detail

run_id run_id::make() {
  static id_sequence sequence;
  return sequence.next();
}

run_id run_id::from_parts(std::uint64_t unix_ms, std::uint64_t random_high,
                          std::uint64_t random_low) {
  const auto high =
      (unix_ms & time_mask) << 16 | std::uint64_t{7} << 12 | (random_high & high_mask);
  const auto low = std::uint64_t{2} << 62 | (random_low & low_mask);
  run_id id;
  for (std::size_t i = 0; i < 8; ++i) {
    id.bytes_[i] = static_cast<std::uint8_t>(high >> (56 - 8 * i));
    id.bytes_[8 + i] = static_cast<std::uint8_t>(low >> (56 - 8 * i));
  }
  return id;
}

std::optional<run_id> run_id::from_bytes(std::span<const std::uint8_t> bytes) {
  run_id id;
  if (bytes.size() != id.bytes_.size()) return std::nullopt;
  std::copy(bytes.begin(), bytes.end(), id.bytes_.begin());
  return id;
}

std::optional<run_id> run_id::parse(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  run_id id;
  std::size_t digits = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (has_hyphen_at(i)) {
      if (text[i] != '-') return std::nullopt;
      continue;
    }
    const auto digit = digit_of(text[i]);
    if (digit < 0) return std::nullopt;
    auto& byte = id.bytes_[digits / 2];
    byte = static_cast<std::uint8_t>(byte << 4 | digit);
    ++digits;
  }
  const auto version = id.bytes_[6] >> 4;
  const auto variant = id.bytes_[8] >> 6;
  if (version != 7 || variant != 2) return std::nullopt;
  return id;
}

bool run_id::is_spelled(std::string_view text) const noexcept {
  if (text.size() != 36) return false;
  std::size_t place = 0;
  for (const auto byte : bytes_) {
    if (has_hyphen_at(place) && text[place++] != '-') return false;
    if (text[place] != digits[byte >> 4] || text[place + 1] != digits[byte & 15]) return false;
    place += 2;
  }
  return true;
}

const std::string& spelled_id::text() const noexcept {
  static const std::string none;
  if (const auto* made = text_.load(std::memory_order_acquire)) return *made;
  if (id_.is_nil()) return none;
  auto mine = std::make_unique<const std::string>(id_.to_string());
  const std::string* first = nullptr;
  if (text_.compare_exchange_strong(first, mine.get(), std::memory_order_acq_rel)) {
    return *mine.release();
  }
  return *first;
}

std::string run_id::to_string() const {
  std::string text(36, '-');
  std::size_t place = 0;
  for (const auto byte : bytes_) {
    if (has_hyphen_at(place)) ++place;
    text[place++] = digits[byte >> 4];
    text[place++] = digits[byte & 15];
  }
  return text;
}

} // namespace troupe
