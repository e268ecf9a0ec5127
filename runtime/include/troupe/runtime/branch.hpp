#pragma once

#include <troupe/actors/message.hpp>
#include <troupe/protocol/digest.hpp>
#include <troupe/protocol/plan.hpp>
#include <troupe/protocol/step_request.hpp>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace troupe {

/// What a plan was read from, so that another process can read it too.
struct plan_source {
  std::string file; ///< its name, for messages
  std::string text; ///< the whole workflow file
};

/// A part of a plan that is made live on its own, in this process for another one, or in another
/// one for this.
struct plan_branch {
  plan tree;
  std::string path = "0"; ///< its place in the whole plan
  std::string shown_as{}; ///< key of the branch, where it is one: the name its results carry
  /// What its `use` nodes may stand for.
  std::map<std::string, plan> pipelines{};
};

/// A branch that may work elsewhere, and what whoever takes it needs.
struct branch_offer {
  plan_branch branch;
  std::string name;                                          ///< what its results are called
  digest hash{};                                             ///< of its tree
  std::vector<std::pair<std::string, std::string>> labels{}; ///< of every `place` around it
  std::vector<std::string> step_types{};       ///< those in it that have one, each once
  bool idempotent = false;                     ///< all of its steps are: it may be done again
  std::shared_ptr<const plan_source> source{}; ///< null for plans made in C++
};

/// Decides where the branches of a runtime's deployments work. Thread-safe.
class stage_placer {
public:
  virtual ~stage_placer() = default;
  /// Returns the stage that requests for the branch go to, as long as the deployment lives; one
  /// without a host: the branch works in this process.
  [[nodiscard]] virtual actors::stage_ref place(branch_offer offer) = 0;
};

namespace detail {
class deployment_core;
}

/// A branch made live for requesters that are no runs of this runtime. Its stages live as long as
/// this object. Thread-safe.
class served_branch {
public:
  explicit served_branch(std::shared_ptr<detail::deployment_core> core) : core_(std::move(core)) {}
  /// Works on the request; the result goes to `reply_to`. `request.id` is the requester's own, and
  /// `request.run` is given.
  void open(step_request request, std::shared_ptr<actors::mailbox> reply_to) const;
  /// Asks the work on a request to stop; its result still comes.
  void cancel(request_id id, std::shared_ptr<const failure> reason,
              const actors::mailbox* requester) const;

private:
  std::shared_ptr<detail::deployment_core> core_;
};

} // namespace troupe
