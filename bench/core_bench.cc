// What one event costs in the core, beside the floors that no parser goes below. The time of an
// iteration is the time of one pass over all events; `per_event` is what to read.

#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/time_text.h"
#include "model/event_batch.h"
#include "model/event_parser.h"
#include "model/strict_reader.h"

namespace tocsin {
namespace {

constexpr std::size_t kEvents = 400'000;
constexpr std::size_t kBatchRows = 2'000;
constexpr std::int64_t kStartUs = 1'763'892'930'000'000;

struct Corpus {
  std::string text;  // lines, then the padding that the parser asks for
  std::vector<std::string_view> records;
};

// Distinct events of the reference form: 1,000 devices in turn, 2.5 ms apart, 123 bytes a line.
// Those that are `odd` have no shape in common and an escape, which only the strict reader judges.
Corpus MakeCorpus(bool odd) {
  SeededRandom random(42);
  Corpus corpus;
  std::vector<std::size_t> ends;
  corpus.text.reserve(kEvents * 130);
  for (std::size_t i = 0; i < kEvents; ++i) {
    std::string time = FormatTime(kStartUs + static_cast<std::int64_t>(i) * 2'501);
    time.replace(time.size() - 1, 1, "+00:00");
    const double temperature = 10 + 45 * random.NextDouble();
    const double humidity = 10 + 80 * random.NextDouble();
    corpus.text += fmt::format(
        R"({{"device_id":"dev_{}",{}"timestamp":"{}","temperature":{:.2f},"humidity":{:.2f},"status":"{}"}})",
        i % 1'000, std::string(odd ? random.NextBelow(9) : 0, ' '), time, temperature, humidity,
        odd ? R"(\u004fK)" : "OK");
    ends.push_back(corpus.text.size());
    corpus.text += '\n';
  }
  corpus.text.append(EventParser::kPadding, '\0');
  std::size_t begin = 0;
  for (const std::size_t end : ends) {
    corpus.records.push_back(std::string_view(corpus.text).substr(begin, end - begin));
    begin = end + 1;
  }
  return corpus;
}

const Corpus& Events() {
  static const Corpus corpus = MakeCorpus(false);
  return corpus;
}
const Corpus& OddEvents() {
  static const Corpus corpus = MakeCorpus(true);
  return corpus;
}

void Report(benchmark::State& state) {
  const auto events = static_cast<double>(Events().records.size());
  state.counters["per_event"] = benchmark::Counter(
      events, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) *
                          static_cast<std::int64_t>(Events().text.size()));
}

template <class Parser>
void ParseAll(benchmark::State& state, const Corpus& corpus) {
  Parser parser(DefaultMetrics(), EventLimits{});
  EventBatch batch(2);
  batch.Reserve(kBatchRows);
  const std::span<const std::string_view> records = corpus.records;
  std::size_t rejected = 0;
  for (auto _ : state) {
    for (std::size_t first = 0; first < records.size(); first += kBatchRows) {
      const auto some = records.subspan(first, std::min(kBatchRows, records.size() - first));
      batch.Clear();
      if constexpr (requires { parser.ParseAll(some, batch); }) {
        parser.ParseAll(some, batch);
      } else {
        for (const std::string_view record : some) parser.Parse(record, batch);
      }
      rejected += batch.messages.size();
      benchmark::DoNotOptimize(batch.time_us.data());
    }
  }
  if (rejected > 0) state.SkipWithError("the corpus has bad events");
  Report(state);
}

void ParsePlainEvents(benchmark::State& state) {
  ParseAll<EventParser>(state, Events());
}
void ParseStrictly(benchmark::State& state) {
  ParseAll<StrictReader>(state, Events());
}
void ParseOddEvents(benchmark::State& state) {
  ParseAll<EventParser>(state, OddEvents());
}
void ParseOddStrictly(benchmark::State& state) {
  ParseAll<StrictReader>(state, OddEvents());
}

// simdjson's DOM of each event with nothing done to it: what EventParser would cost at least if it
// were built on that instead of On-Demand.
void SimdjsonDomAlone(benchmark::State& state) {
  simdjson::dom::parser parser;
  for (auto _ : state) {
    for (const std::string_view record : Events().records) {
      simdjson::dom::object event;
      if (parser.parse(record.data(), record.size(), false).get(event) != simdjson::SUCCESS) {
        state.SkipWithError("the corpus has bad events");
      }
      benchmark::DoNotOptimize(event);
    }
  }
  Report(state);
}

// The indexing of quotation marks, brackets and commas, which On-Demand does first.
void SimdjsonIndexAlone(benchmark::State& state) {
  simdjson::ondemand::parser parser;
  for (auto _ : state) {
    for (const std::string_view record : Events().records) {
      auto document =
          parser.iterate(record.data(), record.size(), record.size() + EventParser::kPadding);
      benchmark::DoNotOptimize(document);
    }
  }
  Report(state);
}

void ExtractKeys(benchmark::State& state) {
  KeyExtractor extractor;
  for (auto _ : state) {
    std::size_t bytes = 0;
    for (const std::string_view record : Events().records)
      bytes += extractor.DeviceId(record).size();
    benchmark::DoNotOptimize(bytes);
  }
  Report(state);
}

void FloorMemcpy(benchmark::State& state) {
  const std::string& text = Events().text;
  std::string copy(text.size(), '\0');
  for (auto _ : state) {
    std::memcpy(copy.data(), text.data(), text.size());
    benchmark::ClobberMemory();
  }
  Report(state);
}

void FloorNewlineScan(benchmark::State& state) {
  const std::string& text = Events().text;
  for (auto _ : state) {
    std::size_t lines = 0;
    const char* at = text.data();
    const char* const end = at + text.size();
    while (const void* found = std::memchr(at, '\n', static_cast<std::size_t>(end - at))) {
      at = static_cast<const char*>(found) + 1;
      ++lines;
    }
    benchmark::DoNotOptimize(lines);
  }
  Report(state);
}

BENCHMARK(FloorMemcpy)->Unit(benchmark::kMillisecond);
BENCHMARK(FloorNewlineScan)->Unit(benchmark::kMillisecond);
BENCHMARK(SimdjsonIndexAlone)->Unit(benchmark::kMillisecond);
BENCHMARK(SimdjsonDomAlone)->Unit(benchmark::kMillisecond);
BENCHMARK(ExtractKeys)->Unit(benchmark::kMillisecond);
BENCHMARK(ParsePlainEvents)->Unit(benchmark::kMillisecond);
BENCHMARK(ParseStrictly)->Unit(benchmark::kMillisecond);
BENCHMARK(ParseOddEvents)->Unit(benchmark::kMillisecond);
BENCHMARK(ParseOddStrictly)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace tocsin

BENCHMARK_MAIN();
