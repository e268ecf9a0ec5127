#pragma once

#include <troupe/actors/shared_cache.hpp>
#include <troupe/actors/stage.hpp>

#include <memory>

namespace troupe::actors {

/// Answers from its cache what it can; what it cannot, its child computes once, however many ask.
struct cache_keeper {
  stage_ref child;
  std::shared_ptr<shared_cache> shared;
  digest definition;      ///< of everything inside the cache
  cache options;          ///< of this place
  bool remembers = false; ///< who was let in before a pause
};

[[nodiscard]] std::unique_ptr<stage> make_stage(std::shared_ptr<stage_identity> identity,
                                                cache_keeper parts);

} // namespace troupe::actors
