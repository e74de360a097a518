// How fast the embedded log takes and gives events, beside the floor: the same stored bytes by
// pwrite and fdatasync. Events of 123 bytes, four partitions, lz4, every transaction on disk before
// the next.
//
// Counters: events/s (wall clock) and cpu_us_per_event (user and system, all threads of the
// process, RocksDB's included).
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "log/partitioner.h"
#include "log_backends/embedded_log.h"

namespace tocsin {
namespace {

constexpr std::int32_t kPartitions = 4;
constexpr std::size_t kEventPool = 100'000;
constexpr int kDevices = 10'000;

struct Event {
  std::string key;
  std::string value;
  std::int32_t partition;
};

const std::vector<Event>& Events() {
  static const std::vector<Event> events = [] {
    std::vector<Event> made(kEventPool);
    unsigned random = 1;
    for (std::size_t i = 0; i < kEventPool; ++i) {
      random = random * 1664525 + 1013904223;
      char text[160];
      std::snprintf(text, sizeof text, "dev_%04u", (random >> 8) % kDevices);
      made[i].key = text;
      const int size = std::snprintf(
          text, sizeof text,
          R"({"device_id":"%s","timestamp":"2025-11-23T10:15:%02u.%06u+00:00","temperature":%02u.%02u,"humidity":%02u.%02u,"status":"OK"})",
          made[i].key.c_str(), static_cast<unsigned>(i / 2000 % 60), (random >> 4) % 1'000'000,
          20 + (random >> 9) % 15, (random >> 13) % 100, 40 + (random >> 17) % 20,
          (random >> 21) % 100);
      made[i].value.assign(text, static_cast<std::size_t>(size));
      made[i].partition = PartitionOf(made[i].key, kPartitions);
    }
    return made;
  }();
  return events;
}

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double ResidentMegabytes() {
  std::FILE* const file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr) return 0;
  long size = 0;
  long resident = 0;
  const int read = std::fscanf(file, "%ld %ld", &size, &resident);
  std::fclose(file);
  return read == 2
             ? static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1e6
             : 0;
}

// A directory for one measurement, on the disk of the working directory.
class Scratch {
 public:
  Scratch() : path_((std::filesystem::current_path() / "tocsin-bench-XXXXXX").string()) {
    if (::mkdtemp(path_.data()) == nullptr) std::abort();
  }
  ~Scratch() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::unique_ptr<EmbeddedLog> OpenLog(const std::string& directory, const Clock& clock) {
  EmbeddedLogOptions options;
  options.directory = directory;
  auto log = EmbeddedLog::Open(options, clock);
  if (!log || !(*log)->EnsureTopic("iot.raw", {})) std::abort();
  return std::move(*log);
}

using Builders = std::array<RecordBatchBuilder, kPartitions>;

void AppendTransaction(Log& log, Builders& builders, std::size_t& at, std::size_t count) {
  const std::vector<Event>& events = Events();
  for (std::size_t i = 0; i < count; ++i) {
    const Event& event = events[at];
    if (++at == events.size()) at = 0;
    builders[static_cast<std::size_t>(event.partition)].Append(event.key, event.value);
  }
  auto transaction = log.Begin({.ingest = true});
  for (std::int32_t i = 0; i < kPartitions; ++i) {
    auto& builder = builders[static_cast<std::size_t>(i)];
    if (!builder.empty() && !(*transaction)->Append({"iot.raw", i}, builder)) std::abort();
  }
  if (!(*transaction)->Commit()) std::abort();
}

void Report(benchmark::State& state, std::size_t events, double cpu_seconds) {
  state.counters["events/s"] =
      benchmark::Counter(static_cast<double>(events), benchmark::Counter::kIsRate);
  state.counters["cpu_us_per_event"] = cpu_seconds * 1e6 / static_cast<double>(events);
  state.counters["resident_mb"] = ResidentMegabytes();
}

// Arguments: events in a transaction, writing threads.
void BM_Append(benchmark::State& state) {
  const auto per_transaction = static_cast<std::size_t>(state.range(0));
  const auto writers = static_cast<std::size_t>(state.range(1));
  constexpr std::size_t kEventsPerRound = 1'000'000;
  const Scratch scratch;
  const SystemClock clock;
  const auto log = OpenLog(scratch.path(), clock);
  Events();
  std::size_t appended = 0;
  const double cpu = CpuSeconds();
  for (auto _ : state) {
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t < writers; ++t) {
      threads.emplace_back([&, t] {
        Builders builders;
        std::size_t at = t * kEventPool / writers;
        for (std::size_t done = 0; done < kEventsPerRound / writers; done += per_transaction) {
          AppendTransaction(*log, builders, at, per_transaction);
        }
      });
    }
    threads.clear();
    appended += kEventsPerRound;
  }
  Report(state, appended, CpuSeconds() - cpu);
  const auto statistics = log->statistics();
  state.counters["sync_us"] = static_cast<double>(statistics.sync_us_total) /
                              static_cast<double>(std::max<std::uint64_t>(1, statistics.syncs));
  state.counters["log_memory_mb"] = static_cast<double>(statistics.memory_bytes) / 1e6;
}
BENCHMARK(BM_Append)
    ->ArgNames({"batch", "threads"})
    ->Args({2'000, 1})
    ->Args({10'000, 1})
    ->Args({2'000, 2})
    ->Args({10'000, 2})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond)
    ->MinTime(3);

// The floor: what one transaction stores (about 45 bytes an event), pwrite and fdatasync.
void BM_FloorWriteAndSync(benchmark::State& state) {
  const auto per_transaction = static_cast<std::size_t>(state.range(0));
  std::string stored;
  for (std::int32_t i = 0; i < kPartitions; ++i) {
    RecordBatchBuilder builder;
    for (std::size_t n = 0; n < per_transaction / kPartitions; ++n) {
      builder.Append(Events()[n].key, Events()[n].value);
    }
    const auto [payload, count] = builder.Take();
    stored += EncodeBatch(payload, count, Compression::kLz4);
  }
  const Scratch scratch;
  const int fd = ::open((scratch.path() + "/floor").c_str(), O_WRONLY | O_CREAT, 0600);
  if (fd < 0) std::abort();
  off_t at = 0;
  std::size_t events = 0;
  const double cpu = CpuSeconds();
  for (auto _ : state) {
    if (::pwrite(fd, stored.data(), stored.size(), at) != static_cast<ssize_t>(stored.size()) ||
        ::fdatasync(fd) != 0) {
      std::abort();
    }
    at += static_cast<off_t>(stored.size());
    events += per_transaction;
  }
  ::close(fd);
  Report(state, events, CpuSeconds() - cpu);
  state.counters["stored_bytes_per_event"] =
      static_cast<double>(stored.size()) / static_cast<double>(per_transaction);
}
BENCHMARK(BM_FloorWriteAndSync)->Arg(2'000)->Arg(10'000)->UseRealTime();

// Reads a log of four million events back, decoded, not from the cache of the newest batches.
void BM_ReadBack(benchmark::State& state) {
  constexpr std::size_t kEvents = 4'000'000;
  const Scratch scratch;
  const SystemClock clock;
  {
    const auto log = OpenLog(scratch.path(), clock);
    Builders builders;
    std::size_t at = 0;
    for (std::size_t n = 0; n < kEvents; n += 10'000) AppendTransaction(*log, builders, at, 10'000);
  }
  const std::int64_t opening_us = clock.SteadyUs();
  const auto log = OpenLog(scratch.path(), clock);
  const std::int64_t opened_us = clock.SteadyUs();
  std::size_t events = 0;
  const double cpu = CpuSeconds();
  for (auto _ : state) {
    for (std::int32_t i = 0; i < kPartitions; ++i) {
      const TopicPartition partition{"iot.raw", i};
      const auto offsets = log->Offsets(partition);
      for (std::int64_t offset = 0; offset < offsets->latest;) {
        const auto batches = log->Fetch(partition, offset, 1u << 20);
        if (!batches || batches->empty()) std::abort();
        for (const auto& batch : *batches) events += batch->count();
        offset = batches->back()->end_offset();
      }
    }
  }
  Report(state, events, CpuSeconds() - cpu);
  state.counters["open_ms"] = static_cast<double>(opened_us - opening_us) / 1000;
}
BENCHMARK(BM_ReadBack)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace tocsin

BENCHMARK_MAIN();
