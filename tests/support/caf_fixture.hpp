#pragma once

#include <troupe/actors/caf_interop.hpp>
#include <troupe/runtime/runtime.hpp>

#include <caf/all.hpp>
#include <gtest/gtest.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace troupe::testing {

/// Something that happens, and can be waited for.
class event_flag {
public:
  void raise() {
    const std::scoped_lock lock(mutex_);
    ++times_;
    changed_.notify_all();
  }
  void wait(int times = 1) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return times_ >= times; });
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int times_ = 0;
};

/// An actor system of the user's, and a runtime that lives in it.
class CafFixture : public ::testing::Test {
protected:
  ~CafFixture() override {
    rt.reset();
    for (auto& each : kept_) caf::anon_send_exit(each, caf::exit_reason::user_shutdown);
    kept_.clear();
  }

  /// Ends the actor with the test.
  caf::actor keep(caf::actor made) {
    kept_.push_back(made);
    return made;
  }

  /// Ends an actor and waits until it has.
  void end(const caf::actor& ended) {
    caf::scoped_actor self(system);
    self->send_exit(ended, caf::exit_reason::user_shutdown);
    self->wait_for(ended);
  }

  static step<value, value> actor_step(const caf::actor& worker) {
    return async_step<value, value>("by an actor", actors::actor_function(worker));
  }

  template <class Stage>
  run_result run_once(const Stage& what, value input = {}, run_options how = {}) {
    return rt->deploy(what).start_value(std::move(input), std::move(how)).result();
  }

private:
  struct config : caf::actor_system_config {
    config() {
      set("scheduler.max-threads", std::size_t{2});
      set("scheduler.max-throughput", std::size_t{300});
    }
  };
  static runtime_options options() {
    runtime_options chosen;
    chosen.log = false;
    chosen.cancel_grace = std::chrono::milliseconds(200);
    return chosen;
  }
  config config_;
  std::vector<caf::actor> kept_;

protected:
  caf::actor_system system{config_};
  std::unique_ptr<runtime> rt =
      std::make_unique<runtime>(options(), actors::make_stage_system(system));
};

} // namespace troupe::testing
