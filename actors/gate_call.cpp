#include "gate_call.hpp"

#include <troupe/actors/pauser.hpp>

namespace troupe::actors {

namespace {

run_journal::place gate_of(const stage_identity& who, const step_request& request) {
  return {path_of(who, request), 1};
}

} // namespace

void gate_call::let_in() {
  const auto& journal = request().run->journal;
  if (remembers_ && journal) {
    auto leave = std::make_shared<step_result>();
    leave->name = identity().name;
    journal->record(gate_of(identity(), request()), {std::move(leave)});
  }
  pass_on();
}

void gate_call::pass_on() {
  send(0, child_, request());
}

bool gate_call::was_let_in() const {
  if (!remembers_) return false;
  const auto& journal = request().run->journal;
  return journal && journal->find(gate_of(identity(), request()));
}

bool gate_call::undoes_only() {
  const auto& given_up = request().run->given_up;
  if (!remembers_ || !given_up || request().shielded) return false;
  if (was_let_in()) pass_on();
  else fail(*given_up);
  return true;
}

} // namespace troupe::actors
