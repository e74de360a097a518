#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "log/record_batch.h"
#include "measure/paths.h"
#include "model/event_batch.h"
#include "model/event_parser.h"
#include "rule/rule_memory.h"

namespace tocsin {
namespace {

constexpr int kRounds = 3;
constexpr std::size_t kMostBytes = 64 << 20;  // more than the caches hold

// Some lines of the workload as a partition's reader hands them to the process stage.
std::vector<RecordBatch> BatchesOf(std::string_view lines) {
  std::vector<RecordBatch> batches;
  RecordBatchBuilder builder;
  const auto take = [&] {
    auto [payload, count] = builder.Take();
    payload.append(kRecordPadding, '\0');
    batches.emplace_back(std::move(payload), count, 0, 0);
  };
  lines = lines.substr(0, kMostBytes);
  for (std::size_t end; (end = lines.find('\n')) != std::string_view::npos;) {
    builder.Append(std::nullopt, lines.substr(0, end));
    lines.remove_prefix(end + 1);
    if (builder.full()) take();
  }
  if (!builder.empty()) take();
  return batches;
}

// Batches of records to batches of processed records: parsing, rules and bytes, as the process
// stage does it, without what it does for alerts and for the state of devices.
class Core {
 public:
  explicit Core(const Settings& settings)
      : parser_(settings.metrics, EventLimits{}),
        rules_(RuleSet::Defaults(settings)),
        memory_(rules_),
        events_(settings.metrics.size()) {}

  void Process(const RecordBatch& batch) {
    events_.Clear();
    values_.clear();
    RecordBatch::Cursor cursor(batch);
    for (Record record; cursor.Next(record);) values_.push_back(record.value);
    parser_.ParseAll(values_, events_);
    Accept();
    const RuleOutcome& outcome =
        memory_.Evaluate(events_, accepted_, {devices_, times_, in_order_});
    for (std::size_t i = 0; i < accepted_.size(); ++i) {
      const std::size_t row = accepted_[i];
      const std::string_view head(events_.bytes[row].data() + events_.object_begin[row],
                                  events_.object_end[row] - events_.object_begin[row] - 1);
      const std::uint64_t conditions = outcome.conditions[i];
      output_.AppendSpliced(
          events_.device_id[row], head,
          conditions == 0 ? quiet_tail_.text() : AlertTail(conditions, outcome.Row(i)));
      if (output_.full()) produced_ += output_.Take().second;
    }
  }

  std::uint64_t produced() const { return produced_ + output_.count(); }

 private:
  // The rows that are good. The default rules remember nothing of a device: one code serves all.
  void Accept() {
    const std::size_t rows = events_.size();
    accepted_.resize(rows);
    times_.resize(rows);
    std::size_t good = 0;
    for (std::uint32_t row = 0; row < rows; ++row) {
      accepted_[good] = row;
      times_[good] = events_.time_us[row];
      good += events_.reject[row] == RejectReason::kNone ? 1U : 0U;
    }
    accepted_.resize(good);
    times_.resize(good);
    devices_.resize(good, 0);
    in_order_.resize(good, 1);
  }

  std::string_view AlertTail(std::uint64_t conditions, std::span<const std::uint64_t> words) {
    SplicePart& tail = alert_tails_[conditions];
    if (tail.text().empty()) {
      tail = SplicePart(",\"is_alert\":true,\"reason\":\"" + rules_.Reason(words) + "\"}");
    }
    return tail.text();
  }

  EventParser parser_;
  RuleSet rules_;
  RuleMemory memory_;
  EventBatch events_;
  std::vector<std::string_view> values_;
  std::vector<std::uint32_t> accepted_, devices_;
  std::vector<std::int64_t> times_;
  std::vector<std::uint8_t> in_order_;
  const SplicePart quiet_tail_{",\"is_alert\":false,\"reason\":null}"};
  std::unordered_map<std::uint64_t, SplicePart> alert_tails_;
  RecordBatchBuilder output_;
  std::uint64_t produced_ = 0;
};

}  // namespace

std::vector<Measurement> MeasureCore(const Settings& settings, const Workload& workload) {
  const std::vector<RecordBatch> batches = BatchesOf(workload.lines());
  std::uint64_t events = 0;
  for (const RecordBatch& batch : batches) events += batch.count();
  double best = 1e30;
  std::uint64_t produced = 0;
  for (int round = 0; round < kRounds; ++round) {
    Core core(settings);
    const double start = ThreadCpuSeconds();
    for (const RecordBatch& batch : batches) core.Process(batch);
    best = std::min(best, ThreadCpuSeconds() - start);
    produced = core.produced();
  }
  return {{"core.parse_rules_output", best * 1e9 / static_cast<double>(events), "ns/event",
           "parse, validate, two rules and processed bytes of " + std::to_string(produced) +
               " events in batches as they come from the log, one thread, best of " +
               std::to_string(kRounds),
           "floor.memcpy; goal 60"},
          {"core.bytes_per_event",
           static_cast<double>(workload.lines().size()) / static_cast<double>(workload.events()),
           "bytes", "mean size of an event line", ""}};
}

}  // namespace tocsin
