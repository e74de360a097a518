#include "rule/rule_memory.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>

#include "rule/rule_fixture.h"

namespace tocsin {
namespace {

constexpr std::int64_t kMinute = 60'000'000;

NaiveEvent EventOf(std::int64_t t_us, std::optional<double> temperature,
                   std::optional<double> humidity = 50, std::optional<double> light = {}) {
  return {.device = 0,
          .device_id = "dev_0",
          .t_us = t_us,
          .metrics = {temperature, humidity, light},
          .status = "OK"};
}

// Rules with a memory, and one batch after the other.
class RuleMemoryTest : public testing::Test {
 protected:
  void Use(const std::vector<RuleSource>& texts,
           const std::vector<MetricSpec>& metrics = ThreeMetrics()) {
    std::string mistakes;
    memory_.reset();
    rules_ = RulesOf(texts, &labels_, mistakes, metrics);
    ASSERT_EQ(mistakes, "");
    memory_ = std::make_unique<RuleMemory>(rules_);
  }
  const RuleOutcome& Evaluate(std::vector<NaiveEvent> events, bool with_rejected = false) {
    events_ = std::move(events);
    table_ = std::make_unique<EventTable>(events_, with_rejected);
    return memory_->Evaluate(table_->batch, table_->batch_rows, table_->rows());
  }
  // Which rows fulfil rule 0.
  std::vector<int> Truths(std::vector<NaiveEvent> events) {
    std::vector<int> truths;
    const RuleOutcome& outcome = Evaluate(std::move(events));
    for (const std::uint64_t word : outcome.conditions) {
      truths.push_back(static_cast<int>(word & 1));
    }
    return truths;
  }
  std::string Explained(std::size_t rule, std::size_t row) const {
    std::string json;
    memory_->Explain(rule, row, json);
    return json;
  }

  using State = std::map<std::pair<std::uint32_t, std::string>, std::string>;
  State Saved() {
    State state;
    memory_->Flush(true, [&](std::uint32_t device, std::string_view key, std::string_view value) {
      if (!value.empty()) state[{device, std::string(key)}] = value;
    });
    return state;
  }
  void Load(const State& state) {
    for (const auto& [place, value] : state) {
      ASSERT_TRUE(memory_->Restore(place.first, place.second, value));
    }
    memory_->FinishRestore();
  }

