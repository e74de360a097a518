#include "generate/generator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/time_text.h"
#include "model/event_parser.h"

namespace tocsin {
namespace {

constexpr std::int64_t kStartUs = 1'735'689'600'000'000;  // 2025-01-01T00:00:00Z

GeneratorOptions Options() {
  GeneratorOptions options;
  options.seed = 42;
  options.start_us = kStartUs;
  options.interval_us = 1'000'000;
  return options;
}

std::vector<std::string> Lines(Generator& generator, std::size_t calls) {
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < calls; ++i) {
    const Generator::Event event = generator.Next(std::nullopt);
    if (event.line.empty()) continue;
    EXPECT_EQ(event.sequence, lines.size());
    lines.emplace_back(event.line);
  }
  return lines;
}

std::vector<std::string> Lines(const GeneratorOptions& options, std::size_t calls) {
  return Lines(*Generator::Make(options), calls);
}

std::uint64_t Fnv1a(const std::vector<std::string>& lines) {
  std::uint64_t hash = 0xcbf29ce484222325;
  const auto add = [&hash](char c) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  };
  for (const std::string& line : lines) {
    std::ranges::for_each(line, add);
    add('\n');
  }
  return hash;
}

// One line as the pipeline's own parser sees it.
struct Parsed {
  RejectReason reject;
  std::string device;
  std::int64_t time_us = 0;
  double temperature = 0;
  double humidity = 0;
  std::string status;
};
Parsed Parse(std::string line) {
  static EventParser parser(DefaultMetrics(), EventLimits{});
  EventBatch batch(2);
  const std::size_t size = line.size();
  line.append(EventParser::kPadding, '\0');
  parser.Parse(std::string_view(line).substr(0, size), batch);
  if (batch.reject[0] != RejectReason::kNone)
    return {.reject = batch.reject[0], .device = {}, .status = {}};
  return {.reject = batch.reject[0],
          .device = std::string(batch.device_id[0]),
          .time_us = batch.time_us[0],
          .temperature = batch.metrics[0][0],
          .humidity = batch.metrics[1][0],
          .status = std::string(batch.status[0])};
}

