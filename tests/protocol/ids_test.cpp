#include <troupe/protocol/ids.hpp>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <set>
#include <thread>
#include <vector>

namespace troupe {
namespace {

TEST(RunId, IsNilByDefault) {
  EXPECT_TRUE(run_id().is_nil());
  EXPECT_EQ(run_id().to_string(), "00000000-0000-0000-0000-000000000000");
}

TEST(RunId, PutsTimeVersionAndVariantWhereTheStandardSays) {
  const auto id = run_id::from_parts(0x017F22E279B0, 0xCC3, 0x18C4DC0C0C07398F);

  EXPECT_EQ(id.to_string(), "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
}

TEST(RunId, CutsPartsThatAreTooLong) {
  const auto all = ~std::uint64_t{0};

  EXPECT_EQ(run_id::from_parts(all, all, all).to_string(), "ffffffff-ffff-7fff-bfff-ffffffffffff");
}

TEST(RunId, ReadsItsOwnTextInBothCases) {
  const auto id = run_id::make();
  auto upper = id.to_string();
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::toupper(letter)); });

  EXPECT_EQ(run_id::parse(id.to_string()), id);
  EXPECT_EQ(run_id::parse(upper), id);
}

TEST(RunId, RefusesEveryOtherText) {
  for (const auto* text :
       {"", "017f22e2-79b0-7cc3-98c4-dc0c0c07398", "017f22e279b07cc398c4dc0c0c07398f",
        "017f22e2-79b0-4cc3-98c4-dc0c0c07398f", "017f22e2-79b0-7cc3-18c4-dc0c0c07398f",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398g", "017f22e2-79b0-7cc3-98c4-dc0c0c07398f0",
        "017f22e2x79b0-7cc3-98c4-dc0c0c07398f"}) {
    EXPECT_EQ(run_id::parse(text), std::nullopt) << text;
  }
}

TEST(RunId, AscendsWithinOneProcess) {
  auto last = run_id::make();
  for (int i = 0; i < 10'000; ++i) {
    const auto next = run_id::make();
    ASSERT_LT(last, next);
    last = next;
  }
}

TEST(RunId, IsUniqueAcrossACopyOfTheProcess) {
  (void)run_id::make(); // what is random has been fetched before the copy
  std::array<int, 2> pipe_ends{};
  ASSERT_EQ(pipe(pipe_ends.data()), 0);
  const auto child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto id = run_id::make();
    const auto written = write(pipe_ends[1], id.bytes().data(), id.bytes().size());
    _exit(written == static_cast<ssize_t>(id.bytes().size()) ? 0 : 1);
  }
  const auto mine = run_id::make().bytes();
  auto theirs = mine;
  EXPECT_EQ(read(pipe_ends[0], theirs.data(), theirs.size()), static_cast<ssize_t>(theirs.size()));
  waitpid(child, nullptr, 0);
  close(pipe_ends[0]);
  close(pipe_ends[1]);
  // The time may differ by itself; what is random has to.
  EXPECT_FALSE(std::equal(mine.begin() + 8, mine.end(), theirs.begin() + 8));
}

TEST(RunId, IsUniqueAcrossThreads) {
  std::vector<std::vector<run_id>> made(4);
  std::vector<std::thread> threads;
  for (auto& mine : made) {
    threads.emplace_back([&mine] {
      for (int i = 0; i < 1000; ++i) mine.push_back(run_id::make());
    });
  }
  for (auto& one : threads) one.join();

  std::set<run_id> all;
  for (const auto& mine : made) {
    EXPECT_TRUE(std::is_sorted(mine.begin(), mine.end()));
    all.insert(mine.begin(), mine.end());
  }
  EXPECT_EQ(all.size(), 4000U);
}

} // namespace
} // namespace troupe
