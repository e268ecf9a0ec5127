#pragma once

#include "redis_client.hpp"
#include "redis_server.hpp"
#include "support/recording_observer.hpp"

#include <troupe/protocol/codec.hpp>
#include <troupe/runtime/redis_cache.hpp>
#include <troupe/runtime/testing.hpp>

#include <gmock/gmock.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace troupe::testing {

using std::chrono_literals::operator""h;
using std::chrono_literals::operator""min;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

/// Caches in a server of their own, and what the server holds.
class RedisFixture : public ::testing::Test {
protected:
  /// Limits that a busy machine keeps.
  static redis_options patient() { return {.connect_limit = 20s, .command_limit = 20s}; }

  runtime_options watched() {
    runtime_options chosen;
    chosen.log = false;
    chosen.workers = 2;
    chosen.cancel_grace = 200ms;
    chosen.observers = {seen};
    return chosen;
  }

  [[nodiscard]] std::shared_ptr<cache_backend> backend() const {
    return redis_cache(server.url(), patient());
  }
  [[nodiscard]] cache named(std::string name, std::optional<duration> ttl = 1h) const {
    return {.name = std::move(name), .ttl = ttl, .backend = backend()};
  }

  /// Over the connection that the caches use: what they have sent comes before it.
  redis_answer ask(const std::vector<std::string>& words) const {
    const auto where = parse_redis_url(server.url());
    auto answer = redis_client::shared(*where, patient())->ask(redis_command(words));
    EXPECT_TRUE(answer) << answer.why().message;
    return answer ? *answer : redis_answer{};
  }
  [[nodiscard]] std::vector<std::string> keys() const {
    std::vector<std::string> all;
    for (const auto& each : ask({"KEYS", "*"}).items) all.push_back(each.text);
    return all;
  }
  [[nodiscard]] std::string only_key() const {
    const auto all = keys();
    EXPECT_EQ(all.size(), 1u);
    return all.empty() ? std::string() : all[0];
  }

  /// Makes the only entry look as if it had been stored that much earlier.
  void age(duration by) const {
    const auto key = only_key();
    const auto text = ask({"GET", key}).text;
    const auto read = decode({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
    ASSERT_TRUE(read);
    auto parts = *read->if_list();
    const auto less = std::chrono::duration_cast<std::chrono::milliseconds>(by).count();
    parts.at(2) = *parts.at(2).if_integer() - less;
    std::vector<std::uint8_t> bytes;
    ASSERT_TRUE(encode(value::list({parts.begin(), parts.end()}), bytes));
    ask({"SET", key, std::string(bytes.begin(), bytes.end()), "KEEPTTL"});
  }

  [[nodiscard]] std::vector<std::string> warnings() const {
    std::vector<std::string> all;
    for (const auto& each : seen->of(event_kind::warning)) all.push_back(each.detail);
    return all;
  }

  static bool is_hit(const any_run& run) {
    return run.result().step_history.at(0).metadata().cache_hit;
  }

  redis_server server;
  std::shared_ptr<recording_observer> seen = std::make_shared<recording_observer>();
};

} // namespace troupe::testing
