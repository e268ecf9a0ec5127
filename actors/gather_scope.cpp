#include <troupe/actors/gather_scope.hpp>

#include <utility>

namespace troupe::actors {

namespace {

thread_local gather_scope* current_scope = nullptr;

} // namespace

gather_scope::gather_scope() : outermost_(current_scope == nullptr) {
  if (outermost_) current_scope = this;
}

gather_scope::~gather_scope() {
  if (!outermost_) return;
  current_scope = nullptr;
  for (const auto& each : std::exchange(noted_, {})) each->release();
}

gather_scope* gather_scope::current() noexcept {
  return current_scope;
}

} // namespace troupe::actors
