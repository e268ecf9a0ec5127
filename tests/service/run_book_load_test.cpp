#include "service_fixture.hpp"

#include <condition_variable>
#include <mutex>
#include <thread>

namespace troupe::testing {
namespace {

using service::run_book;
using ::testing::IsEmpty;

/// Follows a run to its end as a viewer does; the status it ended with.
std::string follow(const run_book& book, const run_id& run) {
  std::mutex mutex;
  std::condition_variable news;
  bool told = false;
  const auto viewer = book.follow(run, 0);
  viewer->on_news([&] {
    const std::scoped_lock lock(mutex);
    told = true;
    news.notify_all();
  });
  for (std::uint64_t seen = 0;;) {
    const auto page = viewer->take(10);
    for (const auto& each : page.events) EXPECT_EQ(each.seq, ++seen);
    if (!page.ended.empty()) return page.ended;
    if (!page.events.empty()) continue;
    std::unique_lock lock(mutex);
    news.wait(lock, [&] { return std::exchange(told, false); });
  }
}

/// One of those who use a book at the same time.
void use(run_book& book, int number) {
  for (int n = 0; n < 20; ++n) {
    const auto* file = (n + number) % 3 == 0 ? echo_file : n % 3 == 1 ? hang_file : ask_file;
    const auto run = book.submit(of(file, value(n)));
    ASSERT_TRUE(run) << run.why().message;
    (void)book.why(*run);
    if (file == hang_file) {
      EXPECT_TRUE(book.cancel(*run));
    }
    const auto status = follow(book, *run);
    if (file == ask_file) {
      EXPECT_EQ(status, "paused");
      const auto accepted =
          n % 2 == 0 ? book.resume(*run, value(true)).has_value() : book.cancel(*run).has_value();
      EXPECT_TRUE(accepted);
      EXPECT_EQ(follow(book, *run), n % 2 == 0 ? "completed" : "cancelled");
    }
    EXPECT_FALSE(book.result(*run).is_null());
    (void)book.list({.limit = 5});
    (void)book.watch();
  }
}

TEST(RunBookUnderLoad, LosesNoRun) {
  constexpr int users = 8;
  const auto log = std::make_shared<service::run_log>();
  runtime home(told_to(log));
  run_book book(home, log, watched_by_hand());
  {
    std::vector<std::jthread> all;
    for (int number = 0; number < users; ++number) {
      all.emplace_back([&book, number] { use(book, number); });
    }
  }

  const auto counts = book.counts();
  EXPECT_EQ(counts.submitted, 20U * users);
  EXPECT_EQ(counts.completed + counts.cancelled, 20U * users);
  EXPECT_EQ(counts.running + counts.paused, 0U);
  EXPECT_EQ(counts.kept, 20U * users);
  EXPECT_THAT(book.list({.status = run_status::running}).runs, IsEmpty());
}

TEST(RunBookUnderLoad, ForgetsRunsWhileOthersLookAtThem) {
  const auto log =
      std::make_shared<service::run_log>(service::run_log_options{.max_bytes = 50'000});
  runtime home(told_to(log));
  run_book book(home, log, watched_by_hand({.max_kept = 3}));
  {
    std::vector<std::jthread> all;
    for (int number = 0; number < 6; ++number) {
      all.emplace_back([&book] {
        for (int n = 0; n < 50; ++n) {
          const auto run = book.submit(of(echo_file, value(n)));
          ASSERT_TRUE(run);
          const auto viewer = book.follow(*run, 0);
          for (const auto& each : book.list({.limit = 10}).runs) {
            (void)book.result(each.id);
            (void)book.events(each.id, 0, 10);
          }
          (void)viewer->take(100);
        }
      });
    }
  }

  while (book.counts().running > 0) std::this_thread::yield();
  EXPECT_EQ(book.counts().kept, 3U);
  EXPECT_EQ(book.counts().forgotten, 297U);
  EXPECT_LT(log->bytes(), 50'000U);
}

} // namespace
} // namespace troupe::testing
