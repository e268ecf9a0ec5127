#pragma once

#include <troupe/actors/clock_source.hpp>
#include <troupe/actors/message.hpp>
#include <troupe/actors/stage_engine.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace troupe::actors {

struct stage_system_options {
  std::size_t scheduler_threads = 0; ///< 0: one per processor
};

/// The actors that host stages: makes them, lets them run, and ends them. What is behind it is
/// known to its source file alone.
class stage_system {
public:
  virtual ~stage_system() = default;

  /// An actor in the making: fill its engine, then launch it.
  struct host {
    std::shared_ptr<mailbox> box;
    stage_engine* engine;
  };
  [[nodiscard]] virtual host make_host(engine_services& services, std::uint64_t seed) = 0;
  virtual void launch(const host& made) = 0;
  /// Ends an actor; messages to it vanish from now on.
  virtual void stop(const std::shared_ptr<mailbox>& box) = 0;
  /// Waits until every actor has ended. Nothing may be launched afterwards.
  virtual void shut_down() = 0;
  [[nodiscard]] virtual std::size_t scheduler_threads() const noexcept = 0;

  /// Under virtual time: lets everything happen until `ready` holds, moving the clock when nothing
  /// else can, but not beyond `limit`. False when `ready` does not hold and nothing can ever
  /// happen, or not before `limit`.
  virtual bool drive(const std::function<bool()>& ready, instant limit) = 0;
  /// Under virtual time: names of what is waited for.
  [[nodiscard]] virtual std::vector<std::string> waiting_stages() = 0;
};

/// Actors on threads, in an actor system of their own.
[[nodiscard]] std::unique_ptr<stage_system> make_stage_system(const stage_system_options& options);
/// Actors that run only inside `drive`, on the thread that calls it.
[[nodiscard]] std::unique_ptr<stage_system> make_virtual_stage_system(virtual_time& clock);

} // namespace troupe::actors
