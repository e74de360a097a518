#include "offline/scoring.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>

namespace tocsin {
namespace {

constexpr std::int64_t kMinute = 60'000'000;

FaultLabel Label(std::string device, std::string fault, std::int64_t from_min,
                 std::int64_t to_min) {
  return {std::move(device), std::move(fault), "", from_min * kMinute, to_min * kMinute};
}

AlertEpisode Episode(std::size_t rule, std::string_view device, std::int64_t from_min,
                     std::int64_t to_min) {
  return {rule, device, from_min * kMinute, to_min * kMinute};
}

TEST(ScoringTest, AnEpisodeIsTrueWhenItOverlapsAFaultOfItsDeviceOrTheGraceAfterIt) {
  const FaultLabels labels({Label("a", "stuck", 10, 20), Label("b", "spike", 10, 10)});
  Scorer scorer(labels, 1, 5 * kMinute);
  scorer.Add(Episode(0, "a", 12, 13));
  scorer.Add(Episode(0, "a", 25, 30));  // begins at the last moment of the grace
  scorer.Add(Episode(0, "a", 26, 30));  // one minute too late
  scorer.Add(Episode(0, "a", 1, 9));    // too early
  scorer.Add(Episode(0, "c", 12, 13));  // another device
  const ScoreTable table = scorer.Table();
  EXPECT_EQ(table.overall.alerts, 5U);
  EXPECT_EQ(table.overall.true_positives, 2U);
  EXPECT_DOUBLE_EQ(table.overall.Precision(), 0.4);
  EXPECT_EQ(table.overall.faults, 2U);
  EXPECT_EQ(table.overall.detected, 1U);
  EXPECT_DOUBLE_EQ(table.overall.Recall(), 0.5);
  EXPECT_DOUBLE_EQ(table.overall.F1(), 2 * 0.4 * 0.5 / 0.9);
}

TEST(ScoringTest, TheDelayRunsFromTheFaultToItsEarliestEpisode) {
  const FaultLabels labels(
      {Label("a", "stuck", 10, 20), Label("a", "stuck", 40, 50), Label("a", "drift", 100, 110)});
  Scorer scorer(labels, 2, 0);
  scorer.Add(Episode(0, "a", 18, 19));
  scorer.Add(Episode(1, "a", 14, 19));
  scorer.Add(Episode(1, "a", 35, 45));  // fires already when the fault begins
  scorer.Add(Episode(1, "a", 101, 102));
  const ScoreTable table = scorer.Table();
  EXPECT_EQ(table.by_fault.at("stuck").delay_median_us, 0);
  EXPECT_EQ(table.by_fault.at("stuck").delay_p90_us, 4 * kMinute);
  EXPECT_EQ(table.by_rule[0].delay_median_us, 8 * kMinute);
  EXPECT_EQ(table.overall.delay_median_us, 1 * kMinute);
  EXPECT_EQ(table.by_both[1].at("drift").detected, 1U);
  EXPECT_EQ(table.by_both[0].at("drift").detected, 0U);
}

TEST(ScoringTest, NothingToDivideByIsNoNumber) {
  const FaultLabels labels;
  const ScoreTable table = Scorer(labels, 1, 0).Table();
  EXPECT_TRUE(std::isnan(table.overall.Precision()));
  EXPECT_TRUE(std::isnan(table.overall.Recall()));
  EXPECT_TRUE(std::isnan(table.overall.F1()));
}

TEST(ScoringTest, MergedPartsScoreAsTheWhole) {
  rc::check("split over two scorers", [] {
    const auto minute = rc::gen::inRange(0, 60);
    std::vector<FaultLabel> labels;
    for (int i = *rc::gen::inRange(0, 8); i > 0; --i) {
      const int from = *minute;
      labels.push_back(Label(*rc::gen::element<std::string>("a", "b"),
                             *rc::gen::element<std::string>("x", "y"), from,
                             from + *rc::gen::inRange(0, 20)));
    }
    const FaultLabels index(labels);
    Scorer whole(index, 2, 3 * kMinute), first(index, 2, 3 * kMinute),
        second(index, 2, 3 * kMinute);
    std::uint64_t expected = 0;
    for (int i = *rc::gen::inRange(0, 20); i > 0; --i) {
      const int from = *minute;
      const int to = from + *rc::gen::inRange(0, 10);
      const auto episode = Episode(static_cast<std::size_t>(*rc::gen::inRange(0, 2)),
                                   *rc::gen::element<std::string_view>("a", "b"), from, to);
      whole.Add(episode);
      (episode.device_id == "a" ? first : second).Add(episode);
      expected += std::ranges::any_of(labels, [&](const FaultLabel& label) {
        return label.device_id == episode.device_id && label.start_us <= episode.ends_at_us &&
               episode.starts_at_us <= label.end_us + 3 * kMinute;
      });
    }
    first.Merge(second);
    const ScoreTable a = whole.Table(), b = first.Table();
    RC_ASSERT(a.overall.true_positives == expected);
    RC_ASSERT(a.overall.true_positives == b.overall.true_positives);
    RC_ASSERT(a.overall.detected == b.overall.detected);
    RC_ASSERT(a.overall.delay_p90_us == b.overall.delay_p90_us);
    RC_ASSERT(a.by_rule[1].detected == b.by_rule[1].detected);
    RC_ASSERT(a.by_fault.size() == b.by_fault.size());
  });
}

TEST(FaultLabelsTest, ReadsTheLinesOfTheGeneratorAndNamesAWrongOne) {
  const auto labels = FaultLabels::Parse(
      R"({"device_id":"dev_1","fault":"stuck","metric":"humidity","start":"2025-01-01T00:00:00Z","end":"2025-01-01T00:01:00Z","events":[1,2]})"
      "\n\n"
      R"({"device_id":"dev_1","fault":"offline","metric":null,"start":"2025-01-01T00:02:00Z","end":"2025-01-01T00:02:00Z","events":[]})",
      "labels.jsonl");
  ASSERT_TRUE(labels.has_value()) << labels.error().message();
  ASSERT_EQ(labels->all().size(), 2U);
  EXPECT_EQ(labels->all()[0].metric, "humidity");
  EXPECT_EQ(labels->all()[1].metric, "");
  EXPECT_EQ(labels->all()[0].end_us - labels->all()[0].start_us, kMinute);

  const auto message = [](std::string_view text) {
    return FaultLabels::Parse(text, "l").error().message();
  };
  EXPECT_EQ(message("\nnot json"), "l:2: a label is one JSON object a line");
  EXPECT_EQ(message(R"({"device_id":"a"})"), "l:1: `fault` must be a string, and it is missing");
  EXPECT_EQ(message(R"({"device_id":"a","fault":"f","start":"soon","end":"2025-01-01T00:00:00Z"})"),
            "l:1: `start` is 'soon'; a time is written like 2025-01-01T00:00:00Z");
  EXPECT_EQ(
      message(
          R"({"device_id":"a","fault":"f","start":"2025-01-02T00:00:00Z","end":"2025-01-01T00:00:00Z"})"),
      "l:1: `end` is before `start`");
}

}  // namespace
}  // namespace tocsin
