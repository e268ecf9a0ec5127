#pragma once

#include <troupe/runtime/branch.hpp>
#include <troupe/runtime/runtime.hpp>

#include <cstddef>
#include <memory>

namespace troupe {

/// Workers inside a runtime's own process, for tests: every branch that would leave goes through
/// the whole protocol between nodes, and is worked on by the same runtime, under the same clock. So
/// what cannot travel is found without a cluster, also under virtual time.
///
///     auto workers = std::make_shared<troupe::loopback_workers>(3);
///     troupe::testing::virtual_runtime home({.placer = workers});
///     workers->serve(home);
class loopback_workers final : public stage_placer {
public:
  /// REQUIRES: `count` is at least 1.
  explicit loopback_workers(std::size_t count = 1);
  ~loopback_workers() override;

  /// Works in that runtime, the one it is the placer of. To be called before anything is deployed;
  /// the runtime must outlive every deployment, as always.
  void serve(runtime& home);
  [[nodiscard]] actors::stage_ref place(branch_offer offer) override;

private:
  class implementation;
  std::shared_ptr<implementation> implementation_;
};

} // namespace troupe
