#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace troupe::actors {

/// First in, first out. Elements stay where they are, in blocks that are used again: a line that is
/// never long lives in a few blocks, and those in the nearest cache.
template <class T>
class fifo {
public:
  fifo() = default;
  fifo(const fifo&) = delete;
  fifo& operator=(const fifo&) = delete;
  ~fifo() {
    while (!empty()) drop();
  }

  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

  template <class... Arguments>
  void push(Arguments&&... arguments) {
    if (blocks_.empty() || end_ == in_block) add_block();
    new (blocks_.back()->place(end_)) T(std::forward<Arguments>(arguments)...);
    ++end_;
    ++size_;
  }

  /// The oldest; it may be used while others are pushed. REQUIRES: it is not empty.
  [[nodiscard]] T& front() noexcept { return *blocks_.front()->at(begin_); }

  /// Ends the oldest. REQUIRES: it is not empty.
  void drop() noexcept {
    front().~T();
    --size_;
    if (++begin_ == in_block || empty()) recycle();
  }

private:
  static constexpr std::size_t in_block = 32;
  /// Blocks that may stay allocated when nobody needs them.
  static constexpr std::size_t kept = 512;

  class block {
  public:
    [[nodiscard]] void* place(std::size_t number) noexcept { return bytes_ + number * sizeof(T); }
    [[nodiscard]] T* at(std::size_t number) noexcept {
      return std::launder(static_cast<T*>(place(number)));
    }

  private:
    alignas(T) std::byte bytes_[in_block * sizeof(T)];
  };

  void add_block() {
    if (spare_.empty()) {
      blocks_.push_back(std::make_unique<block>());
    } else {
      blocks_.push_back(std::move(spare_.back()));
      spare_.pop_back();
    }
    end_ = 0;
  }

  void recycle() {
    begin_ = 0;
    if (empty() && blocks_.size() == 1) {
      end_ = 0; // it goes on in the same place
      return;
    }
    if (spare_.size() < kept) spare_.push_back(std::move(blocks_.front()));
    blocks_.pop_front();
  }

  std::deque<std::unique_ptr<block>> blocks_;
  std::vector<std::unique_ptr<block>> spare_;
  std::size_t begin_ = 0; // in the first block
  std::size_t end_ = 0;   // in the last block
  std::size_t size_ = 0;
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
