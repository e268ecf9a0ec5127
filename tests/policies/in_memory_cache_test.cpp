#include <troupe/policies/cache.hpp>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <thread>

namespace troupe {
namespace {

using namespace std::chrono_literals;

digest key_of(int number) {
  const std::array<std::uint8_t, 1> byte{static_cast<std::uint8_t>(number)};
  return sha256(byte);
}

cache_entry holding(value output) {
  auto result = std::make_shared<step_result>();
  result->output = std::move(output);
  return {.result = std::move(result)};
}

class InMemoryCache : public testing::Test {
protected:
  static void put(cache_backend& backend, int key, value output = {}) {
    backend.put(key_of(key), holding(std::move(output)), std::nullopt, instant{});
  }
  static bool has(cache_backend& backend, int key) {
    return backend.get(key_of(key), instant{}) != nullptr;
  }
};

TEST_F(InMemoryCache, ReturnsWhatWasStored) {
  in_memory_cache backend;
  put(backend, 1, "one");
  put(backend, 2);

  EXPECT_EQ(backend.get(key_of(1), instant{})->result->output, value("one"));
  EXPECT_TRUE(backend.get(key_of(2), instant{})->result->output.is_null());
  EXPECT_FALSE(has(backend, 3));
  EXPECT_EQ(backend.size(), 2U);
}

TEST_F(InMemoryCache, SaysHowLongAnEntryIsKept) {
  in_memory_cache backend;
  backend.put(key_of(1), holding("one"), 5s, instant{} + 1s);
  put(backend, 2);

  EXPECT_EQ(backend.look(key_of(1), instant{}).drop_at, instant{} + 6s);
  EXPECT_EQ(backend.look(key_of(2), instant{}).drop_at, std::nullopt);
  EXPECT_EQ(backend.look(key_of(3), instant{}).entry, nullptr);
}

TEST_F(InMemoryCache, ReplacesAnEntryOfTheSameKey) {
  in_memory_cache backend;
  put(backend, 1, "old");
  put(backend, 1, "new");

  EXPECT_EQ(backend.size(), 1U);
  EXPECT_EQ(backend.evictions(), 0U);
  EXPECT_EQ(backend.get(key_of(1), instant{})->result->output, value("new"));
}

TEST_F(InMemoryCache, DropsTheLeastRecentlyUsedEntryFirst) {
  in_memory_cache backend(2);
  put(backend, 1);
  put(backend, 2);
  EXPECT_TRUE(has(backend, 1));
  put(backend, 3);

  EXPECT_TRUE(has(backend, 1));
  EXPECT_FALSE(has(backend, 2));
  EXPECT_EQ(backend.evictions(), 1U);
}

TEST_F(InMemoryCache, StaysWithinItsBytes) {
  in_memory_cache backend(100, 30'000);
  for (int i = 0; i < 10; ++i) put(backend, i, std::string(10'000, 'x'));

  EXPECT_EQ(backend.size(), 2U);
  EXPECT_LE(backend.bytes(), 30'000U);
  EXPECT_TRUE(has(backend, 9));
  EXPECT_EQ(backend.evictions(), 8U);
}

TEST_F(InMemoryCache, StoresNothingThatIsLargerThanAllItsRoom) {
  in_memory_cache backend(100, 5'000);
  put(backend, 1, "small");
  put(backend, 2, "small");
  put(backend, 1, std::string(10'000, 'x'));

  EXPECT_FALSE(has(backend, 1)) << "neither the new entry nor the outdated one";
  EXPECT_TRUE(has(backend, 2));
}

TEST_F(InMemoryCache, CountsChangesOfTheContextAndHistories) {
  in_memory_cache backend;
  auto entry = holding("x");
  entry.changes.emplace_back("blob", std::string(10'000, 'x'));
  backend.put(key_of(1), entry, std::nullopt, instant{});
  EXPECT_GE(backend.bytes(), 10'000U);

  auto composite = std::make_shared<step_result>();
  composite->step_history.push_back({.output = std::string(50'000, 'x')});
  backend.put(key_of(2), {.result = composite}, std::nullopt, instant{});
  EXPECT_GE(backend.bytes(), 60'000U);
}

TEST_F(InMemoryCache, DropsWhatIsTooOldWhenItIsAskedForIt) {
  in_memory_cache backend;
  backend.put(key_of(1), holding(1), 10s, instant{1h});

  EXPECT_NE(backend.get(key_of(1), instant{1h} + 10s - 1ns), nullptr);
  EXPECT_EQ(backend.size(), 1U);
  EXPECT_NE(backend.get(key_of(1), instant{1h} + 10s), nullptr) << "once more, to be counted";
  EXPECT_EQ(backend.size(), 0U);
  EXPECT_EQ(backend.get(key_of(1), instant{1h} + 10s), nullptr);
  EXPECT_EQ(backend.evictions(), 0U);
}

TEST_F(InMemoryCache, ForgetsOneEntryOrAll) {
  in_memory_cache backend;
  for (int i = 0; i < 3; ++i) put(backend, i);

  EXPECT_TRUE(backend.erase(key_of(1)));
  EXPECT_FALSE(backend.erase(key_of(1)));
  EXPECT_TRUE(has(backend, 0));
  EXPECT_FALSE(has(backend, 1));
  EXPECT_EQ(backend.size(), 2U);
  backend.clear();
  EXPECT_EQ(backend.size(), 0U);
  EXPECT_EQ(backend.bytes(), 0U);
  EXPECT_FALSE(has(backend, 0));
}

TEST_F(InMemoryCache, ServesSeveralThreads) {
  in_memory_cache backend(10);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&backend, i] {
      for (int call = 0; call < 2'000; ++call) {
        put(backend, (call + i) % 20, call);
        (void)has(backend, call % 20);
        if (call % 100 == 0) backend.clear();
      }
    });
  for (auto& thread : threads) thread.join();

  EXPECT_LE(backend.size(), 10U);
}

RC_GTEST_PROP(InMemoryCacheModel, BehavesLikeAListSortedByUse, ()) {
  const auto room = *rc::gen::inRange<std::size_t>(1, 5);
  in_memory_cache backend(room);
  std::vector<std::pair<int, int>> by_use; // most recent first
  const auto find = [&](int key) {
    return std::find_if(by_use.begin(), by_use.end(),
                        [&](const auto& item) { return item.first == key; });
  };
  for (const auto step : *rc::gen::container<std::vector<int>>(100, rc::gen::inRange(0, 3'000))) {
    const auto key = step % 8;
    const auto known = find(key);
    if (step % 3 == 0) {
      backend.put(key_of(key), holding(step), std::nullopt, instant{});
      if (known != by_use.end()) by_use.erase(known);
      by_use.insert(by_use.begin(), {key, step});
      if (by_use.size() > room) by_use.pop_back();
    } else if (step % 3 == 1) {
      const auto entry = backend.get(key_of(key), instant{});
      RC_ASSERT((entry != nullptr) == (known != by_use.end()));
      if (!entry) continue;
      RC_ASSERT(entry->result->output == value(known->second));
      std::rotate(by_use.begin(), known, known + 1);
    } else if (step % 10 == 0) {
      RC_ASSERT(backend.erase(key_of(key)) == (known != by_use.end()));
      if (known != by_use.end()) by_use.erase(known);
    }
    RC_ASSERT(backend.size() == by_use.size());
  }
}

} // namespace
} // namespace troupe
