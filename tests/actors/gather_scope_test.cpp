#include <troupe/actors/gather_scope.hpp>

#include <gtest/gtest.h>

#include <memory>

namespace troupe::actors {
namespace {

struct counting final : gatherer {
  void release() override {
    ++released;
    inside_a_turn = gather_scope::current() != nullptr;
  }
  int released = 0;
  bool inside_a_turn = false;
};

TEST(gather_scope, releases_what_was_noted_when_the_turn_ends) {
  const auto noted = std::make_shared<counting>();
  EXPECT_EQ(gather_scope::current(), nullptr);
  {
    gather_scope turn;
    EXPECT_EQ(gather_scope::current(), &turn);
    turn.note(noted);
    EXPECT_EQ(noted->released, 0);
  }
  EXPECT_EQ(noted->released, 1);
  EXPECT_FALSE(noted->inside_a_turn) << "what is released passes things on at once";
  EXPECT_EQ(gather_scope::current(), nullptr);
}

TEST(gather_scope, leaves_everything_to_the_outermost) {
  const auto noted = std::make_shared<counting>();
  {
    gather_scope outer;
    {
      const gather_scope inner;
      gather_scope::current()->note(noted);
    }
    EXPECT_EQ(noted->released, 0);
    EXPECT_EQ(gather_scope::current(), &outer);
  }
  EXPECT_EQ(noted->released, 1);
}

} // namespace
} // namespace troupe::actors
