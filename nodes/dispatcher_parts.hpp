#pragma once

#include "dispatcher.hpp"

#include <unordered_set>
#include <utility>

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

struct dispatcher::worker {
  worker_number number = 0;
  node_facts facts{};
  shared_name name{};
  std::size_t in_flight = 0;
  std::vector<placement*> fits{}; ///< what it may be given work of
  std::size_t turn = 0;           ///< of these, whose turn it is when it is free
  std::unordered_set<branch_number> deployed{};
  frame_writer work{message_kind::work};
  frame_writer cancels{message_kind::cancel};
  // Gathered until one comes for another reason.
  std::shared_ptr<const failure> reason{};
  value::list_type to_cancel{};
  std::uint64_t done = 0;
  bool suspect = false;
  bool draining = false;
  bool touched = false;

  [[nodiscard]] bool is_free() const noexcept {
    return in_flight < facts.credit && !suspect && !draining;
  }
  [[nodiscard]] double load() const noexcept {
    return static_cast<double>(in_flight) / static_cast<double>(facts.credit);
  }
  void write_cancels() {
    if (to_cancel.empty()) return;
    to_cancel.front() = reason->message;
    (void)cancels.add(value::list(std::exchange(to_cancel, {})));
  }
  void touch(std::vector<worker*>& all) {
    if (!std::exchange(touched, true)) all.push_back(this);
  }
};

} // namespace troupe::nodes
