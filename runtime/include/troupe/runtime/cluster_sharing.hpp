#pragma once

#include <troupe/actors/admission_gate.hpp>
#include <troupe/actors/breaker_guard.hpp>

#include <memory>

namespace troupe {

/// Told of what the stages of a runtime share with those of other processes: once for each name
/// that has `scope: cluster`. Called from any thread that deploys; must not call the runtime back.
class cluster_sharing {
public:
  virtual ~cluster_sharing() = default;
  virtual void add(const std::shared_ptr<actors::shared_breaker>& shared) = 0;
  virtual void add(const std::shared_ptr<actors::shared_rate_limit>& shared) = 0;
};

} // namespace troupe
