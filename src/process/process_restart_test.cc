#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include "model/alert_record.h"
#include "process/process_fixture.h"

// The stream processor against a model that keeps everything and knows neither batches nor
// restarts, and restarts in every place.
namespace tocsin {
namespace {

using test::EventAt;
using test::Field;
using test::kStartUs;
using test::Must;
using test::Pipeline;
using Strings = std::vector<std::string>;

struct Reading {
  int device = 0;
  std::int64_t t = 0;
  double temperature = 0;
  double humidity = 0;
  bool garbage = false;

  std::string Text() const {
    if (garbage) return "not json";
    return EventAt("dev_" + std::to_string(device), kStartUs + t, temperature, humidity);
  }
};

struct Outcome {
  Strings processed;  // is_alert and reason, in order
  Strings alerts;     // what a record says of its episode, in order
  Strings letters;    // offsets with reasons
  std::uint64_t duplicates = 0;
  bool operator==(const Outcome&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Outcome& outcome) {
  for (const auto* part : {&outcome.processed, &outcome.alerts, &outcome.letters}) {
    for (const std::string& line : *part) out << line << '\n';
    out << "--\n";
  }
  return out << outcome.duplicates;
}

// --- The model ----------------------------------------------------------------------------------

struct Episode {
  bool firing = false;
  std::int64_t starts = -1;
  int number = 0;
  int count = 0;
};

struct ModelDevice {
  bool seen = false;
  std::int64_t clock = 0;
  std::set<std::int64_t> times;
  Episode episodes[2];
};

std::string AlertText(bool firing, int rule, int device, const Episode& episode,
                      std::int64_t offset) {
  const char* const name = rule == 0 ? "temperature_high" : "humidity_low";
  const std::string id = "dev_" + std::to_string(device);
  std::ostringstream text;
  text << (firing ? "firing " : "resolved ") << name << ' ' << id << ' '
       << AlertId(name, id, kStartUs + episode.starts, static_cast<std::uint32_t>(episode.number))
       << ' ' << FormatTime(kStartUs + episode.starts) << ' ' << episode.count << ' ' << offset;
  return text.str();
}

void ModelAlerts(const Reading& reading, const bool (&conditions)[2], std::int64_t offset,
                 ModelDevice& device, Outcome& outcome) {
  for (int rule = 0; rule < 2; ++rule) {
    Episode& episode = device.episodes[rule];
    if (conditions[rule]) {
      if (!episode.firing) {
        episode.number = episode.starts == reading.t ? episode.number + 1 : 1;
        episode.starts = reading.t;
        episode.count = 0;
      }
      ++episode.count;
      if (!episode.firing) {
        outcome.alerts.push_back(AlertText(true, rule, reading.device, episode, offset));
      }
      episode.firing = true;
    } else if (episode.firing) {
      episode.firing = false;
      outcome.alerts.push_back(AlertText(false, rule, reading.device, episode, offset));
    }
  }
}

Outcome Model(const std::vector<Reading>& readings, std::int64_t lateness, std::int64_t window) {
  Outcome outcome;
  std::map<int, ModelDevice> devices;
  for (std::size_t i = 0; i < readings.size(); ++i) {
    const Reading& reading = readings[i];
    const auto offset = static_cast<std::int64_t>(i);
    if (reading.garbage) {
      outcome.letters.push_back(std::to_string(i) + " invalid_json");
      continue;
    }
    ModelDevice& device = devices[reading.device];
    if (device.seen && lateness > 0 && reading.t < device.clock - lateness) {
      outcome.letters.push_back(std::to_string(i) + " late");
      continue;
    }
    if (device.seen && window > 0 && reading.t >= device.clock - window &&
        device.times.contains(reading.t)) {
      ++outcome.duplicates;
      continue;
    }
    const bool in_order = !device.seen || reading.t >= device.clock;
    // A time that is older than the window when it comes is not remembered.
    if (in_order || reading.t >= device.clock - window) device.times.insert(reading.t);
    device.clock = in_order ? reading.t : device.clock;
    device.seen = true;
    const bool conditions[2] = {reading.temperature >= 50, reading.humidity <= 25};
    if (in_order) ModelAlerts(reading, conditions, offset, device, outcome);
    const std::string reason = std::string(conditions[0] ? "temperature_high" : "") +
                               (conditions[0] && conditions[1] ? "," : "") +
                               (conditions[1] ? "humidity_low" : "");
    outcome.processed.push_back(reading.Text().substr(0, 60) + ' ' +
                                (reason.empty() ? "false null" : "true " + reason));
  }
  return outcome;
}

// --- What the stage wrote -----------------------------------------------------------------------

Outcome Written(Pipeline& pipeline, std::uint64_t duplicates) {
  Outcome outcome;
  outcome.duplicates = duplicates;
  for (const std::string& event : pipeline.Values("iot.processed")) {
    outcome.processed.push_back(event.substr(0, 60) + ' ' + Field(event, "is_alert") + ' ' +
                                Field(event, "reason"));
  }
  for (const std::string& alert : pipeline.Values("iot.alerts")) {
    outcome.alerts.push_back(Field(alert, "state") + ' ' + Field(alert, "rule") + ' ' +
                             Field(alert, "device_id") + ' ' + Field(alert, "id") + ' ' +
                             Field(alert, "starts_at") + ' ' + Field(alert, "event_count") + ' ' +
                             Field(alert, "offset"));
  }
  for (const auto& letter : test::ReadAll(*pipeline.log, "iot.dlq", 0)) {
    outcome.letters.push_back(
        std::string(FindHeader(letter.headers, "__connect.errors.offset").value_or("")) + ' ' +
        std::string(FindHeader(letter.headers, "tocsin.reason").value_or("")));
  }
  return outcome;
}

Strings Texts(const std::vector<Reading>& readings, std::size_t from, std::size_t to) {
  Strings texts;
  for (std::size_t i = from; i < to; ++i) texts.push_back(readings[i].Text());
  return texts;
}

std::vector<Reading> SomeReadings() {
  return {{.device = 1, .t = 10, .temperature = 60, .humidity = 50},
          {.device = 2, .t = 11, .temperature = 20, .humidity = 10},
          {.device = 1, .t = 12, .temperature = 61, .humidity = 20},
          {.device = 1, .t = 9, .temperature = 10, .humidity = 90},
          {.device = 2, .t = 11, .temperature = 20, .humidity = 10},
          {.garbage = true},
          {.device = 2, .t = 12, .temperature = 20, .humidity = 90},
          {.device = 2, .t = 12, .temperature = 20, .humidity = 5},
          {.device = 1, .t = 12, .temperature = 61, .humidity = 20},
          {.device = 1, .t = 40, .temperature = 10, .humidity = 90},
          {.device = 1, .t = 5, .temperature = 90, .humidity = 90},
          {.device = 1, .t = 41, .temperature = 70, .humidity = 90}};
}

TEST(ProcessRestartTest, ARestartAfterAnyRecordChangesNothing) {
  const auto readings = SomeReadings();
  for (const std::int64_t window : {0, 16}) {
    const Outcome expected = Model(readings, 0, window);
    for (std::size_t cut = 0; cut <= readings.size(); ++cut) {
      Pipeline pipeline;
      pipeline.settings.dedup_window_us = window;
      pipeline.Append(Texts(readings, 0, cut));
      std::uint64_t duplicates = pipeline.Run().duplicates;
      pipeline.Append(Texts(readings, cut, readings.size()));
      duplicates += pipeline.Run().duplicates;
      EXPECT_EQ(Written(pipeline, duplicates), expected) << "cut at " << cut;
    }
  }
}

TEST(ProcessRestartTest, ASnapshotHoldsTheSameAsTheDeltas) {
  const auto readings = SomeReadings();
  const Outcome expected = Model(readings, 0, 16);
  Pipeline pipeline;
  pipeline.settings.dedup_window_us = 16;
  std::uint64_t duplicates = 0;
  for (std::size_t i = 0; i < readings.size(); ++i) {
    pipeline.Append(Texts(readings, i, i + 1));
    duplicates += pipeline.Run().duplicates;
    // What the runner does when the deltas are long.
    const auto stage = pipeline.MakeStage();
    Must(stage->Restore(0, [&](const Stage::StateVisitor& visit) {
      return pipeline.log->ReadState("process", 0, visit);
    }));
    Collector collector;
    collector.RequestSnapshot(0);
    Must(stage->Flush(collector));
    const auto transaction = Must(pipeline.log->Begin());
    Must(collector.MoveInto(*transaction, "process"));
    Must(transaction->Commit());
  }
  EXPECT_EQ(Written(pipeline, duplicates), expected);
}

TEST(ProcessRestartTest, AnotherDedupWindowAfterARestartIsTakenUp) {
  Pipeline pipeline;
  pipeline.settings.dedup_window_us = 1000;
  pipeline.Append({EventAt("d", kStartUs, 20), EventAt("d", kStartUs + 500, 20)});
  pipeline.Run();
  pipeline.settings.dedup_window_us = 600;
  pipeline.Append({EventAt("d", kStartUs, 20), EventAt("d", kStartUs + 550, 20)});
  EXPECT_EQ(pipeline.Run().duplicates, 1u);
  pipeline.settings.dedup_window_us = 0;
  pipeline.Append({EventAt("d", kStartUs + 550, 20), EventAt("d", kStartUs + 551, 20)});
  EXPECT_EQ(pipeline.Run().processed, 2u);
  // The times that no window needs are gone with the next commit.
  Strings keys;
  Must(pipeline.log->ReadState(
      "process", 0, [&](std::string_view key, std::string_view) { keys.emplace_back(key); }));
  EXPECT_EQ(keys, (Strings{"dd"}));
}

TEST(ProcessRestartTest, AnInstanceOfARuleThatNoLongerExistsIsResolved) {
  Pipeline pipeline;
  pipeline.Append({EventAt("d", kStartUs, 60, 10)});
  EXPECT_EQ(pipeline.Run().firing_now, 2);
  pipeline.settings.metrics.erase(pipeline.settings.metrics.begin());
  pipeline.Append({EventAt("d", kStartUs + 1, 20, 90)});
  const ProcessCounts counts = pipeline.Run();
  EXPECT_EQ(counts.resolved, 2u);
  EXPECT_EQ(Field(pipeline.Values("iot.alerts")[2], "cause"), "rule_removed");
  EXPECT_EQ(counts.firing_now, 0);
}

TEST(ProcessRestartTest, DamagedStateStopsTheRunAndNamesTheDevice) {
  Pipeline pipeline;
  const auto transaction = Must(pipeline.log->Begin());
  transaction->PutState("process", 0, "ddev_9", "\x07nonsense");
  Must(transaction->Commit());
  pipeline.Append({EventAt("d", kStartUs, 20)});
  const auto stage = pipeline.MakeStage();
  const Status status = pipeline.Run(*stage);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), Code::kDataLoss);
  EXPECT_NE(status.error().message().find("dev_9"), std::string::npos);
}

TEST(ProcessRestartTest, AnyEventsInAnyBatchesWithAnyRestartsFollowTheModel) {
  const bool held = rc::check([] {
    const auto reading = rc::gen::build<Reading>(
        rc::gen::set(&Reading::device, rc::gen::inRange(0, 3)),
        rc::gen::set(&Reading::t,
                     rc::gen::map(rc::gen::inRange(0, 12), [](int t) { return std::int64_t{t}; })),
        rc::gen::set(&Reading::temperature, rc::gen::element(20.0, 49.5, 50.0, 60.0)),
        rc::gen::set(&Reading::humidity, rc::gen::element(10.0, 25.0, 26.0, 80.0)),
        rc::gen::set(&Reading::garbage, rc::gen::weightedElement<bool>({{9, false}, {1, true}})));
    auto readings = *rc::gen::container<std::vector<Reading>>(reading);
    // Times drift upwards, so that all of order, disorder and forgetting happen.
    for (std::size_t i = 0; i < readings.size(); ++i) {
      readings[i].t += static_cast<std::int64_t>(i / 2);
    }
    const std::int64_t lateness = *rc::gen::element<std::int64_t>(0, 3, 8);
    const std::int64_t window = *rc::gen::element<std::int64_t>(0, 1, 5, 16);
    Pipeline pipeline;
    pipeline.settings.allowed_lateness_us = lateness;
    pipeline.settings.dedup_window_us = window;
    std::uint64_t duplicates = 0;
    for (std::size_t from = 0; from < readings.size();) {
      const std::size_t to = std::min(readings.size(), from + *rc::gen::inRange<std::size_t>(1, 8));
      pipeline.Append(Texts(readings, from, to));
      from = to;
      if (*rc::gen::inRange(0, 3) != 0) {
        duplicates += pipeline.Run(*rc::gen::inRange<std::size_t>(1, 6)).duplicates;
      }
    }
    duplicates += pipeline.Run().duplicates;
    std::ostringstream got, wanted;
    got << Written(pipeline, duplicates);
    wanted << Model(readings, lateness, window);
    RC_ASSERT(got.str() == wanted.str());
  });
  EXPECT_TRUE(held);
}

}  // namespace
}  // namespace tocsin
