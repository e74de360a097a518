#include "process/recent_times.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <set>

namespace tocsin {
namespace {

TEST(RecentTimesTest, KeepsTimesInOrderAndOnce) {
  RecentTimes recent;
  for (const std::int64_t t : {30, 10, 20, 10, 30, 40}) recent.Insert(t);
  EXPECT_TRUE(std::ranges::equal(recent.times(), std::vector<std::int64_t>{10, 20, 30, 40}));
  EXPECT_TRUE(recent.Contains(20));
  EXPECT_FALSE(recent.Contains(25));
  EXPECT_FALSE(recent.Contains(50));
}

TEST(RecentTimesTest, ForgettingNamesTheBucketsThatBecameEmpty) {
  RecentTimes recent;
  for (const std::int64_t t : {1, 2, 11, 12, 25}) recent.Insert(t);
  std::vector<std::int64_t> emptied;
  recent.ForgetBefore(12, 10, emptied);
  EXPECT_EQ(emptied, (std::vector<std::int64_t>{0}));
  recent.ForgetBefore(100, 10, emptied);
  EXPECT_EQ(emptied, (std::vector<std::int64_t>{0, 1, 2}));
  EXPECT_TRUE(recent.times().empty());
}

TEST(RecentTimesTest, BucketsOfTimesBefore1970AreRoundedDown) {
  EXPECT_EQ(RecentTimes::BucketOf(-1, 10), -1);
  EXPECT_EQ(RecentTimes::BucketOf(-10, 10), -1);
  EXPECT_EQ(RecentTimes::BucketOf(-11, 10), -2);
  EXPECT_EQ(RecentTimes::BucketOf(9, 10), 0);
}

TEST(RecentTimesTest, AgreesWithAPlainSet) {
  const bool held = rc::check([] {
    RecentTimes recent;
    std::set<std::int64_t> model;
    std::int64_t limit = -50;
    const auto steps = *rc::gen::container<std::vector<std::pair<bool, int>>>(rc::gen::pair(
        rc::gen::weightedElement<bool>({{4, true}, {1, false}}), rc::gen::inRange(0, 100)));
    for (const auto& [insert, number] : steps) {
      if (insert) {
        recent.Insert(limit + number);
        model.insert(limit + number);
      } else {
        limit += number / 5;
        std::vector<std::int64_t> emptied;
        recent.ForgetBefore(limit, 7, emptied);
        model.erase(model.begin(), model.lower_bound(limit));
        for (const std::int64_t bucket : emptied) {
          RC_ASSERT(recent.TimesOfBucket(bucket, 7).empty());
        }
      }
      RC_ASSERT(std::ranges::equal(recent.times(), model));
      for (const std::int64_t t : model) RC_ASSERT(recent.Contains(t));
    }
  });
  EXPECT_TRUE(held);
}

}  // namespace
}  // namespace tocsin
