#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/time_text.h"
#include "config/settings.h"
#include "log_backends/memory_log.h"
#include "metrics/metrics.h"
#include "process/process_stage.h"
#include "stage/runner.h"
#include "stage/test_log.h"

// For tests of the stream processor: a memory log with its topics, events as text, and runs of the
// stage to the end of the log.
namespace tocsin::test {

inline constexpr std::int64_t kStartUs = 1'763'892'930'000'000;  // 2025-11-23T10:15:30Z

inline std::string EventAt(std::string_view device, std::int64_t t_us, double temperature,
                           double humidity = 50) {
  return "{\"device_id\":\"" + std::string(device) + "\",\"timestamp\":\"" + FormatTime(t_us) +
         "\",\"temperature\":" + std::to_string(temperature) +
         ",\"humidity\":" + std::to_string(humidity) + ",\"status\":\"OK\"}";
}

// The text of a member of a flat JSON object; empty when it is not there.
inline std::string Field(std::string_view json, std::string_view name) {
  const std::string quoted = "\"" + std::string(name) + "\":";
  const std::size_t at = json.find(quoted);
  if (at == std::string_view::npos) return "";
  std::string_view rest = json.substr(at + quoted.size());
  if (rest.starts_with('"')) return std::string(rest.substr(1, rest.find('"', 1) - 1));
  return std::string(rest.substr(0, rest.find_first_of(",}")));
}

struct Pipeline {
  explicit Pipeline(std::int32_t partitions = 1) {
    for (const char* topic : {"iot.raw", "iot.processed", "iot.alerts", "iot.dlq"}) {
      TopicConfig config;
      config.partitions = partitions;
      Must(log->EnsureTopic(topic, config));
    }
  }

  void Append(const std::vector<std::string>& events, std::int32_t partition = 0) {
    AppendValues(*log, "iot.raw", partition, events);
  }
  std::unique_ptr<ProcessStage> MakeStage(bool live = false) {
    return Must(ProcessStage::Make(settings, clock, metrics, live));
  }
  // A new process: restores the state, handles the log to its end, dies.
  ProcessCounts Run(std::size_t max_records = 10'000, const std::string& crash_guard = "") {
    const auto stage = MakeStage();
    Must(Run(*stage, max_records, crash_guard));
    return stage->counts();
  }
  Status Run(ProcessStage& stage, std::size_t max_records = 10'000,
             const std::string& crash_guard = "") {
    RunnerOptions options;
    options.group = "stream-processor";
    options.topic = "iot.raw";
    options.max_records = max_records;
    options.poll_timeout_us = 0;
    options.until_caught_up = true;
    options.crash_guard_path = crash_guard;
    Runner runner(*log, stage, clock, options);
    return runner.Run({});
  }
  std::vector<std::string> Values(const std::string& topic, std::int32_t partition = 0) {
    return ReadValues(*log, topic, partition);
  }
  // "firing temperature_high dev t" in short, for comparisons.
  std::vector<std::string> Transitions(std::int32_t partition = 0) {
    std::vector<std::string> all;
    for (const std::string& alert : Values("iot.alerts", partition)) {
      all.push_back(Field(alert, "state") + " " + Field(alert, "rule") + " " +
                    Field(alert, "device_id") + " " + Field(alert, "event_count"));
    }
    return all;
  }

  ManualClock clock{kStartUs};
  Metrics metrics;
  Settings settings;
  std::unique_ptr<MemoryLog> log = MemoryLog::Make(clock);
};

}  // namespace tocsin::test
