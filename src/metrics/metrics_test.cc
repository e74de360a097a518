#include "metrics/metrics.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <thread>
#include <vector>

#include "metrics/metrics_table.h"

namespace tocsin {
namespace {

std::size_t CellsOf(const MetricDefinition& definition) {
  return std::max<std::size_t>(1, definition.label_values.size()) *
         std::max<std::size_t>(1, definition.second_values.size());
}

TEST(MetricsTableTest, LabelsMirrorTheEnumsOfTheModel) {
  ASSERT_EQ(kReasonLabels.size() + 1, kRejectReasonCount);
  for (std::size_t i = 1; i < kRejectReasonCount; ++i) {
    const auto reason = static_cast<RejectReason>(i);
    EXPECT_EQ(kReasonLabels[LabelIndex(reason)], RejectReasonName(reason));
  }
  EXPECT_EQ(kStateLabels[LabelIndex(AlertState::kFiring)], "firing");
  EXPECT_EQ(kStateLabels[LabelIndex(AlertState::kResolved)], "resolved");
}

TEST(MetricsTableTest, NamesFollowTheConventionAndAreUnique) {
  std::set<std::string_view> names;
  for (const MetricDefinition& definition : kMetricsTable) {
    EXPECT_TRUE(definition.name.starts_with("tocsin_")) << definition.name;
    EXPECT_EQ(definition.name.ends_with("_total"), definition.kind == MetricKind::kCounter)
        << definition.name;
    EXPECT_FALSE(definition.help.empty()) << definition.name;
    EXPECT_EQ(definition.label.empty(), definition.label_values.empty()) << definition.name;
    EXPECT_EQ(definition.second_label.empty(), definition.second_values.empty()) << definition.name;
    EXPECT_FALSE(definition.label.empty() && !definition.second_label.empty()) << definition.name;
    EXPECT_TRUE(names.insert(definition.name).second) << definition.name;
  }
  EXPECT_EQ(DefinitionOf(Metric::kQuarantined).name, "tocsin_stage_quarantined_records_total");
  EXPECT_EQ(DefinitionOf(Metric::kConsumerLag).kind, MetricKind::kGauge);
}

TEST(MetricsTest, KeepsEveryCellApart) {
  Metrics metrics;
  std::uint64_t next = 1;
  for (std::size_t i = 0; i < kMetricsTable.size(); ++i) {
    const std::size_t cells = CellsOf(kMetricsTable[i]);
    for (std::size_t label = 0; label < cells; ++label) {
      metrics.Add(static_cast<Metric>(i), next++, label);
    }
  }
  std::int64_t expected = 1;
  for (std::size_t i = 0; i < kMetricsTable.size(); ++i) {
    const std::size_t cells = CellsOf(kMetricsTable[i]);
    for (std::size_t label = 0; label < cells; ++label) {
      EXPECT_EQ(metrics.Get(static_cast<Metric>(i), label), expected++);
    }
  }
}

TEST(MetricsTest, APairOfLabelsIsOneCell) {
  Metrics metrics;
  const std::size_t slack = ChannelKindIndex("slack");
  metrics.Add(
      Metric::kChannelDeliveries, 3,
      PairIndex(Metric::kChannelDeliveries, slack, static_cast<std::size_t>(ChannelResult::kDead)));
  const std::string json = metrics.ToJson();
  EXPECT_NE(json.find(R"("tocsin_channel_deliveries_total{kind=\"slack\",result=\"dead\"}": 3)"),
            std::string::npos)
      << json;
  EXPECT_NE(json.find(R"("tocsin_channel_deliveries_total{kind=\"slack\",result=\"done\"}": 0)"),
            std::string::npos);
  EXPECT_NE(json.find(R"("tocsin_channel_deliveries_total{kind=\"email\",result=\"dead\"}": 0)"),
            std::string::npos);
}

TEST(MetricsTest, AKindOrResultThatDoesNotExistHasNoCell) {
  Metrics metrics;
  constexpr Metric kAttempts = Metric::kChannelAttempts;
  metrics.Add(kAttempts, 1, PairIndex(kAttempts, ChannelKindIndex("pigeon"), 0));
  metrics.Add(kAttempts, 1, PairIndex(kAttempts, 0, kSendLabels.size()));
  metrics.Set(Metric::kChannelQueued, 1, ChannelKindIndex("pigeon"));
  EXPECT_EQ(metrics.ToJson(), Metrics().ToJson());
}

TEST(MetricsTest, AddsAndSets) {
  Metrics metrics;
  metrics.Add(Metric::kEventsRead, 5);
  metrics.Add(Metric::kEventsRead, 7);
  EXPECT_EQ(metrics.Get(Metric::kEventsRead), 12);
  metrics.Set(Metric::kAlertsFiring, 3);
  metrics.Set(Metric::kAlertsFiring, 2);
  EXPECT_EQ(metrics.Get(Metric::kAlertsFiring), 2);
}

TEST(MetricsTest, IgnoresALabelThatDoesNotExist) {
  Metrics metrics;
  metrics.Add(Metric::kEventsRead, 5, 1);
  metrics.Add(Metric::kDeadLetters, 5, 11);
  metrics.Set(Metric::kAlertTransitions, 5, 2);
  EXPECT_EQ(metrics.ToJson(), Metrics().ToJson());
}

TEST(MetricsTest, JsonHasEveryCellZeroIncluded) {
  Metrics metrics;
  metrics.Add(Metric::kDeadLetters, 4, LabelIndex(RejectReason::kLate));
  const std::string json = metrics.ToJson();
  EXPECT_NE(json.find("\"tocsin_process_dead_letters_total{reason=\\\"late\\\"}\": 4"),
            std::string::npos);
  EXPECT_NE(json.find("\"tocsin_process_dead_letters_total{reason=\\\"too_large\\\"}\": 0"),
            std::string::npos);
  EXPECT_NE(json.find("\"tocsin_ingest_events_total\": 0"), std::string::npos);
}

TEST(MetricsTest, CountsFromManyThreads) {
  Metrics metrics;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int n = 0; n < 1000; ++n) metrics.Add(Metric::kLogCommits, 1);
      });
    }
  }
  EXPECT_EQ(metrics.Get(Metric::kLogCommits), 4000);
}

}  // namespace
}  // namespace tocsin
