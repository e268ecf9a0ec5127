#include <troupe/actors/fifo.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <utility>

namespace troupe::actors {
namespace {

/// Takes the oldest.
template <class T>
T take(fifo<T>& line) {
  auto first = std::move(line.front());
  line.drop();
  return first;
}

TEST(fifo, gives_back_in_order_however_much_comes_in_between) {
  fifo<std::unique_ptr<int>> line;
  EXPECT_TRUE(line.empty());
  auto pushed = 0;
  auto popped = 0;
  for (auto round = 0; round < 20'000; ++round) {
    line.push(std::make_unique<int>(pushed++));
    line.push(std::make_unique<int>(pushed++));
    ASSERT_EQ(*take(line), popped++);
  }
  while (!line.empty()) ASSERT_EQ(*take(line), popped++);
  EXPECT_EQ(popped, pushed);
  line.push(std::make_unique<int>(-1));
  EXPECT_EQ(*take(line), -1);
}

TEST(fifo, keeps_nothing_of_what_was_taken) {
  fifo<std::shared_ptr<int>> line;
  const auto watched = std::make_shared<int>(1);
  line.push(watched);
  line.push(nullptr);
  EXPECT_EQ(take(line), watched);
  EXPECT_EQ(watched.use_count(), 1);
}

TEST(fifo, leaves_the_oldest_where_it_is_while_others_come) {
  fifo<int> line;
  line.push(7);
  const auto& first = line.front();
  for (auto more = 0; more < 1'000; ++more) line.push(more);
  EXPECT_EQ(&line.front(), &first);
  EXPECT_EQ(first, 7);
}

TEST(fifo, ends_what_nobody_took) {
  const auto watched = std::make_shared<int>(1);
  {
    fifo<std::shared_ptr<int>> line;
    for (auto each = 0; each < 100; ++each) line.push(watched);
    line.drop();
    EXPECT_EQ(watched.use_count(), 100);
  }
  EXPECT_EQ(watched.use_count(), 1);
}

TEST(place_table, leaves_everything_where_it_is) {
  place_table<std::unique_ptr<int>> table;
  table.add_place();
  table[0] = std::make_unique<int>(7);
  const auto* first = &table[0];
  for (auto more = 0; more < 1'000; ++more) table.add_place();
  EXPECT_EQ(&table[0], first);
  EXPECT_EQ(**first, 7);
  EXPECT_EQ(table.size(), 1'001u);
  EXPECT_EQ(std::as_const(table)[1'000], nullptr);
}

} // namespace
} // namespace troupe::actors
