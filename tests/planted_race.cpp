// Two actors increment one counter. Without an argument that is a data race, which ThreadSanitizer
// must report; with one the counter is atomic, and it must stay silent. Built for ThreadSanitizer
// only.
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>

#include <atomic>
#include <iostream>

namespace {

constexpr int rounds = 2'000;

struct counters {
  int plain = 0;
  std::atomic<int> atomic = 0;
  std::atomic<int> arrived = 0;

  // Both actors run at the same time from here on, each on a thread of its own; nothing in it
  // orders what one does after what the other does.
  void meet() {
    arrived.fetch_add(1, std::memory_order_relaxed);
    while (arrived.load(std::memory_order_relaxed) < 2) {
    }
  }
};

caf::behavior incrementing(caf::event_based_actor* self, counters* shared, bool atomic) {
  return {
      [=](int left) {
        if (left == rounds) shared->meet();
        if (atomic) ++shared->atomic;
        else ++shared->plain;
        if (left == 0) self->quit();
        else self->send(self, left - 1);
      },
  };
}

} // namespace

int main(int argc, char**) {
  counters shared;
  {
    caf::actor_system_config config;
    config.set("scheduler.max-threads", 2);
    caf::actor_system system{config};
    for (int i = 0; i < 2; ++i) {
      auto actor = system.spawn(incrementing, &shared, argc > 1);
      caf::anon_send(actor, rounds);
    }
    system.await_all_actors_done();
  }
  std::cout << shared.plain + shared.atomic << " increments\n";
}
