#pragma once

#include "http_client.hpp"

#include <gmock/gmock.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace troupe {

/// Collects what a client answers.
class answers {
public:
  http_client::done expect() {
    return [this](outcome<http_reply> reply) {
      const std::lock_guard lock(mutex_);
      received_.push_back(std::move(reply));
      threads_.insert(std::this_thread::get_id());
      changed_.notify_all();
    };
  }

  bool wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20),
                             [&] { return received_.size() >= count; });
  }

  std::vector<outcome<http_reply>> received() {
    const std::lock_guard lock(mutex_);
    return received_;
  }

  std::size_t threads() {
    const std::lock_guard lock(mutex_);
    return threads_.size();
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<outcome<http_reply>> received_;
  std::set<std::thread::id> threads_;
};

/// A client, and verbs to use it.
class HttpClient : public ::testing::Test {
protected:
  static http_call to(std::string url) {
    http_call call;
    call.url = std::move(url);
    return call;
  }

  /// Makes one call and waits for its end.
  outcome<http_reply> ask(http_call call) {
    answers all;
    client.start(std::move(call), all.expect());
    if (!all.wait_for(1)) return failure{failure_kind::unclassified, "the test waited too long"};
    return all.received().front();
  }

  http_client client;
};

inline void expect_failure(const outcome<http_reply>& reply, failure_kind kind,
                           const std::string& part) {
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.why().kind, kind) << reply.why().message;
  EXPECT_THAT(reply.why().message, ::testing::HasSubstr(part));
}

} // namespace troupe
