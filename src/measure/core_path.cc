#include <algorithm>
#include <cstring>

#include "log/record_batch.h"
#include "measure/paths.h"
#include "model/event_batch.h"
#include "model/event_parser.h"
#include "rule/rule_memory.h"

namespace tocsin {
namespace {

constexpr std::size_t kRowsPerBatch = 1000;
constexpr int kRounds = 3;

// The core over one batch of parsed rows: rules and processed bytes, as the process stage does it.
struct Core {
  explicit Core(const Settings& settings)
      : parser(settings.metrics, EventLimits{}),
        rules(RuleSet::Defaults(settings)),
        memory(rules),
        batch(settings.metrics.size()) {}

  void Finish() {
    parser.ParseAll(lines, batch);
    lines.clear();
    accepted.clear();
    times.clear();
    for (std::uint32_t row = 0; row < batch.size(); ++row) {
      if (batch.reject[row] != RejectReason::kNone) continue;
      accepted.push_back(row);
      times.push_back(batch.time_us[row]);
    }
    // The default rules remember nothing of a device: one code serves all.
    devices.resize(accepted.size(), 0);
    in_order.resize(accepted.size(), 1);
    const RuleOutcome& outcome = memory.Evaluate(batch, accepted, {devices, times, in_order});
    for (std::size_t i = 0; i < accepted.size(); ++i) {
      const std::size_t row = accepted[i];
      const std::string_view head = batch.bytes[row].substr(
          batch.object_begin[row], batch.object_end[row] - batch.object_begin[row] - 1);
      if (outcome.conditions[i] == 0) {
        output.AppendSpliced(batch.device_id[row], head, ",\"is_alert\":false,\"reason\":null}");
      } else {
        const std::string tail =
            ",\"is_alert\":true,\"reason\":\"" + rules.Reason(outcome.Row(i)) + "\"}";
        output.AppendSpliced(batch.device_id[row], head, tail);
      }
      if (output.full()) produced += output.Take().second;
    }
    batch.Clear();
  }

  EventParser parser;
  RuleSet rules;
  RuleMemory memory;
  EventBatch batch;
  std::vector<std::string_view> lines;  // of the next batch
  std::vector<std::uint32_t> accepted, devices;
  std::vector<std::int64_t> times;
  std::vector<std::uint8_t> in_order;
  RecordBatchBuilder output;
  std::uint64_t produced = 0;
};

double Seconds(const Settings& settings, const Workload& workload, std::uint64_t& produced) {
  Core core(settings);
  const double start = ThreadCpuSeconds();
  const char* at = workload.lines().data();
  const char* end = at + workload.lines().size();
  while (at < end) {
    const char* line_end =
        static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)));
    core.lines.emplace_back(at, static_cast<std::size_t>(line_end - at));
    if (core.lines.size() == kRowsPerBatch) core.Finish();
    at = line_end + 1;
  }
  core.Finish();
  const double seconds = ThreadCpuSeconds() - start;
  produced = core.produced + core.output.count();
  return seconds;
}

}  // namespace

std::vector<Measurement> MeasureCore(const Settings& settings, const Workload& workload) {
  double best = 1e30;
  std::uint64_t produced = 0;
  for (int round = 0; round < kRounds; ++round) {
    best = std::min(best, Seconds(settings, workload, produced));
  }
  const auto events = static_cast<double>(workload.events());
  return {{"core.parse_rules_output", best * 1e9 / events, "ns/event",
           "parse, validate, two rules and processed bytes of " + std::to_string(produced) +
               " events, one thread, best of " + std::to_string(kRounds),
           "floor.memcpy, floor.newline_scan; goal 200"},
          {"core.bytes_per_event", static_cast<double>(workload.lines().size()) / events, "bytes",
           "mean size of an event line", ""}};
}

}  // namespace tocsin
