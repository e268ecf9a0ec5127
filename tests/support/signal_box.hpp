#pragma once

#include <troupe/actors/message.hpp>

#include <utility>
#include <vector>

namespace troupe::testing {

/// A mailbox that keeps the signals it gets.
class signal_box final : public actors::mailbox {
public:
  void put(actors::message content) override {
    received.push_back(std::get<actors::signal_message>(std::move(content)));
  }

  std::vector<actors::signal_message> received;
};

} // namespace troupe::testing
