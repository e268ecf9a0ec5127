#pragma once

#include <troupe/actors/message.hpp>

#include <cstddef>
#include <vector>

namespace troupe::actors {

/// The open calls that were asked for from outside, by who asked. Open addressing, so that a
/// request allocates nothing; gives back what a burst took.
class far_requests {
public:
  struct key {
    const mailbox* from;
    request_id id;
    friend bool operator==(const key&, const key&) = default;
  };

  /// Keeps the first call where a key is added twice.
  void add(const key& of, call_id call);
  /// Names no call when there is none.
  [[nodiscard]] call_id find(const key& of) const noexcept;
  /// False when there was none.
  bool erase(const key& of);
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return places_.size(); }

private:
  struct place {
    key of{nullptr, {}};
    call_id call{}; ///< names no call: the place is free
  };
  [[nodiscard]] std::size_t home_of(const key& of) const noexcept;
  [[nodiscard]] std::size_t place_of(const key& of) const noexcept;
  void resize(std::size_t places);

  std::vector<place> places_; // none, or a power of two of which at most half are taken
  std::size_t size_ = 0;
};

} // namespace troupe::actors
