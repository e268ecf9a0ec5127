#pragma once

#include <array>
#include <atomic>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace troupe {

/// 128 bits that name one run for ever: a UUIDv7 (RFC 9562), so later runs sort after earlier ones.
class run_id {
public:
  run_id() = default; ///< the nil id, which names no run

  /// Returns a fresh id from the wall clock and the operating system's random numbers. Ids made by
  /// one process ascend, also within one millisecond. Thread-safe.
  [[nodiscard]] static run_id make();

  /// Returns an id built from these parts, for tests and virtual time: `unix_ms` of 48 bits, 74
  /// random bits.
  [[nodiscard]] static run_id from_parts(std::uint64_t unix_ms, std::uint64_t random_high,
                                         std::uint64_t random_low);

  /// Takes back what `bytes()` returned; nothing for another number of bytes.
  [[nodiscard]] static std::optional<run_id> from_bytes(std::span<const std::uint8_t> bytes);

  /// Reads the text form `xxxxxxxx-xxxx-7xxx-xxxx-xxxxxxxxxxxx`, upper or lower case.
  [[nodiscard]] static std::optional<run_id> parse(std::string_view text);

  [[nodiscard]] std::string to_string() const;
  [[nodiscard]] bool is_nil() const noexcept { return bytes_ == std::array<std::uint8_t, 16>{}; }
  /// True when `text` is what `to_string` returns.
  [[nodiscard]] bool is_spelled(std::string_view text) const noexcept;
  [[nodiscard]] const std::array<std::uint8_t, 16>& bytes() const noexcept { return bytes_; }

  friend auto operator<=>(const run_id&, const run_id&) = default;

private:
  std::array<std::uint8_t, 16> bytes_{};
};

/// A run id whose text form is made when somebody first asks for it, since most runs end before.
/// Thread-safe.
class spelled_id {
public:
  spelled_id() = default; ///< of the nil id: empty text
  explicit spelled_id(const run_id& id) : id_(id) {}
  spelled_id(const spelled_id& other) : id_(other.id_) {}
  spelled_id& operator=(const spelled_id&) = delete;
  ~spelled_id() { delete text_.load(std::memory_order_relaxed); }

  [[nodiscard]] const run_id& id() const noexcept { return id_; }
  [[nodiscard]] const std::string& text() const noexcept;

private:
  run_id id_;
  mutable std::atomic<const std::string*> text_{nullptr}; // owned; a flag to wait for costs more
};

/// Names one request among those its sender has open. Chosen by the sender, returned with the
/// result.
enum class request_id : std::uint64_t {};

} // namespace troupe
