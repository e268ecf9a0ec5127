// Where calls live. A run makes and ends one for each stage, mostly on one thread, so that thread
// keeps a few blocks of each size at hand.
#include <troupe/actors/stage.hpp>

#include <array>
#include <cstddef>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#define TROUPE_POOLS_CALLS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TROUPE_POOLS_CALLS 0
#endif
#endif
#ifndef TROUPE_POOLS_CALLS
#define TROUPE_POOLS_CALLS 1
#endif

namespace troupe::actors {

#if TROUPE_POOLS_CALLS

namespace {

constexpr std::size_t unit = 64;
constexpr std::size_t sizes = 16; // up to 1 KiB; larger ones are rare
/// What a thread keeps of each size: half a megabyte at the very most.
constexpr std::size_t kept = 64;

struct block {
  block* next;
};

struct pool {
  struct shelf {
    block* first = nullptr;
    std::size_t count = 0;
  };
  std::array<shelf, sizes> shelves{};
  bool open = true;

  pool() = default;
  pool(const pool&) = delete;
  pool& operator=(const pool&) = delete;
  ~pool() {
    open = false; // what ends after its thread's pool is freed at once
    for (auto& each : shelves) {
      while (auto* gone = each.first) {
        each.first = gone->next;
        ::operator delete(gone);
      }
    }
  }
};

pool& mine() {
  thread_local pool blocks;
  return blocks;
}

constexpr std::size_t shelf_of(std::size_t size) {
  return (size - 1) / unit;
}

} // namespace

void* call::operator new(std::size_t size) {
  if (shelf_of(size) >= sizes) return ::operator new(size);
  auto& shelf = mine().shelves[shelf_of(size)];
  if (auto* found = shelf.first) {
    shelf.first = found->next;
    --shelf.count;
    return found;
  }
  return ::operator new((shelf_of(size) + 1) * unit);
}

void call::operator delete(void* place, std::size_t size) noexcept {
  if (shelf_of(size) >= sizes || !mine().open) return ::operator delete(place);
  auto& shelf = mine().shelves[shelf_of(size)];
  if (shelf.count >= kept) return ::operator delete(place);
  shelf.first = new (place) block{shelf.first};
  ++shelf.count;
}

#else

void* call::operator new(std::size_t size) {
  return ::operator new(size);
}

void call::operator delete(void* place, std::size_t) noexcept {
  ::operator delete(place);
}

#endif

} // namespace troupe::actors
