// What one call of each function costs a row: 10,000 devices take turns, one reading every 10 s
// each, windows of 5 minutes (30 readings), batches of 10,000 rows.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <vector>

#include "functions/function.h"

namespace tocsin {
namespace {

constexpr std::uint32_t kDevices = 10'000;
constexpr std::int64_t kSecond = 1'000'000;

struct Batch {
  std::vector<std::uint32_t> device;
  std::vector<std::int64_t> time;
  std::vector<std::uint8_t> in_order, truth;
  std::vector<double> number;
};

// One reading of each device at about `t_us`, in an order that no prefetcher of the CPU foresees.
void Fill(Batch& batch, std::int64_t t_us, std::uint64_t round) {
  batch.device.resize(kDevices);
  batch.time.resize(kDevices);
  batch.in_order.assign(kDevices, 1);
  batch.truth.resize(kDevices);
  batch.number.resize(kDevices);
  for (std::uint32_t i = 0; i < kDevices; ++i) {
    const std::uint64_t noise = (i * 0x9e3779b97f4a7c15u + round) * 0xbf58476d1ce4e5b9u >> 20;
    batch.device[i] = i * 7919 % kDevices;
    batch.time[i] = t_us + i;
    batch.truth[i] = noise % 4 == 0 ? 1 : 0;
    batch.number[i] = static_cast<double>(2000 + noise % 1000) / 100;
  }
}

void Rows(benchmark::State& state, const FunctionSpec& spec) {
  CallConstants constants;
  constants.window_us = 300 * kSecond;
  constants.number = spec.name == "quantile" ? 0.9 : 3;
  const auto function = spec.make(constants);
  const bool of_truths = spec.parameters[0].kind == ParameterKind::kTruth;
  Batch batch;
  std::vector<double> number(kDevices);
  std::vector<std::uint8_t> null(kDevices), truth(kDevices);
  std::int64_t t_us = 1'760'000'000 * kSecond;
  std::uint64_t round = 0;
  const auto step = [&] {
    function->Evaluate({batch.device, batch.time, batch.in_order},
                       of_truths ? ArgumentColumn{.number = {}, .null = {}, .truth = batch.truth}
                                 : ArgumentColumn{.number = batch.number, .null = {}, .truth = {}},
                       {.number = number, .null = null, .truth = truth});
  };
  for (int warm = 0; warm < 40; ++warm) {
    Fill(batch, t_us += 10 * kSecond, ++round);
    step();
  }
  for (auto unused : state) {
    state.PauseTiming();
    Fill(batch, t_us += 10 * kSecond, ++round);
    state.ResumeTiming();
    step();
    benchmark::DoNotOptimize(number.data());
  }
  state.counters["ns/row"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * kDevices / 1e9,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["bytes/device"] = static_cast<double>(function->bytes()) / kDevices;
}

}  // namespace
}  // namespace tocsin

int main(int argc, char** argv) {
  for (const tocsin::FunctionSpec* spec : tocsin::Functions()) {
    benchmark::RegisterBenchmark(std::string(spec->name).c_str(), [spec](benchmark::State& state) {
      tocsin::Rows(state, *spec);
    })->Unit(benchmark::kMicrosecond);
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
