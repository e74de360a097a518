#include "process/process_stage.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>
#include <filesystem>

#include "log/partitioner.h"
#include "model/alert_record.h"
#include "process/process_fixture.h"

namespace tocsin {
namespace {

using test::EventAt;
using test::Field;
using test::kStartUs;
using test::Must;
using test::Pipeline;
using test::ReadAll;
using Strings = std::vector<std::string>;

constexpr std::int64_t kSecond = 1'000'000;

std::string HeaderOf(const test::StoredRecord& record, std::string_view key) {
  const auto value = FindHeader(record.headers, key);
  return value ? std::string(*value) : "(none)";
}

std::uint64_t Dlq(const ProcessCounts& counts, RejectReason reason) {
  return counts.dlq[static_cast<std::size_t>(reason)];
}

// --- Processed events ---------------------------------------------------------------------------

TEST(ProcessStageTest, AProcessedEventIsTheOriginalWithAlertAndReason) {
  Pipeline pipeline;
  const std::string quiet = EventAt("dev_1", kStartUs, 20);
  const std::string both = EventAt("dev_1", kStartUs + 1, 50, 25);
  pipeline.Append({quiet, both});
  pipeline.Run();
  EXPECT_EQ(pipeline.Values("iot.processed"),
            (Strings{quiet.substr(0, quiet.size() - 1) + ",\"is_alert\":false,\"reason\":null}",
                     both.substr(0, both.size() - 1) +
                         ",\"is_alert\":true,\"reason\":\"temperature_high,humidity_low\"}"}));
}

TEST(ProcessStageTest, WhiteSpaceAroundTheObjectIsDroppedAndTheRestStays) {
  Pipeline pipeline;
  pipeline.Append(
      {" \t{ \"device_id\":\"a\\u0062\",\"timestamp\":\"2025-11-23 10:15:30\","
       "\"temperature\":1,\"humidity\":90,\"extra\":{\"x\":[1, 2]} } \r"});
  pipeline.Run();
  const auto processed = ReadAll(*pipeline.log, "iot.processed", 0);
  ASSERT_EQ(processed.size(), 1u);
  EXPECT_EQ(processed[0].value,
            "{ \"device_id\":\"a\\u0062\",\"timestamp\":\"2025-11-23 10:15:30\","
            "\"temperature\":1,\"humidity\":90,\"extra\":{\"x\":[1, 2]} "
            ",\"is_alert\":false,\"reason\":null}");
  EXPECT_EQ(processed[0].key, "ab");
  EXPECT_EQ(processed[0].headers, "");
}

TEST(ProcessStageTest, OutputsGoToThePartitionOfTheInput) {
  Pipeline pipeline(3);
  pipeline.Append({EventAt("dev_1", kStartUs, 60), "bad"}, 2);
  pipeline.Run();
  for (const char* topic : {"iot.processed", "iot.alerts", "iot.dlq"}) {
    EXPECT_EQ(pipeline.Values(topic, 0).size(), 0u) << topic;
    EXPECT_EQ(pipeline.Values(topic, 2).size(), 1u) << topic;
  }
}

TEST(ProcessStageTest, AnOutputWithAnotherNumberOfPartitionsIsKeyed) {
  Pipeline pipeline(1);
  TopicConfig config;
  config.partitions = 5;
  Must(pipeline.log->EnsureTopic("other", config));
  pipeline.settings.processed_topic = "other";
  pipeline.Append({EventAt("dev_1", kStartUs, 20), EventAt("dev_2", kStartUs, 20)});
  const auto stage =
      Must(ProcessStage::Make(pipeline.settings, pipeline.clock, pipeline.metrics, false,
                              {.input = 1, .processed = 5, .alerts = 1, .dlq = 1}));
  Must(pipeline.Run(*stage));
  for (const char* device : {"dev_1", "dev_2"}) {
    bool found = false;
    for (const auto& record : ReadAll(*pipeline.log, "other", PartitionOf(device, 5))) {
      found |= record.key == device;
    }
    EXPECT_TRUE(found) << device;
  }
}

// --- Alerts -------------------------------------------------------------------------------------

TEST(ProcessStageTest, AnAlertIsOneRecordPerTransition) {
  Pipeline pipeline;
  Strings events;
  const double temperatures[] = {20, 50, 55, 60, 49.9, 20, 51};
  for (int i = 0; i < 7; ++i) {
    events.push_back(EventAt("dev_1", kStartUs + i * kSecond, temperatures[i]));
  }
  pipeline.Append(events);
  const ProcessCounts counts = pipeline.Run();
  EXPECT_EQ(pipeline.Transitions(),
            (Strings{"firing temperature_high dev_1 1", "resolved temperature_high dev_1 3",
                     "firing temperature_high dev_1 1"}));
  EXPECT_EQ(counts.firing, 2u);
  EXPECT_EQ(counts.resolved, 1u);
  EXPECT_EQ(counts.firing_now, 1);
}

TEST(ProcessStageTest, AnAlertRecordTellsItsEpisodeAndItsSource) {
  Pipeline pipeline;
  pipeline.Append({EventAt("dev_7", kStartUs, 20), EventAt("dev_7", kStartUs + kSecond, 61.5),
                   EventAt("dev_7", kStartUs + 2 * kSecond, 10)});
  pipeline.Run();
  const auto alerts = ReadAll(*pipeline.log, "iot.alerts", 0);
  ASSERT_EQ(alerts.size(), 2u);
  const std::string& fired = alerts[0].value;
  const std::string& resolved = alerts[1].value;
  EXPECT_EQ(alerts[0].key, "dev_7");
  EXPECT_EQ(Field(fired, "id"), AlertId("temperature_high", "dev_7", kStartUs + kSecond, 1));
  EXPECT_EQ(Field(resolved, "id"), Field(fired, "id"));
  EXPECT_EQ(Field(fired, "state"), "firing");
  EXPECT_EQ(Field(fired, "status"), "ALERT");
  EXPECT_EQ(Field(fired, "reason"), "temperature_high");
  EXPECT_EQ(Field(fired, "severity"), "warning");
  EXPECT_EQ(Field(fired, "ends_at"), "null");
  EXPECT_EQ(Field(fired, "value"), "61.5");
  EXPECT_EQ(Field(fired, "offset"), "1");
  EXPECT_EQ(Field(fired, "temperature"), "61.5");
  EXPECT_EQ(Field(resolved, "status"), "OK");
  EXPECT_EQ(Field(resolved, "starts_at"), FormatTime(kStartUs + kSecond));
  EXPECT_EQ(Field(resolved, "ends_at"), FormatTime(kStartUs + 2 * kSecond));
  EXPECT_EQ(Field(resolved, "value"), "10");
  EXPECT_EQ(fired.find("latency_ms"), std::string::npos);
}

TEST(ProcessStageTest, LatenciesStandInLiveRecordsOnly) {
  Pipeline pipeline;
  pipeline.Append({EventAt("dev_7", kStartUs - 2 * kSecond, 60)});
  pipeline.clock.Advance(5000);
  const auto stage = pipeline.MakeStage(true);
  Must(pipeline.Run(*stage));
  const auto alerts = pipeline.Values("iot.alerts");
  ASSERT_EQ(alerts.size(), 1u);
  EXPECT_EQ(Field(alerts[0], "evaluation"), "5") << alerts[0];
  EXPECT_NE(alerts[0].find("\"ingest\":2000"), std::string::npos) << alerts[0];
}

TEST(ProcessStageTest, TwoRulesFireInRuleOrderAndResolveApart) {
  Pipeline pipeline;
  pipeline.Append({EventAt("d", kStartUs, 60, 10), EventAt("d", kStartUs + 1, 60, 90),
                   EventAt("d", kStartUs + 2, 10, 10)});
  pipeline.Run();
  EXPECT_EQ(pipeline.Transitions(),
            (Strings{"firing temperature_high d 1", "firing humidity_low d 1",
                     "resolved humidity_low d 1", "resolved temperature_high d 2",
                     "firing humidity_low d 1"}));
}

TEST(ProcessStageTest, DevicesDoNotDisturbEachOther) {
  Pipeline pipeline;
  pipeline.Append({EventAt("a", kStartUs, 60), EventAt("b", kStartUs + 1, 20),
                   EventAt("b", kStartUs + 2, 60), EventAt("a", kStartUs + 3, 20)});
  pipeline.Run();
  EXPECT_EQ(pipeline.Transitions(),
            (Strings{"firing temperature_high a 1", "firing temperature_high b 1",
                     "resolved temperature_high a 1"}));
}

TEST(ProcessStageTest, AnEventOutOfOrderHasItsReasonAndChangesNoAlert) {
  Pipeline pipeline;
  pipeline.Append({EventAt("d", kStartUs + 10, 60), EventAt("d", kStartUs + 5, 20),
                   EventAt("d", kStartUs + 5, 70), EventAt("d", kStartUs + 20, 10),
                   EventAt("d", kStartUs + 15, 80)});
  pipeline.Run();
  EXPECT_EQ(pipeline.Transitions(),
            (Strings{"firing temperature_high d 1", "resolved temperature_high d 1"}));
  const auto processed = pipeline.Values("iot.processed");
  ASSERT_EQ(processed.size(), 5u);
  EXPECT_EQ(Field(processed[1], "is_alert"), "false");
  EXPECT_EQ(Field(processed[2], "reason"), "temperature_high");
  EXPECT_EQ(Field(processed[4], "is_alert"), "true");
}

TEST(ProcessStageTest, ATimeEqualToTheClockIsInOrderAndEpisodesAreNumbered) {
  Pipeline pipeline;
  pipeline.Append(
      {EventAt("d", kStartUs, 60), EventAt("d", kStartUs, 20), EventAt("d", kStartUs, 60)});
  pipeline.Run();
  const auto alerts = pipeline.Values("iot.alerts");
  ASSERT_EQ(alerts.size(), 3u);
  EXPECT_EQ(Field(alerts[0], "id"), AlertId("temperature_high", "d", kStartUs, 1));
  EXPECT_EQ(Field(alerts[1], "id"), Field(alerts[0], "id"));
  EXPECT_EQ(Field(alerts[2], "id"), AlertId("temperature_high", "d", kStartUs, 2));
}

TEST(ProcessStageTest, AMissingOptionalMetricResolves) {
  Pipeline pipeline;
  pipeline.settings.metrics[0].required = false;
  pipeline.Append({EventAt("d", kStartUs, 60),
                   "{\"device_id\":\"d\",\"timestamp\":\"2025-11-23T10:15:31Z\",\"humidity\":50}"});
  pipeline.Run();
  const auto alerts = pipeline.Values("iot.alerts");
  ASSERT_EQ(alerts.size(), 2u);
  EXPECT_EQ(Field(alerts[1], "state"), "resolved");
  EXPECT_EQ(Field(alerts[1], "value"), "null");
}

TEST(ProcessStageTest, OtherMetricsHaveNoDefaultRules) {
  Pipeline pipeline;
  pipeline.settings.metrics = {
      {.name = "light", .unit = "lux", .min = 0, .max = 100000, .required = true}};
  pipeline.Append(
      {"{\"device_id\":\"d\",\"timestamp\":\"2025-11-23T10:15:30Z\",\"light\":7,"
       "\"temperature\":99}"});
  const ProcessCounts counts = pipeline.Run();
  EXPECT_EQ(counts.processed, 1u);
  EXPECT_EQ(Field(pipeline.Values("iot.processed")[0], "is_alert"), "false");
}

TEST(ProcessStageTest, EveryEventModeWritesARecordPerAlertingEvent) {
  Pipeline pipeline;
  pipeline.settings.alert_mode = AlertMode::kEveryEvent;
  pipeline.Append({EventAt("d", kStartUs, 60, 10), EventAt("d", kStartUs + 1, 60),
                   EventAt("d", kStartUs + 2, 20), EventAt("d", kStartUs + 1, 20, 5)});
  pipeline.Run();
  const auto alerts = pipeline.Values("iot.alerts");
  ASSERT_EQ(alerts.size(), 3u);
  EXPECT_EQ(Field(alerts[0], "reason"), "temperature_high,humidity_low");
  EXPECT_EQ(Field(alerts[0], "rule"), "temperature_high");
  EXPECT_EQ(Field(alerts[0], "id"), AlertId("temperature_high", "d", kStartUs, 1));
  EXPECT_EQ(Field(alerts[1], "state"), "firing");
  EXPECT_EQ(Field(alerts[2], "rule"), "humidity_low");
  EXPECT_EQ(Field(alerts[2], "starts_at"), FormatTime(kStartUs + 1));
}

// --- Dead letters -------------------------------------------------------------------------------

struct BadCase {
  std::string value;
  RejectReason reason;
};

std::vector<BadCase> BadCases() {
  const std::string good = EventAt("d", kStartUs, 20);
  const auto with = [&](std::string_view from, std::string_view to) {
    std::string text = good;
    return text.replace(text.find(from), from.size(), to);
  };
  return {{with("OK", "\xff"), RejectReason::kInvalidUtf8},
          {good + "x", RejectReason::kInvalidJson},
          {"{}", RejectReason::kMissingField},
          {"[]", RejectReason::kWrongType},
          {with("2025-11", "2025-13"), RejectReason::kBadTimestamp},
          {with(":20.0", ":999.0"), RejectReason::kOutOfRange},
          {with("\"status\":\"OK\"", "\"device_id\":\"d\""), RejectReason::kDuplicateKey},
          {with("\"status\":\"OK\"", "\"is_alert\":true"), RejectReason::kDuplicateKey},
          {with("2025-", "2026-"), RejectReason::kFutureTimestamp},
          {with("\"OK\"", "\"" + std::string(70'000, 'x') + "\""), RejectReason::kTooLarge}};
}

TEST(ProcessStageTest, EachBadRecordIsADeadLetterWithReasonPositionAndBytes) {
  Pipeline pipeline;
  const auto cases = BadCases();
  Strings values;
  for (const BadCase& bad : cases) values.push_back(bad.value);
  pipeline.Append(values);
  const ProcessCounts counts = pipeline.Run();
  const auto letters = ReadAll(*pipeline.log, "iot.dlq", 0);
  ASSERT_EQ(letters.size(), cases.size());
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const auto& letter = letters[i];
    EXPECT_EQ(HeaderOf(letter, "tocsin.reason"), RejectReasonName(cases[i].reason)) << i;
    EXPECT_EQ(HeaderOf(letter, "__connect.errors.topic"), "iot.raw");
    EXPECT_EQ(HeaderOf(letter, "__connect.errors.partition"), "0");
    EXPECT_EQ(HeaderOf(letter, "__connect.errors.offset"), std::to_string(i));
    EXPECT_EQ(HeaderOf(letter, "__connect.errors.stage"), "process");
    EXPECT_NE(HeaderOf(letter, "tocsin.message"), "");
    EXPECT_EQ(letter.key, "key");
    EXPECT_GE(Dlq(counts, cases[i].reason), 1u) << i;
    if (cases[i].reason == RejectReason::kTooLarge) {
      EXPECT_EQ(letter.value, cases[i].value.substr(0, 64 * 1024));
      EXPECT_EQ(HeaderOf(letter, "tocsin.truncated"), "true");
      EXPECT_EQ(HeaderOf(letter, "tocsin.size"), std::to_string(cases[i].value.size()));
    } else {
      EXPECT_EQ(letter.value, cases[i].value);
      EXPECT_EQ(HeaderOf(letter, "tocsin.truncated"), "(none)");
    }
  }
  EXPECT_EQ(counts.read, cases.size());
  EXPECT_EQ(counts.processed, 0u);
}

TEST(ProcessStageTest, ABadRecordDoesNotDisturbItsNeighbours) {
  Pipeline pipeline;
  pipeline.Append({EventAt("d", kStartUs, 60), "garbage", EventAt("d", kStartUs + 1, 60)});
  const ProcessCounts counts = pipeline.Run();
  EXPECT_EQ(counts.processed, 2u);
  EXPECT_EQ(Dlq(counts, RejectReason::kInvalidJson), 1u);
  EXPECT_EQ(pipeline.Transitions(), (Strings{"firing temperature_high d 1"}));
}

TEST(ProcessStageTest, ARecordWithoutKeyKeepsNone) {
  Pipeline pipeline;
  RecordBatchBuilder batch;
  batch.Append(std::nullopt, "garbage");
  const auto transaction = Must(pipeline.log->Begin());
  Must(transaction->Append({"iot.raw", 0}, batch));
  Must(transaction->Commit());
  pipeline.Run();
  EXPECT_EQ(ReadAll(*pipeline.log, "iot.dlq", 0)[0].key, std::nullopt);
}

TEST(ProcessStageTest, FutureIsMeasuredFromTheAppendTime) {
  Pipeline pipeline;
  const std::int64_t skew = pipeline.settings.max_clock_skew_us;
  pipeline.Append({EventAt("d", kStartUs + skew, 20), EventAt("d", kStartUs + skew + 1, 20)});
  pipeline.clock.Advance(3'600 * kSecond);
  const ProcessCounts counts = pipeline.Run();
  EXPECT_EQ(counts.processed, 1u);
  EXPECT_EQ(Dlq(counts, RejectReason::kFutureTimestamp), 1u);
}

TEST(ProcessStageTest, NoFutureCheckWhenTheSkewIsZero) {
  Pipeline pipeline;
  pipeline.settings.max_clock_skew_us = 0;
  pipeline.Append({EventAt("d", kStartUs + 86'400 * kSecond, 20)});
  EXPECT_EQ(pipeline.Run().processed, 1u);
}

TEST(ProcessStageTest, AFutureEventDoesNotMoveTheDevicesClock) {
  Pipeline pipeline;
  pipeline.settings.allowed_lateness_us = kSecond;
  pipeline.Append({EventAt("d", kStartUs, 20), EventAt("d", kStartUs + 86'400 * kSecond, 20),
                   EventAt("d", kStartUs + 1, 60)});
  const ProcessCounts counts = pipeline.Run();
  EXPECT_EQ(counts.processed, 2u);
  EXPECT_EQ(counts.firing, 1u);
}

TEST(ProcessStageTest, LateIsMeasuredFromTheDevicesOwnClock) {
  Pipeline pipeline;
  pipeline.settings.allowed_lateness_us = 10;
  pipeline.Append({EventAt("a", kStartUs + 100, 20), EventAt("a", kStartUs + 90, 20),
                   EventAt("a", kStartUs + 89, 20), EventAt("b", kStartUs, 20)});
  const ProcessCounts counts = pipeline.Run();
  EXPECT_EQ(counts.processed, 3u);
  EXPECT_EQ(Dlq(counts, RejectReason::kLate), 1u);
  EXPECT_EQ(HeaderOf(ReadAll(*pipeline.log, "iot.dlq", 0)[0], "tocsin.reason"), "late");
}

// --- Dedup --------------------------------------------------------------------------------------

TEST(ProcessStageTest, RepeatsAreKeptWithoutAWindow) {
  Pipeline pipeline;
  pipeline.Append({EventAt("d", kStartUs, 20), EventAt("d", kStartUs, 20)});
  const ProcessCounts counts = pipeline.Run();
  EXPECT_EQ(counts.processed, 2u);
  EXPECT_EQ(counts.duplicates, 0u);
}

TEST(ProcessStageTest, ARepeatWithinTheWindowIsCountedAndDropped) {
  Pipeline pipeline;
  pipeline.settings.dedup_window_us = 100;
  pipeline.Append({EventAt("a", kStartUs, 60), EventAt("a", kStartUs, 20),
                   EventAt("b", kStartUs, 20), EventAt("a", kStartUs + 100, 60),
                   EventAt("a", kStartUs, 60), EventAt("a", kStartUs + 101, 60),
                   EventAt("a", kStartUs, 60)});
  const ProcessCounts counts = pipeline.Run();
  EXPECT_EQ(counts.duplicates, 2u);
  EXPECT_EQ(counts.processed, 5u);
  EXPECT_EQ(counts.read, 7u);
  EXPECT_TRUE(pipeline.Values("iot.dlq").empty());
  EXPECT_EQ(pipeline.Transitions(), (Strings{"firing temperature_high a 1"}));
}

TEST(ProcessStageTest, ARejectedRowTakesNoPartInDedup) {
  Pipeline pipeline;
  pipeline.settings.dedup_window_us = 100;
  pipeline.Append({EventAt("a", kStartUs, 999), EventAt("a", kStartUs, 20)});
  const ProcessCounts counts = pipeline.Run();
  EXPECT_EQ(counts.processed, 1u);
  EXPECT_EQ(counts.duplicates, 0u);
}

// --- Counts and the crash guard -----------------------------------------------------------------

TEST(ProcessStageTest, MetricsFollowTheCounts) {
  Pipeline pipeline;
  pipeline.settings.dedup_window_us = 100;
  pipeline.Append({EventAt("d", kStartUs, 60), EventAt("d", kStartUs, 60), "bad"});
  pipeline.Run();
  EXPECT_EQ(pipeline.metrics.Get(Metric::kEventsRead), 3);
  EXPECT_EQ(pipeline.metrics.Get(Metric::kEventsProcessed), 1);
  EXPECT_EQ(pipeline.metrics.Get(Metric::kEventsDuplicate), 1);
  EXPECT_EQ(pipeline.metrics.Get(Metric::kAlertTransitions, 0), 1);
  EXPECT_EQ(pipeline.metrics.Get(Metric::kAlertsFiring), 1);
  const auto label = static_cast<std::size_t>(RejectReason::kInvalidJson) - 1;
  EXPECT_EQ(pipeline.metrics.Get(Metric::kDeadLetters, label), 1);
}

#ifdef TOCSIN_TEST_SWITCHES

TEST(ProcessStageCrashTest, ARecordThatEndsTheProcessThreeTimesIsADeadLetter) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const std::string guard = testing::TempDir() + "process_stage_crash_test.guard";
  // The children run this body too, up to their own statement.
  if (std::getenv("TOCSIN_TEST_SWITCH") == nullptr) std::filesystem::remove(guard);
  ::setenv("TOCSIN_TEST_SWITCH", "crash_on_value=poison", 1);
  Pipeline pipeline;
  Strings events;
  for (int i = 0; i < 100; ++i) events.push_back(EventAt("d", kStartUs + i, i == 40 ? 60 : 20));
  events.insert(events.begin() + 60, EventAt("poison", kStartUs, 20));
  pipeline.Append(events);
  EXPECT_EXIT(pipeline.Run(10'000, guard), testing::KilledBySignal(SIGABRT), "");
  EXPECT_EXIT(pipeline.Run(10'000, guard), testing::KilledBySignal(SIGABRT), "");
  EXPECT_EXIT(pipeline.Run(10'000, guard), testing::KilledBySignal(SIGABRT), "");
  EXPECT_EXIT(
      {
        const ProcessCounts counts = pipeline.Run(10'000, guard);
        const auto letters = ReadAll(*pipeline.log, "iot.dlq", 0);
        const bool good =
            counts.processed == 100 && letters.size() == 1 &&
            Dlq(counts, RejectReason::kProcessingError) == 1 && letters[0].value == events[60] &&
            HeaderOf(letters[0], "tocsin.reason") == "processing_error" &&
            HeaderOf(letters[0], "__connect.errors.offset") == "60" &&
            HeaderOf(letters[0], "tocsin.message").find("3 times") != std::string::npos &&
            pipeline.Transitions().size() == 2;
        std::exit(good ? 7 : 1);
      },
      testing::ExitedWithCode(7), "");
  ::unsetenv("TOCSIN_TEST_SWITCH");
  std::filesystem::remove(guard);
}

#endif

}  // namespace
}  // namespace tocsin
