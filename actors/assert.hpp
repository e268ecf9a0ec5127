#pragma once

#include <cstdio>
#include <cstdlib>

/// Stops the process when one of our own invariants is broken.
#define TROUPE_ASSERT(condition)                                                                   \
  do {                                                                                             \
    if (!(condition)) {                                                                            \
      std::fprintf(stderr, "troupe: broken invariant: %s (%s:%d)\n", #condition, __FILE__,         \
                   __LINE__);                                                                      \
      std::abort();                                                                                \
    }                                                                                              \
  } while (false)