TEST(GeneratorTest, TheSameOptionsGiveTheSameBytesOnEveryMachine) {
  EXPECT_EQ(Fnv1a(Lines(Options(), 10'000)), 15856750906761419834U);
  GeneratorOptions faulty = Options();
  std::ranges::fill(faulty.faults.rate, 0.001);
  EXPECT_EQ(Fnv1a(Lines(faulty, 10'000)), 309688971044613988U);
  GeneratorOptions other = Options();
  other.seed = 43;
  EXPECT_NE(Fnv1a(Lines(other, 10'000)), Fnv1a(Lines(Options(), 10'000)));
}

TEST(GeneratorTest, WritesTheShapeOfTheContract) {
  GeneratorOptions options = Options();
  options.temperature = {-49.5, 119.25};
  options.interval_us = 86'400'000'123;
  for (const std::string& line : Lines(options, 2000)) {
    const Parsed event = Parse(line);
    char expected[256];
    std::snprintf(expected, sizeof expected,
                  "{\"device_id\":\"%s\",\"timestamp\":\"%.26s+00:00\",\"temperature\":%.2f,"
                  "\"humidity\":%.2f,\"status\":\"%s\"}",
                  event.device.c_str(), FormatTime(event.time_us).c_str(), event.temperature,
                  event.humidity, event.status.c_str());
    EXPECT_EQ(line, expected);
  }
  options.temperature = {-0.1, 0.1};
  EXPECT_NE(Lines(options, 200)[0].find("\"temperature\":-0.0"), std::string::npos);
}

TEST(GeneratorTest, TakesTheDevicesInTurnOneIntervalApart) {
  GeneratorOptions options = Options();
  options.devices = 1234;
  const auto lines = Lines(options, 3000);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const Parsed event = Parse(lines[i]);
    EXPECT_EQ(event.device, "dev_" + std::to_string(i % 1234 + 1));
    EXPECT_EQ(event.time_us, kStartUs + static_cast<std::int64_t>(i) * 1'000'000);
  }
}

TEST(GeneratorTest, HealthyReadingsAreValidInRangeAndSomeAlert) {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    GeneratorOptions options = Options();
    options.seed = seed;
    options.interval_us = 100'000;
    std::map<std::string, int> alerts;
    const auto lines = Lines(options, 50'000);
    for (const std::string& line : lines) {
      const Parsed event = Parse(line);
      ASSERT_EQ(event.reject, RejectReason::kNone) << line;
      ASSERT_TRUE(event.temperature >= 20 && event.temperature <= 55) << line;
      ASSERT_TRUE(event.humidity >= 20 && event.humidity <= 90) << line;
      const bool alert = event.temperature >= 50 || event.humidity <= 25;
      ASSERT_EQ(event.status, alert ? "ALERT" : "OK") << line;
      if (event.temperature >= 50) ++alerts["temperature"];
      if (event.humidity <= 25) ++alerts["humidity"];
    }
    for (const char* metric : {"temperature", "humidity"}) {
      EXPECT_GT(alerts[metric], 500) << seed;
      EXPECT_LT(alerts[metric], 3000) << seed;
    }
  }
}

TEST(GeneratorTest, StatusFollowsTheConfiguredThresholds) {
  GeneratorOptions options = Options();
  options.temperature_threshold = 35.07;
  options.humidity_threshold = 10;
  int alerts = 0;
  for (const std::string& line : Lines(options, 5000)) {
    const Parsed event = Parse(line);
    EXPECT_EQ(event.status, event.temperature >= 35.07 ? "ALERT" : "OK") << line;
    alerts += event.status == "ALERT" ? 1 : 0;
  }
  EXPECT_GT(alerts, 100);
}

TEST(GeneratorTest, AfternoonsAreWarmAndDryAndNightsCoolAndDamp) {
  GeneratorOptions options = Options();
  options.interval_us = 7'000'000;
  double sums[2][2] = {};
  int counts[2] = {};
  for (const std::string& line : Lines(options, 60'000)) {
    const Parsed event = Parse(line);
    const std::int64_t hour = event.time_us / 3'600'000'000 % 24;
    if (hour % 12 != 3) continue;
    const std::size_t afternoon = hour == 15 ? 1 : 0;
    sums[afternoon][0] += event.temperature;
    sums[afternoon][1] += event.humidity;
    ++counts[afternoon];
  }
  const auto mean = [&](std::size_t when, std::size_t what) {
    return sums[when][what] / counts[when];
  };
  EXPECT_GT(mean(1, 0), mean(0, 0) + 10);
  EXPECT_LT(mean(1, 1), mean(0, 1) - 20);
}

TEST(GeneratorTest, NeighbouringReadingsAreCloseUnlikeWhiteNoise) {
  std::map<std::string, double> last;
  double steps = 0;
  int count = 0;
  for (const std::string& line : Lines(Options(), 20'000)) {
    const Parsed event = Parse(line);
    const auto before = last.find(event.device);
    if (before != last.end()) {
      steps += std::abs(event.temperature - before->second);
      ++count;
    }
    last[event.device] = event.temperature;
  }
  EXPECT_LT(steps / count, 0.6);
  EXPECT_GT(steps / count, 0.05);
}

TEST(GeneratorTest, TheWallClockDrivesTheTimesAndRepeatsNoInstantOfADevice) {
  GeneratorOptions options = Options();
  options.devices = 2;
  const auto generator = Generator::Make(options);
  std::set<std::pair<std::string, std::int64_t>> seen;
  for (const std::int64_t time :
       {kStartUs, kStartUs, kStartUs, kStartUs, kStartUs - 50, kStartUs + 9}) {
    const Parsed event = Parse(std::string(generator->Next(time).line));
    EXPECT_TRUE(seen.emplace(event.device, event.time_us).second);
    EXPECT_GE(event.time_us, kStartUs);
    EXPECT_LE(event.time_us, kStartUs + 9);
  }
}

TEST(GeneratorTest, TimesBeforeTheEpochAreWrittenRight) {
  GeneratorOptions options = Options();
  options.start_us = -1;
  EXPECT_EQ(Parse(Lines(options, 1)[0]).time_us, -1);
}

// --- Faults ------------------------------------------------------------------------------------

struct Label {
  std::string device;
  std::string fault;
  std::string metric;
  std::int64_t start_us;
  std::int64_t end_us;
  std::vector<std::size_t> events;
};

Label ReadLabel(const std::string& line) {
  const auto json = nlohmann::ordered_json::parse(line);
  std::string keys;
  for (const auto& [key, value] : json.items()) keys += key + " ";
  EXPECT_EQ(keys, "device_id fault metric start end events ");
  return {json.at("device_id"),
          json.at("fault"),
          json.at("metric").is_null() ? "" : std::string(json.at("metric")),
          ParseTime(std::string(json.at("start"))).value_or(0),
          ParseTime(std::string(json.at("end"))).value_or(0),
          json.at("events")};
}

struct FaultyRun {
  std::vector<std::string> lines;
  std::vector<Label> labels;
};

FaultyRun RunWith(Fault fault, double rate, std::size_t calls) {
  GeneratorOptions options = Options();
  options.labels = true;
  options.faults.rate[static_cast<std::size_t>(fault)] = rate;
  const auto generator = Generator::Make(options);
  FaultyRun run;
  run.lines = Lines(*generator, calls);
  for (const std::string& line : generator->TakeLabels(true)) run.labels.push_back(ReadLabel(line));
  for (const Label& label : run.labels) EXPECT_EQ(label.fault, FaultName(fault));
  return run;
}

class FaultRateTest : public testing::TestWithParam<int> {};

TEST_P(FaultRateTest, EpisodesBeginAtAboutTheirRateAndLabelsPointAtTheirDevice) {
  constexpr std::size_t kCalls = 200'000;
  const FaultyRun run = RunWith(static_cast<Fault>(GetParam()), 0.0005, kCalls);
  // At most 12 % of the readings belong to an episode, in which no other begins.
  EXPECT_GT(run.labels.size(), 70U);
  EXPECT_LT(run.labels.size(), 130U);
  std::set<std::size_t> claimed;
  for (const Label& label : run.labels) {
    EXPECT_LE(label.start_us, label.end_us);
    for (const std::size_t event : label.events) {
      ASSERT_LT(event, run.lines.size());
      EXPECT_TRUE(claimed.insert(event).second) << "event " << event << " is in two episodes";
      const Parsed parsed = Parse(run.lines[event]);
      if (parsed.reject != RejectReason::kNone) continue;
      EXPECT_EQ(parsed.device, label.device);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(EveryFault, FaultRateTest,
                         testing::Range(0, static_cast<int>(kFaultCount)), [](const auto& each) {
                           return std::string(FaultName(static_cast<Fault>(each.param)));
                         });

TEST(FaultTest, WithoutLabelsTheEventsAreTheSame) {
  GeneratorOptions options = Options();
  std::ranges::fill(options.faults.rate, 0.001);
  const auto plain = Lines(options, 20'000);
  options.labels = true;
  EXPECT_EQ(Lines(options, 20'000), plain);
}

TEST(FaultTest, HealthyReadingsAreThoseOfARunWithoutFaults) {
  const FaultyRun run = RunWith(Fault::kSpike, 0.001, 20'000);
  const auto healthy = Lines(Options(), 20'000);
  std::set<std::size_t> marked;
  for (const Label& label : run.labels) marked.insert(label.events.begin(), label.events.end());
  for (std::size_t i = 0; i < healthy.size(); ++i) {
    if (marked.contains(i)) continue;
    ASSERT_EQ(run.lines[i], healthy[i]);
  }
}

TEST(FaultTest, ASpikeJumps) {
  const FaultyRun run = RunWith(Fault::kSpike, 0.001, 50'000);
  const auto healthy = Lines(Options(), 50'000);
  for (const Label& label : run.labels) {
    EXPECT_TRUE(!label.events.empty() && label.events.size() <= 3);
    for (const std::size_t event : label.events) {
      const Parsed spiked = Parse(run.lines[event]);
      const Parsed was = Parse(healthy[event]);
      EXPECT_EQ(spiked.reject, RejectReason::kNone) << "spikes stay within the valid range";
      if (label.metric == "temperature") {
        EXPECT_GT(std::abs(spiked.temperature - was.temperature), 17);
        EXPECT_EQ(spiked.humidity, was.humidity);
      } else {
        // Half of the range, unless the valid range ends before.
        EXPECT_TRUE(std::abs(spiked.humidity - was.humidity) > 34 || spiked.humidity == 0 ||
                    spiked.humidity == 100);
        EXPECT_EQ(spiked.temperature, was.temperature);
      }
    }
  }
}

TEST(FaultTest, AStuckMetricRepeatsOneValue) {
  const FaultyRun run = RunWith(Fault::kStuck, 0.0005, 50'000);
  for (const Label& label : run.labels) {
    std::set<double> values;
    for (const std::size_t event : label.events) {
      const Parsed parsed = Parse(run.lines[event]);
      values.insert(label.metric == "temperature" ? parsed.temperature : parsed.humidity);
    }
    EXPECT_EQ(values.size(), 1U);
    EXPECT_LE(label.events.size(), 120U);
  }
  EXPECT_GT(run.labels.size(), 10U);
}

TEST(FaultTest, ADriftGrows) {
  const FaultyRun run = RunWith(Fault::kDrift, 0.0005, 50'000);
  const auto healthy = Lines(Options(), 50'000);
  int grown = 0;
  int complete = 0;
  for (const Label& label : run.labels) {
    if (label.events.size() < 50) continue;  // cut off by the end of the run
    const auto distance = [&](std::size_t event) {
      const Parsed drifted = Parse(run.lines[event]);
      const Parsed was = Parse(healthy[event]);
      return std::abs(drifted.temperature - was.temperature) +
             std::abs(drifted.humidity - was.humidity);
    };
    ++complete;
    EXPECT_LT(distance(label.events.front()), 2);
    grown += distance(label.events.back()) > 8 ? 1 : 0;
  }
  EXPECT_GT(complete, 5);
  EXPECT_GT(grown, complete * 8 / 10);  // a few are stopped by the valid range
}

TEST(FaultTest, AnOfflineDeviceIsSilentFromStartToEnd) {
  const FaultyRun run = RunWith(Fault::kOffline, 0.0005, 50'000);
  EXPECT_LT(run.lines.size(), 50'000U);
  std::map<std::string, std::set<std::int64_t>> times;
  for (const std::string& line : run.lines) {
    const Parsed event = Parse(line);
    times[event.device].insert(event.time_us);
  }
  for (const Label& label : run.labels) {
    EXPECT_TRUE(label.events.empty());
    const auto& seen = times[label.device];
    EXPECT_EQ(seen.lower_bound(label.start_us), seen.upper_bound(label.end_us));
  }
}

TEST(FaultTest, ADuplicateIsTheSameBytesAgain) {
  const FaultyRun run = RunWith(Fault::kDuplicate, 0.001, 50'000);
  std::map<std::string, std::size_t> first;
  std::set<std::size_t> repeats;
  for (std::size_t i = 0; i < run.lines.size(); ++i) {
    if (!first.emplace(run.lines[i], i).second) repeats.insert(i);
  }
  std::set<std::size_t> labelled;
  for (const Label& label : run.labels) {
    EXPECT_LE(label.events.size(), 1U);
    labelled.insert(label.events.begin(), label.events.end());
  }
  EXPECT_EQ(repeats, labelled);
  EXPECT_GT(repeats.size(), 20U);
}

TEST(FaultTest, LateEventsComeAfterNewerOnesOfTheirDevice) {
  const FaultyRun run = RunWith(Fault::kLate, 0.001, 50'000);
  std::map<std::string, std::int64_t> newest;
  std::set<std::size_t> late;
  for (std::size_t i = 0; i < run.lines.size(); ++i) {
    const Parsed event = Parse(run.lines[i]);
    auto& known = newest[event.device];
    if (event.time_us < known) late.insert(i);
    known = std::max(known, event.time_us);
  }
  std::set<std::size_t> labelled;
  for (const Label& label : run.labels) labelled.insert(label.events.begin(), label.events.end());
  EXPECT_TRUE(std::ranges::includes(labelled, late));
  EXPECT_GT(late.size(), 50U);
}

TEST(FaultTest, MalformedEventsAreExactlyTheRejectedOnesOfManyReasons) {
  const FaultyRun run = RunWith(Fault::kMalformed, 0.003, 50'000);
  std::set<std::size_t> rejected;
  std::set<RejectReason> reasons;
  for (std::size_t i = 0; i < run.lines.size(); ++i) {
    EXPECT_EQ(run.lines[i].find('\n'), std::string::npos);
    const RejectReason reason = Parse(run.lines[i]).reject;
    if (reason == RejectReason::kNone) continue;
    rejected.insert(i);
    reasons.insert(reason);
  }
  std::set<std::size_t> labelled;
  for (const Label& label : run.labels) labelled.insert(label.events.begin(), label.events.end());
  EXPECT_EQ(rejected, labelled);
  EXPECT_EQ(reasons, (std::set<RejectReason>{RejectReason::kInvalidUtf8, RejectReason::kInvalidJson,
                                             RejectReason::kMissingField, RejectReason::kWrongType,
                                             RejectReason::kBadTimestamp, RejectReason::kOutOfRange,
                                             RejectReason::kDuplicateKey}));
}

TEST(FaultTest, ASkewedClockIsMinutesToHoursOff) {
  const FaultyRun run = RunWith(Fault::kClockSkew, 0.0005, 50'000);
  const auto healthy = Lines(Options(), 50'000);
  for (const Label& label : run.labels) {
    for (const std::size_t event : label.events) {
      const std::int64_t off =
          std::abs(Parse(run.lines[event]).time_us - Parse(healthy[event]).time_us);
      EXPECT_GE(off, 600'000'000);
      EXPECT_LE(off, 21'600'000'000);
    }
  }
  EXPECT_GT(run.labels.size(), 10U);
}

TEST(ParseFaultsTest, ReadsRates) {
  const FaultRates rates = ParseFaults("spike=0.001,clock_skew=1,late=0").value();
  EXPECT_EQ(rates.rate[static_cast<std::size_t>(Fault::kSpike)], 0.001);
  EXPECT_EQ(rates.rate[static_cast<std::size_t>(Fault::kClockSkew)], 1);
  EXPECT_EQ(rates.rate[static_cast<std::size_t>(Fault::kStuck)], 0);
  EXPECT_TRUE(ParseFaults(""));
}

TEST(ParseFaultsTest, NamesTheWrongItem) {
  const auto message = [](std::string_view text) {
    const auto rates = ParseFaults(text);
    if (rates) return std::string("no error");
    EXPECT_EQ(rates.error().code(), Code::kUsage);
    return rates.error().message();
  };
  EXPECT_EQ(message("spike=0.1,spikes=0.1"),
            "--faults: 'spikes=0.1' is no known fault; did you mean spike?");
  EXPECT_EQ(message("zzzzzzzz=0.1"),
            "--faults: 'zzzzzzzz=0.1' is no known fault; there are spike stuck drift offline "
            "duplicate late malformed clock_skew");
  EXPECT_EQ(message("spike"), "--faults: 'spike' has no rate; write NAME=PROBABILITY");
  for (const char* rate : {"2", "-0.1", "nan", "", "0.1x"}) {
    EXPECT_EQ(message(std::string("late=") + rate),
              std::string("--faults: 'late=") + rate + "' must have a probability from 0 to 1");
  }
}

}  // namespace
}  // namespace tocsin
