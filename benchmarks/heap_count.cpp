#include "heap_count.hpp"

#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<bool> counts{false};
std::atomic<std::int64_t> made{0};
std::atomic<std::int64_t> live{0};
std::atomic<std::int64_t> peak{0};

void note(void* block, std::int64_t sign) {
  if (!counts.load(std::memory_order_relaxed)) return;
  if (sign > 0) ++made;
  const auto size = sign * static_cast<std::int64_t>(malloc_usable_size(block));
  const auto now = live.fetch_add(size, std::memory_order_relaxed) + size;
  auto most = peak.load(std::memory_order_relaxed);
  while (now > most && !peak.compare_exchange_weak(most, now)) continue;
}

} // namespace

void* operator new(std::size_t size) {
  auto* block = std::malloc(size);
  if (!block) throw std::bad_alloc();
  note(block, 1);
  return block;
}

void operator delete(void* block) noexcept {
  if (block) note(block, -1);
  std::free(block);
}

void operator delete(void* block, std::size_t) noexcept {
  operator delete(block);
}

// Memory resources ask for an alignment, whatever it is.
void* operator new(std::size_t size, std::align_val_t alignment) {
  const auto align = static_cast<std::size_t>(alignment);
  auto* block = std::aligned_alloc(align, (size + align - 1) / align * align);
  if (!block) throw std::bad_alloc();
  note(block, 1);
  return block;
}

void operator delete(void* block, std::align_val_t) noexcept {
  operator delete(block);
}

void operator delete(void* block, std::size_t, std::align_val_t) noexcept {
  operator delete(block);
}

namespace troupe::benchmarks {

heap_count::heap_count() {
  made = live = peak = 0;
  counts = true;
}

heap_count::~heap_count() {
  counts = false;
}

double heap_count::allocations() {
  return static_cast<double>(made.load());
}

double heap_count::bytes() {
  return static_cast<double>(live.load());
}

double heap_count::peak_bytes() {
  return static_cast<double>(peak.load());
}

void heap_count::forget_peak() {
  peak = live.load();
}

} // namespace troupe::benchmarks
