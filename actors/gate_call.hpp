#pragma once

#include <troupe/actors/stage.hpp>

namespace troupe::actors {

/// What the calls of stages that may turn a request away, or answer for it, have in common: in a
/// run that goes on after a pause, who was let in before stays let in. Otherwise what it has done
/// would neither be finished nor undone.
class gate_call : public call {
protected:
  /// `remembers` where a pause or something to undo is behind the gate.
  gate_call(const stage_ref& child, bool remembers) : child_(child), remembers_(remembers) {}

  /// Lets the request in, for good.
  void let_in();
  /// Sends it on without a leave.
  void pass_on();
  [[nodiscard]] bool was_let_in() const;
  /// True when the run only undoes what it has done, and nobody is asked any more: the request is
  /// passed on where it was let in before, and has failed where it was not.
  [[nodiscard]] bool undoes_only();

private:
  const stage_ref& child_;
  bool remembers_;
};

} // namespace troupe::actors
