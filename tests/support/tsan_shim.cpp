// Linked only into programs built with -fsanitize=thread, which must export their symbols. Debian's
// CAF is not instrumented, so ThreadSanitizer cannot see that a mailbox hands a message from one
// thread to another. These functions take the place of CAF's own: each forwards to the original and
// tells the sanitizer which actor was left or entered.
//
// The mangled names, and the offset in the thunk, belong to CAF 0.17.6 on amd64. The test
// planted_race notices when they no longer fit.
#include <caf/all.hpp>
#include <dlfcn.h>

#include <cstddef>
#include <utility>

#if CAF_VERSION / 100 != 17 || !defined(__x86_64__)
#error "the names below belong to CAF 0.17 on amd64"
#endif

extern "C" void __tsan_acquire(void* address);
extern "C" void __tsan_release(void* address);

#define TROUPE_ENQUEUE                                                                             \
  "7enqueueESt10unique_ptrINS_15mailbox_elementENS_6detail8disposerEEPNS_14execution_unitE"
#define TROUPE_SCHEDULED_ENQUEUE "_ZN3caf15scheduled_actor" TROUPE_ENQUEUE
#define TROUPE_BLOCKING_ENQUEUE "_ZN3caf14blocking_actor" TROUPE_ENQUEUE
#define TROUPE_BLOCKING_DEQUEUE "_ZN3caf14blocking_actor7dequeueEv"
#define TROUPE_BLOCKING_VISIT "_ZN3caf14blocking_actor15mailbox_visitorclERNS_15mailbox_elementE"
#define TROUPE_REACTIVATE "_ZN3caf15scheduled_actor10reactivateERNS_15mailbox_elementE"
#define TROUPE_LAUNCH "_ZN3caf15scheduled_actor6launchEPNS_14execution_unitEbb"
#define TROUPE_RESUME "_ZThn160_N3caf15scheduled_actor6resumeEPNS_14execution_unitEm"

namespace {

using element = caf::mailbox_element_ptr;

/// From the subobject that the scheduler knows to the actor it is part of.
constexpr std::ptrdiff_t resumable_offset = 160;

template <class Function>
Function original(const char* symbol) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, symbol));
}

} // namespace

extern "C" {

void troupe_scheduled_enqueue(caf::scheduled_actor*, element,
                              caf::execution_unit*) asm(TROUPE_SCHEDULED_ENQUEUE);
void troupe_blocking_enqueue(caf::blocking_actor*, element,
                             caf::execution_unit*) asm(TROUPE_BLOCKING_ENQUEUE);
element troupe_blocking_dequeue(caf::blocking_actor*) asm(TROUPE_BLOCKING_DEQUEUE);
int troupe_blocking_visit(void**, caf::mailbox_element&) asm(TROUPE_BLOCKING_VISIT);
int troupe_reactivate(caf::scheduled_actor*, caf::mailbox_element&) asm(TROUPE_REACTIVATE);
void troupe_launch(caf::scheduled_actor*, caf::execution_unit*, bool, bool) asm(TROUPE_LAUNCH);
int troupe_resume(char*, caf::execution_unit*, std::size_t) asm(TROUPE_RESUME);

void troupe_scheduled_enqueue(caf::scheduled_actor* self, element message,
                              caf::execution_unit* unit) {
  static const auto next = original<decltype(&troupe_scheduled_enqueue)>(TROUPE_SCHEDULED_ENQUEUE);
  __tsan_release(self);
  next(self, std::move(message), unit);
}

void troupe_blocking_enqueue(caf::blocking_actor* self, element message,
                             caf::execution_unit* unit) {
  static const auto next = original<decltype(&troupe_blocking_enqueue)>(TROUPE_BLOCKING_ENQUEUE);
  __tsan_release(self);
  next(self, std::move(message), unit);
}

element troupe_blocking_dequeue(caf::blocking_actor* self) {
  static const auto next = original<decltype(&troupe_blocking_dequeue)>(TROUPE_BLOCKING_DEQUEUE);
  auto message = next(self);
  __tsan_acquire(self);
  return message;
}

int troupe_blocking_visit(void** visitor, caf::mailbox_element& message) {
  static const auto next = original<decltype(&troupe_blocking_visit)>(TROUPE_BLOCKING_VISIT);
  __tsan_acquire(visitor[0]); // its first member is the actor
  const auto result = next(visitor, message);
  __tsan_release(visitor[0]);
  return result;
}

int troupe_reactivate(caf::scheduled_actor* self, caf::mailbox_element& message) {
  static const auto next = original<decltype(&troupe_reactivate)>(TROUPE_REACTIVATE);
  __tsan_acquire(self);
  const auto result = next(self, message);
  __tsan_release(self);
  return result;
}

void troupe_launch(caf::scheduled_actor* self, caf::execution_unit* unit, bool lazy, bool hide) {
  static const auto next = original<decltype(&troupe_launch)>(TROUPE_LAUNCH);
  __tsan_release(self);
  next(self, unit, lazy, hide);
}

int troupe_resume(char* resumable, caf::execution_unit* unit, std::size_t max_throughput) {
  static const auto next = original<decltype(&troupe_resume)>(TROUPE_RESUME);
  auto* self = resumable - resumable_offset;
  __tsan_acquire(self);
  const auto result = next(resumable, unit, max_throughput);
  __tsan_release(self);
  return result;
}

} // extern "C"
