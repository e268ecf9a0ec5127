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

/// Who works for a host: its actor, or a thread that waits for a run of it.
class turn_token {
public:
  /// False when somebody else works.
  [[nodiscard]] bool begin();
  /// The same; whoever works learns that somebody came.
  [[nodiscard]] bool begin_or_note();
  /// True when somebody came meanwhile.
  [[nodiscard]] bool end();

private:
  enum state : int { free, taken, wanted };
  std::atomic<int> state_{free};
};

struct stage_actor_state;

/// The mailbox of a hosting actor. Knows the actor from its launch until it is stopped; holding the
/// mailbox longer does no harm.
///
/// Keeps what is put into it until the actor takes it, and tells the actor once: an actor that has
/// been told, or is at work, finds everything else by itself.
class actor_mailbox : public mailbox,
                      public gatherer,
                      public std::enable_shared_from_this<actor_mailbox> {
public:
  void put(message content) override;
  void put_and_work(message content) override;
  [[nodiscard]] backlog behind() const noexcept override;
  void release() override;
  /// Exchanges what waits for the empty `into`. Once nothing waited, the actor is told again,
  /// unless it `stays` and looks by itself.
  void take(std::vector<message>& into, bool stays);
  void open(caf::actor actor, std::weak_ptr<stage_actor_state> state);
  /// Returns the actor, which gets nothing more from here.
  [[nodiscard]] caf::actor close();

private:
  void count_waiting();
  bool put_if_idle(message& content);
  void tell();

  std::mutex mutex_;
  caf::actor actor_;
  std::weak_ptr<stage_actor_state> state_; // set once, before anybody else has the mailbox
  std::vector<message> waiting_;
  std::atomic<std::uint32_t> waiting_count_{0};
  std::atomic<std::uint32_t> taken_{0};
  bool told_ = false;
  const gather_scope* noted_in_ = nullptr; // the last turn that tells the actor when it ends
};

/// What a hosting actor needs; moved into it when it is launched.
struct stage_actor_state {
  std::unique_ptr<stage_engine> engine;
  std::weak_ptr<actor_mailbox> box;
  std::vector<message> taken{};
  /// Has the actor woken at that time; null: by a delayed message of the framework.
  std::function<void(instant)> wake_at;
  std::optional<instant> armed;
  duration stay_budget{}; ///< how long it might still wait for a timer without sleeping …
  instant stayed_until{}; ///< … at that time
  turn_token turn{};      ///< who has it may use the rest
};

[[nodiscard]] caf::behavior stage_actor(caf::event_based_actor* self,
                                        std::shared_ptr<stage_actor_state> state,
                                        std::shared_ptr<actor_count> count);

/// First lines of every actor: by default one unexpected message would end its sender, and one
/// error its receiver.
void harden(caf::scheduled_actor* self);

} // namespace troupe::actors
