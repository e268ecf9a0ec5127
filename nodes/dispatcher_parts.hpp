#pragma once

#include "dispatcher.hpp"

namespace troupe::nodes {

struct dispatcher::placement {
  std::vector<std::pair<std::string, std::string>> labels;
  std::vector<std::string> step_types;
  std::string pipeline; ///< hash of a plan made in C++; empty for one that is read from a file
  std::vector<worker*> fitting;
  std::list<dispatch*> queue;
  instant lonely_since{}; ///< no worker fits since then
};

struct dispatcher::branch {
  branch_number number;
  branch_offer offer;
  std::shared_ptr<placement> wanted;
};

struct dispatcher::dispatch {
  dispatch_number number = 0;
  std::shared_ptr<branch> of{}; ///< lives as long as there is work for it
  step_request request{};
  std::shared_ptr<actors::mailbox> reply_to{};
  worker* at = nullptr;
  instant since{}; ///< it is where it is
  std::shared_ptr<const failure> cancelled{};
  usage seen{}; ///< spent so far, as far as it was told
  std::list<dispatch*>::iterator place{};
  bool is_queued = false;
};

struct dispatcher::worker {
  worker_number number = 0;
  node_facts facts{};
  shared_name name{};
  std::unordered_set<dispatch_number> in_flight{};
  std::unordered_set<branch_number> deployed{};
  frame_writer work{message_kind::work};
  frame_writer cancels{message_kind::cancel};
  std::uint64_t done = 0;
  bool suspect = false;
  bool draining = false;
  bool touched = false;

  [[nodiscard]] bool is_free() const noexcept {
    return in_flight.size() < facts.credit && !suspect && !draining;
  }
  [[nodiscard]] double load() const noexcept {
    return static_cast<double>(in_flight.size()) / static_cast<double>(facts.credit);
  }
  void touch(std::vector<worker*>& all) {
    if (!std::exchange(touched, true)) all.push_back(this);
  }
};

} // namespace troupe::nodes
