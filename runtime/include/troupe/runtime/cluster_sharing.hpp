#pragma once

#include <troupe/actors/admission_gate.hpp>
#include <troupe/actors/breaker_guard.hpp>
#include <troupe/policies/cache.hpp>

#include <memory>

namespace troupe {

/// What the stages of a runtime share with those of other processes: asked once for each name that
/// has `scope: cluster`, from any thread that deploys. Must not call the runtime back.
class cluster_sharing {
public:
  virtual ~cluster_sharing() = default;
  virtual void add(const std::shared_ptr<actors::shared_breaker>&) {}
  virtual void add(const std::shared_ptr<actors::shared_rate_limit>&) {}
  /// Where a cache without a backend of its own keeps its entries; null: in this process.
  [[nodiscard]] virtual std::shared_ptr<cache_backend> backend_for(const cache&) { return nullptr; }
};

} // namespace troupe
