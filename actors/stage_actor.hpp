#pragma once

#include <troupe/actors/gather_scope.hpp>
#include <troupe/actors/message.hpp>
#include <troupe/actors/stage_engine.hpp>

#include <caf/actor.hpp>
#include <caf/behavior.hpp>
#include <caf/event_based_actor.hpp>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace troupe::actors {

/// The one message type between hosts: what was put into a mailbox in one turn.
struct stage_mail {
  message first;
  std::vector<message> more{};
};

/// How many actors of a system live; outlives them all.
class actor_count {
public:
  void add();
  void remove();
  void wait_for_none();

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t alive_ = 0;
};

/// The mailbox of a hosting actor. Knows the actor from its launch until it is stopped; holding the
/// mailbox longer does no harm.
class actor_mailbox : public mailbox,
                      public gatherer,
                      public std::enable_shared_from_this<actor_mailbox> {
public:
  void put(message content) override;
  void release() override;
  void open(caf::actor actor);
  /// Returns the actor, which gets nothing more from here.
  [[nodiscard]] caf::actor close();

private:
  void send_gathered();

  std::mutex mutex_;
  caf::actor actor_;
  std::vector<message> gathered_;
};

/// What a hosting actor needs; moved into it when it is launched.
struct stage_actor_state {
  std::unique_ptr<stage_engine> engine;
  /// Has the actor woken at that time; null: by a delayed message of the framework.
  std::function<void(instant)> wake_at;
  std::optional<instant> armed;
};

[[nodiscard]] caf::behavior stage_actor(caf::event_based_actor* self,
                                        std::shared_ptr<stage_actor_state> state,
                                        std::shared_ptr<actor_count> count);

/// First lines of every actor: by default one unexpected message would end its sender, and one
/// error its receiver.
void harden(caf::scheduled_actor* self);

} // namespace troupe::actors
