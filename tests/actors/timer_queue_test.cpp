#include <troupe/actors/timer_queue.hpp>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <vector>

namespace troupe::actors {
namespace {

instant at(std::int64_t nanoseconds) {
  return instant(duration(nanoseconds));
}

/// Takes out everything that is due, in the order it fires.
std::vector<std::uint32_t> fire_all(timer_queue& timers, instant now) {
  std::vector<std::uint32_t> fired;
  while (const auto timer = timers.first_due(now)) {
    fired.push_back(timers.at(*timer).which);
    timers.drop(*timer);
  }
  return fired;
}

TEST(TimerQueueTest, FiresInOrderOfTime) {
  timer_queue timers;
  timers.set(at(30), {1, 1}, 3, timer_queue::none);
  timers.set(at(10), {1, 1}, 1, timer_queue::none);
  timers.set(at(20), {1, 1}, 2, timer_queue::none);

  EXPECT_EQ(timers.next_due(), at(10));
  EXPECT_EQ(fire_all(timers, at(30)), (std::vector<std::uint32_t>{1, 2, 3}));
}

TEST(TimerQueueTest, FiresEqualInstantsInTheOrderTheyWereSet) {
  timer_queue timers;
  std::vector<std::uint32_t> expected;
  for (std::uint32_t which = 0; which < 100; ++which) {
    timers.set(at(5), {which, 1}, which, timer_queue::none);
    expected.push_back(which);
  }

  EXPECT_EQ(fire_all(timers, at(5)), expected);
}

TEST(TimerQueueTest, FiresNothingBeforeItsTime) {
  timer_queue timers;
  timers.set(at(10), {1, 1}, 1, timer_queue::none);

  EXPECT_FALSE(timers.first_due(at(9)));
  EXPECT_TRUE(timers.first_due(at(10)));
}

TEST(TimerQueueTest, RemembersTheListOfItsCall) {
  timer_queue timers;
  const auto first = timers.set(at(10), {4, 2}, 1, timer_queue::none);
  const auto second = timers.set(at(5), {4, 2}, 2, first);

  EXPECT_EQ(timers.at(second).call, (call_id{4, 2}));
  EXPECT_EQ(timers.drop(second), first);
  EXPECT_EQ(timers.drop(first), timer_queue::none);
  EXPECT_EQ(timers.size(), 0u);
}

TEST(TimerQueueTest, IsEmptyAtFirst) {
  const timer_queue timers;

  EXPECT_EQ(timers.next_due(), std::nullopt);
  EXPECT_FALSE(timers.first_due(no_deadline));
}

/// The same timers in a plain list.
class naive_timers {
public:
  struct entry {
    instant due;
    std::uint64_t order;
    timer_queue::handle handle;
    std::uint32_t which;
  };

  void set(instant due, timer_queue::handle handle, std::uint32_t which) {
    entries_.push_back({due, next_order_++, handle, which});
  }

  timer_queue::handle drop_number(std::size_t number) {
    const auto place = entries_.begin() + static_cast<std::ptrdiff_t>(number % entries_.size());
    const auto handle = place->handle;
    entries_.erase(place);
    return handle;
  }

  [[nodiscard]] std::vector<entry>::iterator first() {
    return std::min_element(entries_.begin(), entries_.end(), [](const auto& a, const auto& b) {
      return a.due != b.due ? a.due < b.due : a.order < b.order;
    });
  }

  std::vector<std::uint32_t> fire_all(instant now) {
    std::vector<std::uint32_t> fired;
    for (auto next = first(); next != entries_.end() && next->due <= now; next = first()) {
      fired.push_back(next->which);
      entries_.erase(next);
    }
    return fired;
  }

  [[nodiscard]] std::size_t size() const { return entries_.size(); }

private:
  std::vector<entry> entries_;
  std::uint64_t next_order_ = 0;
};

/// One thing that is done to the timers: set one, drop any one, or let time pass.
struct change {
  int what;
  int number;
};

void showValue(const change& shown, std::ostream& out) {
  out << (shown.what < 6 ? "set " : shown.what < 9 ? "drop " : "advance ") << shown.number;
}

rc::Gen<std::vector<change>> any_changes() {
  return rc::gen::container<std::vector<change>>(
      rc::gen::construct<change>(rc::gen::inRange(0, 10), rc::gen::inRange(0, 40)));
}

RC_GTEST_PROP(TimerQueueProperties, AgreesWithAPlainList, ()) {
  timer_queue timers;
  naive_timers model;
  std::int64_t now = 0;
  std::uint32_t made = 0;
  for (const auto& [what, number] : *any_changes()) {
    if (what < 6) {
      const auto due = at(now + number);
      model.set(due, timers.set(due, {made, 1}, made, timer_queue::none), made);
      ++made;
    } else if (what < 9) {
      if (model.size() > 0) timers.drop(model.drop_number(static_cast<std::size_t>(number)));
    } else {
      now += number;
      RC_ASSERT(fire_all(timers, at(now)) == model.fire_all(at(now)));
    }
    RC_ASSERT(timers.size() == model.size());
    const auto next = model.size() > 0 ? std::optional(model.first()->due) : std::nullopt;
    RC_ASSERT(timers.next_due() == next);
  }
  RC_ASSERT(fire_all(timers, no_deadline) == model.fire_all(no_deadline));
}

} // namespace
} // namespace troupe::actors
