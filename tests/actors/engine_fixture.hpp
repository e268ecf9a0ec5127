#pragma once

#include "support/simulated_hosts.hpp"

#include <troupe/actors/message.hpp>
#include <troupe/actors/stage.hpp>
#include <troupe/actors/stage_engine.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace troupe::actors {

/// One host without an actor, and somebody who asks its stages.
struct EngineFixture : ::testing::Test {
  static std::shared_ptr<stage_identity> identity(const std::string& name) {
    auto made = std::make_shared<stage_identity>();
    made->name = name;
    return made;
  }

  start_message order(std::uint64_t number, std::uint32_t stage, value input = {}) {
    step_request request;
    request.id = request_id{number};
    request.input = std::move(input);
    request.run =
        std::make_shared<run_scope>(run_id::from_parts(1, 2, number), "", instant(), usage_limit{});
    request.meter = request.run->meter();
    return {stage, request, asker};
  }
  void start(std::uint64_t number, std::uint32_t stage, value input = {}) {
    world.at(0).box->put(order(number, stage, std::move(input)));
  }
  void cancel(std::uint64_t number) {
    const auto why = std::make_shared<const failure>(failure{failure_kind::cancelled, "enough"});
    world.at(0).box->put(cancel_message{{request_id{number}, why}, asker.get()});
  }

  const step_result& only_result(std::uint64_t number) {
    EXPECT_EQ(asker->results[number].size(), 1u);
    if (asker->results[number].empty()) asker->results[number].emplace_back();
    return asker->results[number][0];
  }

  void expect_idle() {
    EXPECT_EQ(engine.open_calls(), 0u);
    EXPECT_FALSE(engine.next_timer());
  }

  testing::simulated_hosts world{1, 1};
  stage_engine& engine = *world.at(0).engine;
  std::shared_ptr<testing::simulated_requester> asker =
      std::make_shared<testing::simulated_requester>();
};

} // namespace troupe::actors
