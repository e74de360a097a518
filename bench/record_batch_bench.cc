// What a record costs in a batch: append, encode, decode and walk, for the 123-byte event with the
// key of its device. items_per_second counts records.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <string>
#include <vector>

#include "base/random.h"
#include "log/partitioner.h"
#include "log/record_batch.h"

namespace tocsin {
namespace {

constexpr std::size_t kEvents = 2000;

struct Event {
  std::string key;
  std::string value;
};

// Events as the generator writes them: 123 bytes each, 100 devices.
const std::vector<Event>& Events() {
  static const std::vector<Event> events = [] {
    SeededRandom random(1);
    std::vector<Event> made;
    for (std::size_t i = 0; i < kEvents; ++i) {
      char key[16];
      std::snprintf(key, sizeof key, "dev_%02d", static_cast<int>(random.NextBelow(100)));
      char value[160];
      std::snprintf(value, sizeof value,
                    "{\"device_id\":\"%s\",\"timestamp\":\"2025-11-23T10:%02d:%02d.%06d+00:00\","
                    "\"temperature\":%.2f,\"humidity\":%.2f,\"status\":\"OK\"}",
                    key, static_cast<int>(i / 60 % 60), static_cast<int>(i % 60),
                    static_cast<int>(random.NextBelow(1'000'000)), 20 + 35 * random.NextDouble(),
                    20 + 70 * random.NextDouble());
      made.push_back({key, value});
    }
    return made;
  }();
  return events;
}

std::pair<std::string, std::uint32_t> Payload() {
  RecordBatchBuilder builder;
  for (const Event& event : Events()) builder.Append(event.key, event.value);
  return builder.Take();
}

void CountRecords(benchmark::State& state) {
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kEvents));
}

void BM_Memcpy(benchmark::State& state) {  // the floor of every line below
  const std::string payload = Payload().first;
  std::string copy(payload.size(), '\0');
  for (auto _ : state) {
    std::copy(payload.begin(), payload.end(), copy.begin());
    benchmark::DoNotOptimize(copy.data());
    benchmark::ClobberMemory();
  }
  CountRecords(state);
}
BENCHMARK(BM_Memcpy);

void BM_Append(benchmark::State& state) {
  RecordBatchBuilder builder;
  for (auto _ : state) {
    for (const Event& event : Events()) builder.Append(event.key, event.value);
    benchmark::DoNotOptimize(builder.Take());
  }
  CountRecords(state);
  state.counters["event_bytes"] = static_cast<double>(Events()[0].value.size());
}
BENCHMARK(BM_Append);

void BM_Encode(benchmark::State& state) {
  const auto [payload, count] = Payload();
  std::size_t stored_bytes = 0;
  for (auto _ : state) {
    std::string stored = EncodeBatch(payload, count, static_cast<Compression>(state.range(0)));
    SealBatch(stored, 0, 0, 0);
    stored_bytes = stored.size();
    benchmark::DoNotOptimize(stored);
  }
  CountRecords(state);
  state.counters["ratio"] = static_cast<double>(payload.size()) / static_cast<double>(stored_bytes);
}
BENCHMARK(BM_Encode)->ArgName("compression")->DenseRange(0, 2);

void BM_DecodeAndWalk(benchmark::State& state) {
  const auto [payload, count] = Payload();
  std::string stored = EncodeBatch(payload, count, static_cast<Compression>(state.range(0)));
  SealBatch(stored, 0, 0, 0);
  for (auto _ : state) {
    const auto batch = DecodeBatch(stored);
    std::size_t bytes = 0;
    Record record;
    for (RecordBatch::Cursor cursor(**batch); cursor.Next(record);) bytes += record.value.size();
    benchmark::DoNotOptimize(bytes);
  }
  CountRecords(state);
}
BENCHMARK(BM_DecodeAndWalk)->ArgName("compression")->DenseRange(0, 2);

void BM_Walk(benchmark::State& state) {
  auto [payload, count] = Payload();
  payload.append(kRecordPadding, '\0');
  const RecordBatch batch(std::move(payload), count, 0, 0);
  for (auto _ : state) {
    std::size_t bytes = 0;
    Record record;
    for (RecordBatch::Cursor cursor(batch); cursor.Next(record);) bytes += record.value.size();
    benchmark::DoNotOptimize(bytes);
  }
  CountRecords(state);
}
BENCHMARK(BM_Walk);

void BM_PartitionOf(benchmark::State& state) {
  for (auto _ : state) {
    for (const Event& event : Events()) benchmark::DoNotOptimize(PartitionOf(event.key, 4));
  }
  CountRecords(state);
}
BENCHMARK(BM_PartitionOf);

}  // namespace
}  // namespace tocsin

BENCHMARK_MAIN();
