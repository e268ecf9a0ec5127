#include <troupe/nodes/loopback.hpp>
#include <troupe/runtime/testing.hpp>
#include <troupe/troupe.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <utility>

namespace troupe::testing {
namespace {

TEST(LoopbackWorkers, EndWithTheRuntimeThatTheyWorkFor) {
  auto workers = std::make_shared<loopback_workers>(2);
  const std::weak_ptr<loopback_workers> seen = workers;
  {
    runtime_options options;
    options.log = false;
    options.placer = workers;
    virtual_runtime home(std::move(options));
    workers->serve(home);
    workers.reset();
    const auto doubled = inline_step("double", [](int x) { return 2 * x; });
    const auto live = home.deploy(doubled);
    EXPECT_EQ(live.start(21).result().output, 42);
  }
  EXPECT_TRUE(seen.expired());
}

} // namespace
} // namespace troupe::testing
