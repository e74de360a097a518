#include "offline/alert_statistics.h"

#include <gtest/gtest.h>

namespace tocsin {
namespace {

constexpr std::int64_t kMinute = 60'000'000;

Transition Make(AlertTransition kind, std::string_view device, std::int64_t starts_min,
                std::int64_t t_min, std::size_t rule = 0) {
  Transition transition;
  transition.rule = rule;
  transition.device_id = device;
  transition.instance.starts_at_us = starts_min * kMinute;
  transition.kind = kind;
  transition.t_us = t_min * kMinute;
  transition.level = 1;
  transition.value = 51;
  return transition;
}
Transition Firing(std::string_view device, std::int64_t t_min) {
  return Make(AlertTransition::kFiring, device, t_min, t_min);
}
Transition Resolved(std::string_view device, std::int64_t starts_min, std::int64_t t_min) {
  return Make(AlertTransition::kResolved, device, starts_min, t_min);
}

TEST(AlertStatisticsTest, AnEpisodeIsOneAlertAndFiresFromItsStartToItsEnd) {
  AlertStatistics statistics(1, 10, nullptr, 0);
  statistics.OnTransition(Firing("a", 10));
  statistics.OnTransition(Make(AlertTransition::kLevel, "a", 10, 12));
  statistics.OnTransition(Resolved("a", 10, 15));
  statistics.OnTransition(Firing("a", 70));
  statistics.Finish(100 * kMinute);
  const RuleStatistics rule = statistics.Rule(0);
  EXPECT_EQ(rule.alerts, 2U);
  EXPECT_EQ(rule.level_changes, 1U);
  EXPECT_EQ(rule.firing_at_end, 1U);
  EXPECT_EQ(rule.firing_us, 35 * kMinute);
  EXPECT_EQ(rule.first_us, 10 * kMinute);
  EXPECT_EQ(rule.last_us, 70 * kMinute);
  EXPECT_EQ(rule.peak_per_hour, 1U);
  EXPECT_EQ(rule.peak_hour_us, 0);
  const auto list = statistics.List();
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[0].ends_at_us, 15 * kMinute);
  EXPECT_FALSE(list[1].ends_at_us.has_value());
}

TEST(AlertStatisticsTest, TheListKeepsTheEarliestAndTheWorstDevicesAreThoseThatFireLongest) {
  AlertStatistics statistics(1, 3, nullptr, 0);
  for (std::int64_t i = 20; i > 0; --i) {
    const std::string device = "dev_" + std::to_string(i);
    statistics.OnTransition(Firing(device, i));
    statistics.OnTransition(Resolved(device, i, 2 * i));
  }
  statistics.Finish(100 * kMinute);
  const auto list = statistics.List();
  ASSERT_EQ(list.size(), 3U);
  EXPECT_EQ(list[0].device_id, "dev_1");
  EXPECT_EQ(list[2].device_id, "dev_3");
  const RuleStatistics rule = statistics.Rule(0);
  EXPECT_EQ(rule.devices, 20U);
  EXPECT_EQ(rule.peak_per_hour, 20U);
  ASSERT_EQ(rule.worst.size(), RuleStatistics::kWorstDevices);
  EXPECT_EQ(rule.worst[0].device_id, "dev_20");
  EXPECT_EQ(rule.worst[9].device_id, "dev_11");
}

TEST(AlertStatisticsTest, PartitionsMergeToTheSameAsOne) {
  const FaultLabels labels({{"a", "stuck", "", 5 * kMinute, 20 * kMinute}});
  AlertStatistics whole(1, 10, &labels, 0), first(1, 10, &labels, 0), second(1, 10, &labels, 0);
  const auto both = [&](const Transition& transition) {
    whole.OnTransition(transition);
    (transition.device_id == "a" ? first : second).OnTransition(transition);
  };
  both(Firing("a", 10));
  both(Firing("b", 11));
  both(Resolved("a", 10, 15));
  both(Firing("a", 130));
  for (AlertStatistics* each : {&whole, &first, &second}) each->Finish(200 * kMinute);
  first.Merge(second);
  const RuleStatistics a = whole.Rule(0), b = first.Rule(0);
  EXPECT_EQ(a.alerts, 3U);
  EXPECT_EQ(a.alerts, b.alerts);
  EXPECT_EQ(a.firing_us, b.firing_us);
  EXPECT_EQ(a.firing_at_end, b.firing_at_end);
  EXPECT_EQ(a.peak_per_hour, b.peak_per_hour);
  EXPECT_EQ(a.peak_hour_us, b.peak_hour_us);
  ASSERT_EQ(whole.List().size(), first.List().size());
  for (std::size_t i = 0; i < whole.List().size(); ++i) {
    EXPECT_EQ(whole.List()[i].device_id, first.List()[i].device_id);
  }
  EXPECT_EQ(first.scorer()->Table().overall.true_positives, 1U);
  EXPECT_EQ(first.scorer()->Table().overall.alerts, 3U);
}

}  // namespace
}  // namespace tocsin
