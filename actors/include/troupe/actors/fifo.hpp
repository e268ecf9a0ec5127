#pragma once

#include <cstddef>
#include <iterator>
#include <utility>
#include <vector>

namespace troupe::actors {

/// First in, first out. `std::deque` allocates for each element that has more than half of its
/// block of 512 bytes; this allocates only to hold more than ever before.
template <class T>
class fifo {
public:
  [[nodiscard]] bool empty() const noexcept { return head_ == items_.size(); }

  template <class... Arguments>
  void push(Arguments&&... arguments) {
    items_.emplace_back(std::forward<Arguments>(arguments)...);
  }

  /// REQUIRES: it is not empty.
  [[nodiscard]] T pop() {
    auto first = std::move(items_[head_++]);
    if (empty()) {
      items_.clear();
      head_ = 0;
      if (items_.capacity() > kept) std::vector<T>().swap(items_);
    } else if (head_ >= kept && head_ * 2 >= items_.size()) {
      items_.erase(items_.begin(), std::next(items_.begin(), static_cast<std::ptrdiff_t>(head_)));
      head_ = 0;
    }
    return first;
  }

private:
  /// Elements that may stay allocated, and that may be taken already.
  static constexpr std::size_t kept = 16'384;

  std::vector<T> items_;
  std::size_t head_ = 0;
};

/// Grows without moving what it holds: places stay where they are. Elements are made in pieces, so
/// that finding one takes a shift and two loads.
template <class T>
class place_table {
public:
  [[nodiscard]] T& operator[](std::size_t place) noexcept {
    return pieces_[place / in_piece][place % in_piece];
  }
  [[nodiscard]] const T& operator[](std::size_t place) const noexcept {
    return pieces_[place / in_piece][place % in_piece];
  }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  void add_place() {
    if (size_ % in_piece == 0) pieces_.emplace_back(in_piece);
    ++size_;
  }

private:
  static constexpr std::size_t in_piece = 64;

  std::vector<std::vector<T>> pieces_;
  std::size_t size_ = 0;
};

} // namespace troupe::actors
