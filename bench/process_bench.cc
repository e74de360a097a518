#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/time_text.h"
#include "config/settings.h"
#include "log/log.h"
#include "metrics/metrics.h"
#include "process/process_stage.h"
#include "stage/collector.h"

// The stream processor by itself, one thread: parse, validate, two rules, processed bytes, alerts
// and keyed state of 123-byte events from 10,000 devices, 2 % of them alerting. Batches of 2,000
// come from memory, a Flush follows every 10,000 records, nothing is committed.
namespace tocsin {
namespace {

constexpr std::size_t kEvents = 200'000;
constexpr std::uint32_t kBatchRecords = 2'000;
constexpr std::uint64_t kFlushRecords = 10'000;
constexpr std::size_t kDevices = 10'000;
constexpr std::size_t kEventBytes = 123;
constexpr std::int64_t kStartUs = 1'735'689'600'000'000;

std::string MakeEvent(std::size_t number, RandomSource& random) {
  char device[16], text[256];
  std::snprintf(device, sizeof device, "dev_%05zu", number % kDevices);
  const bool alerting = random.NextBelow(100) < 2;
  const double temperature = (alerting ? 50.0 : 20.0) + random.NextDouble() * 5;
  const std::string time = FormatTime(kStartUs + static_cast<std::int64_t>(number) * 1000);
  const int size = std::snprintf(
      text, sizeof text,
      R"({"device_id":"%s","timestamp":"%s","temperature":%.2f,"humidity":%.2f,"status":"OK"})",
      device, time.c_str(), temperature, 40 + random.NextDouble() * 10);
  std::string event(text, static_cast<std::size_t>(size));
  if (event.size() < kEventBytes) {
    event.insert(event.size() - 3, std::string(kEventBytes - event.size(), '_'));
  }
  return event;
}

struct Input {
  std::vector<PolledBatch> batches;
  std::size_t event_bytes = 0;
};

Input MakeInput() {
  SeededRandom random(7);
  Input input;
  RecordBatchBuilder builder;
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < kEvents; ++i) {
    const std::string event = MakeEvent(i, random);
    input.event_bytes = event.size();
    builder.Append(event.substr(14, 9), event);
    if (builder.count() < kBatchRecords && i + 1 < kEvents) continue;
    auto [payload, count] = builder.Take();
    payload.append(kRecordPadding, '\0');
    auto batch =
        std::make_shared<const RecordBatch>(std::move(payload), count, offset, kStartUs / 1000);
    input.batches.push_back({{"iot.raw", 0}, std::move(batch), 0, count});
    offset += count;
  }
  return input;
}

void Check(const Status& status) {
  if (status) return;
  std::fprintf(stderr, "%s\n", status.error().message().c_str());
  std::abort();
}

void ProcessEvents(benchmark::State& state) {
  const Input input = MakeInput();
  Settings settings;
  settings.max_clock_skew_us = 3'600'000'000;
  settings.dedup_window_us = state.range(0);
  const SystemClock clock;
  Metrics metrics;
  auto stage = std::move(*ProcessStage::Make(settings, clock, metrics, true));
  Collector collector;
  std::uint64_t events = 0, bytes = 0;
  std::size_t next = 0;
  for (auto _ : state) {
    const PolledBatch& batch = input.batches[next];
    if (next == 0) {
      // Forgets the devices: a second pass would be out of order and touch no alert.
      state.PauseTiming();
      Check(stage->Restore(0, [](const Stage::StateVisitor&) { return Status(); }));
      state.ResumeTiming();
    }
    next = (next + 1) % input.batches.size();
    Check(stage->Process(batch, collector));
    events += batch.count;
    if (events % kFlushRecords == 0) {
      Check(stage->Flush(collector));
      bytes += collector.bytes();
      collector = Collector();
    }
  }
  Check(stage->Flush(collector));
  const auto count = static_cast<double>(events);
  state.SetItemsProcessed(static_cast<std::int64_t>(events));
  state.counters["event_bytes"] = static_cast<double>(input.event_bytes);
  state.counters["output_bytes"] = static_cast<double>(bytes) / count;
  state.counters["alerts"] = static_cast<double>(stage->counts().firing) / count;
  state.counters["per_event"] =
      benchmark::Counter(count, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(ProcessEvents)->ArgName("dedup_us")->Arg(0)->Unit(benchmark::kMicrosecond);

// The floor: the same bytes copied once.
void CopyEvents(benchmark::State& state) {
  const Input input = MakeInput();
  std::string out(1 << 20, '\0');
  std::uint64_t events = 0;
  std::size_t next = 0;
  for (auto _ : state) {
    const PolledBatch& batch = input.batches[next];
    next = (next + 1) % input.batches.size();
    const std::string_view payload = batch.batch->payload();
    std::memcpy(out.data(), payload.data(), payload.size());
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
    events += batch.count;
  }
  state.counters["per_event"] = benchmark::Counter(
      static_cast<double>(events), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(CopyEvents)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace tocsin

BENCHMARK_MAIN();
