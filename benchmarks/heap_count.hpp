#pragma once

namespace troupe::benchmarks {

/// What the program allocates as long as this lives, on all threads: one at a time. Nothing is
/// counted otherwise, since that takes time.
class heap_count {
public:
  heap_count();
  ~heap_count();
  heap_count(const heap_count&) = delete;
  heap_count& operator=(const heap_count&) = delete;

  [[nodiscard]] static double allocations();
  [[nodiscard]] static double bytes(); ///< allocated and not freed
  [[nodiscard]] static double peak_bytes();
  static void forget_peak();
};

} // namespace troupe::benchmarks
