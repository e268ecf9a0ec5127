#pragma once

#include "cluster_cache.hpp"

#include <troupe/actors/shared_cache.hpp>

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace troupe::nodes {

/// The exchange of one coordinator; what it says waits until a test delivers it.
class exchange_node final : public shared_port {
public:
  explicit exchange_node(std::string own)
      : name(std::move(own)), memories(std::make_shared<cache_memories>()),
        exchange(*this, memories, name) {}

  void tell_other(const std::string& coordinator, frame body) override {
    say(coordinator, std::move(body));
  }

  std::string name;
  std::shared_ptr<cache_memories> memories;
  cache_exchange exchange;
  std::function<void(const std::string& to, frame body)> say;
};

/// Several coordinators and the links between them. A link that is cut loses what is under way;
/// each side learns of it when a test lets it.
class cache_cluster {
public:
  struct went {}; ///< the other side is gone
  struct came {};
  using item = std::variant<frame, went, came>;

  explicit cache_cluster(const std::vector<std::string>& names) {
    for (const auto& each : names) {
      auto& node = *nodes.emplace(each, std::make_unique<exchange_node>(each)).first->second;
      node.say = [this, from = each](const std::string& to, frame body) {
        ++frames;
        if (connected(from, to) && knows(from, to)) arriving[{from, to}].push_back(std::move(body));
      };
      linked[each] = {each};
    }
    for (const auto& each : names) {
      for (const auto& other : names)
        if (each < other) connect(each, other);
    }
    deliver_all();
  }

  void connect(const std::string& one, const std::string& other) {
    if (std::exchange(links[std::minmax(one, other)], true)) return;
    arriving[{one, other}].emplace_back(came{});
    arriving[{other, one}].emplace_back(came{});
  }
  void cut(const std::string& one, const std::string& other) {
    if (!std::exchange(links[std::minmax(one, other)], false)) return;
    for (const auto& way : {std::pair(one, other), std::pair(other, one)}) {
      std::erase_if(arriving[way], [](const item& each) { return each.index() == 0; });
      arriving[way].emplace_back(went{});
    }
  }

  /// Returns false when nothing is under way there.
  bool deliver(const std::string& from, const std::string& to) {
    auto& way = arriving[{from, to}];
    if (way.empty()) return false;
    const auto next = std::move(way.front());
    way.pop_front();
    auto& node = *nodes.at(to);
    if (const auto* body = std::get_if<frame>(&next)) {
      const auto content = read_frame(*body);
      EXPECT_TRUE(content);
      const auto why = node.exchange.take(from, *content, now);
      EXPECT_FALSE(why) << why->message;
      return true;
    }
    auto& all = linked[to];
    std::erase(all, from);
    if (std::holds_alternative<came>(next)) all.push_back(from);
    node.exchange.set_members(to, all, now);
    return true;
  }
  bool deliver_any() {
    auto any = false;
    for (const auto& [from, one] : nodes) {
      for (const auto& [to, other] : nodes) any |= deliver(from, to);
    }
    return any;
  }
  void deliver_all() {
    while (deliver_any()) {
    }
  }

  exchange_node& at(const std::string& name) { return *nodes.at(name); }
  /// A key with that home among all nodes.
  cached_key key_at_home(const std::string& home) const {
    std::vector<std::string> all;
    for (const auto& [name, node] : nodes) all.push_back(name);
    for (std::uint8_t number = 0;; ++number) {
      const cached_key made{"c", sha256(std::vector<std::uint8_t>{number})};
      if (home_among(all, made.text()) == home) return made;
    }
  }

  std::map<std::string, std::unique_ptr<exchange_node>> nodes;
  std::map<std::pair<std::string, std::string>, std::deque<item>> arriving;
  std::map<std::string, std::vector<std::string>> linked; ///< what each believes
  std::map<std::pair<std::string, std::string>, bool> links;
  std::size_t frames = 0;
  instant now = instant() + std::chrono::hours(1);

private:
  [[nodiscard]] bool connected(const std::string& one, const std::string& other) {
    return links[std::minmax(one, other)];
  }
  // Who has not yet learned that a link is gone, and back, sends into the old one.
  [[nodiscard]] bool knows(const std::string& from, const std::string& to) {
    for (const auto& each : arriving[{to, from}])
      if (each.index() != 0) return false;
    return true;
  }
};

inline cache_entry entry_of(value output, instant stored) {
  auto result = std::make_shared<step_result>();
  result->output = std::move(output);
  return {std::move(result), {}, stored};
}

} // namespace troupe::nodes