  FakeLabels labels_;
  RuleSet rules_;
  std::unique_ptr<RuleMemory> memory_;
  std::vector<NaiveEvent> events_;
  std::unique_ptr<EventTable> table_;
};

TEST_F(RuleMemoryTest, TheThresholdItselfIsTrueAndANullIsNot) {
  Use({{{"temperature >= 50"}}});
  EXPECT_EQ(Truths({EventOf(1, 49.99), EventOf(2, 50), EventOf(3, {}), EventOf(4, 51)}),
            (std::vector<int>{0, 1, 0, 1}));
  Use({{{"50 <= temperature"}}});
  EXPECT_EQ(Truths({EventOf(1, 49.99), EventOf(2, 50), EventOf(3, {}), EventOf(4, 51)}),
            (std::vector<int>{0, 1, 0, 1}));
}

TEST_F(RuleMemoryTest, RejectedRowsBetweenTheRowsAreNotSeen) {
  Use({{{"temperature >= 50"}}, {{"humidity + 0 <= 25"}}});
  const RuleOutcome& outcome =
      Evaluate({EventOf(1, 49, 10), EventOf(2, 50, 30), EventOf(3, 51, 20)}, true);
  ASSERT_GT(table_->batch.size(), 3u);
  EXPECT_EQ(outcome.conditions, (std::vector<std::uint64_t>{2, 1, 3}));
}

TEST_F(RuleMemoryTest, EveryRowOfALongBatchIsJudged) {
  Use({{{"temperature >= 50"}}, {{"humidity <= 25"}}});
  std::vector<NaiveEvent> events;
  std::vector<std::uint64_t> expected;
  for (int i = 0; i < 1003; ++i) {
    events.push_back(EventOf(i, i % 100, i % 37));
    expected.push_back((i % 100 >= 50 ? 1u : 0u) | (i % 37 <= 25 ? 2u : 0u));
  }
  EXPECT_EQ(Evaluate(events).conditions, expected);
}

TEST_F(RuleMemoryTest, NullIsUnknownAndNanIsFalse) {
  Use({{{"not (light > 1)"}}});
  EXPECT_EQ(Truths({EventOf(1, 1, 1, {}), EventOf(2, 1, 1, 0)}), (std::vector<int>{0, 1}));
  Use({{{"not (light / light > 1)"}}});
  EXPECT_EQ(Truths({EventOf(1, 1, 1, {}), EventOf(2, 1, 1, 0)}), (std::vector<int>{0, 1}));
  Use({{{"light > 1 or temperature > 1"}}});
  EXPECT_EQ(Truths({EventOf(1, 2, 1, {}), EventOf(2, 1, 1, {})}), (std::vector<int>{1, 0}));
  Use({{{"temperature > 1 unless light > 1"}}});
  EXPECT_EQ(Truths({EventOf(1, 2, 1, {}), EventOf(2, 2, 1, 1), EventOf(3, 2, 1, 2)}),
            (std::vector<int>{0, 1, 0}));
}

TEST_F(RuleMemoryTest, DivisionByZeroIsInfinite) {
  Use({{{"temperature / humidity > 1000000"}}});
  EXPECT_EQ(Truths({EventOf(1, 1, 0), EventOf(2, -1, 0), EventOf(3, 0, 0)}),
            (std::vector<int>{1, 0, 0}));
}

TEST_F(RuleMemoryTest, TextsOfADeviceAreAskedOnce) {
  labels_.labels[{"dev_0", "site"}] = "north";
  Use({{{"labels.site == \"north\""}},
       {{"labels.site != \"north\""}},
       {{"labels.floor == \"1\" or labels.floor != \"1\""}},
       {{"device_id =~ \"dev_[0-9]\""}},
       {{"device_id !~ \"dev\""}}});
  const std::vector<NaiveEvent> events = {EventOf(1, 1), EventOf(2, 1), EventOf(3, 1)};
  EXPECT_EQ(Evaluate(events).conditions, (std::vector<std::uint64_t>{25, 25, 25}));
  const int asked = labels_.asked;
  EXPECT_EQ(Evaluate(events).conditions, (std::vector<std::uint64_t>{25, 25, 25}));
  EXPECT_EQ(labels_.asked, asked);
}

TEST_F(RuleMemoryTest, AStatusIsReadAtEachEvent) {
  Use({{{"status != \"OK\""}}});
  std::vector<NaiveEvent> events(5, EventOf(1, 1));
  events[1].status = "BAD";
  events[2].status = "BAD";
  events[3].status.reset();
  EXPECT_EQ(Truths(events), (std::vector<int>{0, 1, 1, 0, 0}));
}

TEST_F(RuleMemoryTest, TheLevelIsTheHighestThatIsTrue) {
  Use({{{"temperature > 10 and humidity > 10", "temperature > 20", "temperature > 30"},
        "temperature < 5"}});
  const RuleOutcome& outcome =
      Evaluate({EventOf(1, 4), EventOf(2, 11), EventOf(3, 31), EventOf(4, 21, 1), EventOf(5, {})});
  EXPECT_EQ(outcome.level[0], (std::vector<std::uint8_t>{0, 1, 3, 2, 0}));
  EXPECT_EQ(outcome.clear[0], (std::vector<std::uint8_t>{1, 0, 0, 0, 0}));
  EXPECT_EQ(outcome.conditions, (std::vector<std::uint64_t>{0, 1, 1, 1, 0}));
  EXPECT_EQ(memory_->Value(0, 2, 3), 31);
  EXPECT_EQ(memory_->Value(0, 3, 2), 21);
}

TEST_F(RuleMemoryTest, TheValueIsTheLeftSideOfTheFirstTrueComparison) {
  Use({{{"temperature > 50 or humidity < 10 or light > 0"}},
       {{"not (temperature > 50)"}},
       {{"device_id == \"dev_0\""}},
       {{"count_true(temperature > 50, 5m) >= 1"}},
       {{"consecutive(temperature * 2 > 100, 1)"}}});
  Evaluate({EventOf(1, 51, 5, 1), EventOf(2, 49, 5, 1), EventOf(3, 49, 50, {})});
  EXPECT_EQ(memory_->Value(0, 0, 1), 51);
  EXPECT_EQ(memory_->Value(0, 1, 1), 5);
  EXPECT_EQ(memory_->Value(0, 2, 0), 49);  // not true: of the first comparison
  EXPECT_TRUE(std::isnan(memory_->Value(1, 1, 1)));
  EXPECT_TRUE(std::isnan(memory_->Value(2, 0, 1)));
  EXPECT_EQ(memory_->Value(3, 0, 1), 1);
  EXPECT_EQ(memory_->Value(4, 0, 1), 102);
}

TEST_F(RuleMemoryTest, ExplainsByTheOperandsThatAreNoConstants) {
  labels_.labels[{"dev_0", "site"}] = "no\"rth";
  Use({{{"avg(temperature,5m)>30 and labels.site != \"x\" and 1 < light",
         "avg(temperature,5m) > 40"},
        "temperature - humidity < 1"},
       {{"changed(temperature)"}}});
  Evaluate({EventOf(1, 40, 5), EventOf(2, 50, 5)});
  const std::string operands =
      R"json({"avg(temperature, 5m)":45,"labels.site":"no\"rth","light":null,)json"
      R"json("temperature - humidity":45})json";
  EXPECT_EQ(Explained(0, 1), operands);
  EXPECT_EQ(Explained(1, 1), "{}");
}

TEST_F(RuleMemoryTest, ACallInsideACallSeesItsArgumentRowByRow) {
  Use({{{"count_true(temperature > avg(temperature, 5m), 10m) >= 2"}}});
  EXPECT_EQ(Truths({EventOf(1, 10), EventOf(2, 20), EventOf(3, 10), EventOf(4, 20)}),
            (std::vector<int>{0, 0, 0, 1}));
}

TEST_F(RuleMemoryTest, AConstantConditionIsEvaluatedOnce) {
  Use({{{"1 + 1 == 2"}}, {{"count_true(2 > 1, 5m) == 2"}}, {{"0 / 0 != 1"}}});
  EXPECT_EQ(Evaluate({EventOf(1, 1), EventOf(2, 1)}).conditions,
            (std::vector<std::uint64_t>{1, 3}));
}

TEST_F(RuleMemoryTest, AnAbsentDeviceIsNoticedWithoutAnEvent) {
  labels_.labels[{"dev_0", "site"}] = "north";
  Use({{{"absent(5m) and labels.site == \"north\""}},
       {{"absent(10m) and temperature > 0"}},
       {{"temperature > 1", "absent(7m)"}, "absent(6m)"}});
  EXPECT_EQ(Truths({EventOf(kMinute, 1)}), (std::vector<int>{0}));
  EXPECT_EQ(memory_->NextChange(0, kMinute), 6 * kMinute);
  EXPECT_EQ(memory_->EvaluateAt(0, 0, "dev_0", 6 * kMinute - 1).level, 0);
  EXPECT_EQ(memory_->EvaluateAt(0, 0, "dev_0", 6 * kMinute).level, 1);
  EXPECT_EQ(memory_->EvaluateAt(0, 0, "other", 6 * kMinute).level, 0);
  EXPECT_EQ(memory_->EvaluateAt(1, 0, "dev_0", 60 * kMinute).level, 0);
  const RuleMemory::AtTime at = memory_->EvaluateAt(2, 0, "dev_0", 8 * kMinute);
  EXPECT_EQ(at.level, 2);
  EXPECT_TRUE(at.clear);
  EXPECT_TRUE(std::isnan(at.value));
  EXPECT_EQ(memory_->NextChange(0, 6 * kMinute), 7 * kMinute);
  EXPECT_EQ(memory_->NextChange(0, 60 * kMinute), FunctionState::kNever);
}

TEST_F(RuleMemoryTest, StateIsOfTheCallWhateverOtherRulesThereAre) {
  Use({{{"sum(temperature, 1h) > 35"}}, {{"avg(humidity, 1h) > 1"}}});
  Evaluate({EventOf(1, 10), EventOf(2, 20)});
  const State state = Saved();
  ASSERT_FALSE(state.empty());

  Use({{{"temperature > 0 and sum(temperature,  1h) > 35"}},
       {{"max(light, 5m) > 1"}},
       {{"avg(humidity, 1h) > 1"}}});
  Load(state);
  EXPECT_FALSE(memory_->stale());
  EXPECT_EQ(Truths({EventOf(3, 6)}), (std::vector<int>{1}));
}

// Both metrics are kept together, and one of them has a history.
TEST_F(RuleMemoryTest, ARuleOverAnotherMetricLeavesTheReadingsThatThereAre) {
  const std::vector<MetricSpec> required = ThreeMetrics(true);
  Use({{{"sum(temperature, 1h) > 35"}}}, required);
  Evaluate({EventOf(1, 10), EventOf(2, 20)});
  State state = Saved();
  Use({{{"sum(temperature, 1h) > 35"}}, {{"count(humidity, 1h) == 1"}}}, required);
  Load(state);
  EXPECT_FALSE(memory_->stale());
  EXPECT_EQ(Evaluate({EventOf(3, 6)}).conditions, (std::vector<std::uint64_t>{3}));
  state = Saved();
  Use({{{"count(humidity, 1h) == 2"}}, {{"sum(temperature, 1h) == 46"}}}, required);
  Load(state);
  EXPECT_EQ(Evaluate({EventOf(4, 10)}).conditions, (std::vector<std::uint64_t>{3}));
}

TEST_F(RuleMemoryTest, StateOfACallThatNoRuleHasAnyMoreIsPassedOverAndToldOf) {
  Use({{{"sum(temperature, 1h) > 35"}}, {{"avg(humidity, 1h) > 1"}}});
  Evaluate({EventOf(1, 10), EventOf(2, 20)});
  const State state = Saved();
  Use({{{"sum(temperature, 1h) > 35"}}});
  Load(state);
  EXPECT_TRUE(memory_->stale());
  EXPECT_EQ(Truths({EventOf(3, 6)}), (std::vector<int>{1}));
}

TEST_F(RuleMemoryTest, AKeyThatCannotBeReadIsRefused) {
  Use({{{"sum(temperature, 1h) > 35"}}});
  EXPECT_FALSE(memory_->Restore(0, "", "x"));
  EXPECT_FALSE(memory_->Restore(0, "12345678", "x"));
  EXPECT_FALSE(memory_->Restore(0, "12345678\x80", "x"));
}

TEST_F(RuleMemoryTest, AnEmptyBatchHasNoRows) {
  Use({{{"temperature > 1"}}, {{"avg(temperature, 5m) > 1 and status == \"OK\""}}});
  EXPECT_TRUE(Evaluate({}).conditions.empty());
  EXPECT_EQ(Truths({EventOf(1, 2)}), (std::vector<int>{1}));
}

}  // namespace
}  // namespace tocsin
