#pragma once

#include "support/recording_observer.hpp"

#include <troupe/nodes/loopback.hpp>
#include <troupe/runtime/testing.hpp>

#include <gmock/gmock.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace troupe::testing {

using std::chrono_literals::operator""h;
using std::chrono_literals::operator""min;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using std::chrono_literals::operator""ns;
using std::chrono_literals::operator""us;

/// How the stages of a case are hosted.
enum class hosting {
  fused,   ///< all stages of a replica in one actor
  unfused, ///< each in its own
  remote,  ///< every step and branch on one of three workers
};

/// Runs every case in every way of hosting.
class CaseFixture : public ::testing::TestWithParam<hosting> {
protected:
  CaseFixture() : rt(options(), GetParam()) {
    if (workers) workers->serve(rt);
  }

  /// Deploys a stage and runs it once with an untyped input.
  template <class Stage>
  run_result run_once(const Stage& what, value input = {}, run_options how = {}) {
    auto live = rt.deploy(what);
    return live.start_value(std::move(input), std::move(how)).result();
  }

  /// Virtual time since the test began.
  [[nodiscard]] duration elapsed() const { return rt.now() - instant(); }

  std::shared_ptr<recording_observer> seen = std::make_shared<recording_observer>();

private:
  std::shared_ptr<loopback_workers> workers =
      GetParam() == hosting::remote ? std::make_shared<loopback_workers>(3) : nullptr;

  runtime_options options() {
    runtime_options chosen;
    chosen.placer = workers;
    chosen.random_seed = 1;
    chosen.log = false;
    chosen.observers = {seen};
    return chosen;
  }

  struct case_runtime : virtual_runtime {
    case_runtime(runtime_options chosen, hosting how)
        : virtual_runtime([&] {
            chosen.fuse_stages = how != hosting::unfused;
            return chosen;
          }()) {}
  };

protected:
  case_runtime rt;
};

inline std::string hosting_name(const ::testing::TestParamInfo<hosting>& info) {
  switch (info.param) {
  case hosting::fused: return "Fused";
  case hosting::unfused: return "Unfused";
  case hosting::remote: break;
  }
  return "Remote";
}

/// Puts a suite of cases through every way of hosting.
#define TROUPE_CASES(Suite)                                                                        \
  INSTANTIATE_TEST_SUITE_P(Hosting, Suite,                                                         \
                           ::testing::Values(::troupe::testing::hosting::fused,                    \
                                             ::troupe::testing::hosting::unfused,                  \
                                             ::troupe::testing::hosting::remote),                  \
                           ::troupe::testing::hosting_name)

inline std::vector<std::string> names_of(const std::vector<step_result>& history) {
  std::vector<std::string> names;
  for (const auto& entry : history) names.push_back(entry.name.str());
  return names;
}

} // namespace troupe::testing
