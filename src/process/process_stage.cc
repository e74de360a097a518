#include "process/process_stage.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <limits>
#include <map>
#include <mutex>
#include <utility>

#include "base/test_switch.h"
#include "base/time_text.h"
#include "config/units.h"
#include "model/alert_record.h"
#include "model/event_parser.h"
#include "process/partition_state.h"
#include "process/record_writer.h"
#include "rule/alert_lifecycle.h"
#include "rule/threshold_rules.h"

namespace tocsin {
namespace {

constexpr std::string_view kStageName = "process";

EventLimits LimitsOf(const Settings& settings) {
  return {.max_bytes = static_cast<std::size_t>(settings.max_event_bytes),
          .max_depth = static_cast<std::size_t>(settings.max_event_depth),
          .max_fields = static_cast<std::size_t>(settings.max_event_fields)};
}

class ProcessStageImpl final : public ProcessStage {
 public:
  ProcessStageImpl(const Settings& settings, const Clock& clock, Metrics& metrics, bool live,
                   const ProcessTopicPartitions& partitions)
      : settings_(settings),
        clock_(clock),
        metrics_(metrics),
        live_(live),
        rules_(RuleSet::Defaults(settings)),
        parser_(settings.metrics, LimitsOf(settings)),
        writer_(settings, rules_, partitions),
        events_(settings.metrics.size()) {}

  std::string_view name() const override { return kStageName; }
  Status Restore(std::int32_t partition, const StateReader& read_state) override;
  void Drop(std::int32_t partition) override;
  Status Process(const PolledBatch& polled, Collector& collector) override;
  Status Flush(Collector& collector) override;
  Status Quarantine(const PolledBatch& single_record, std::string_view why,
                    Collector& collector) override;
  ProcessCounts counts() const override;

 private:
  // The batch in hand.
  struct Source {
    PartitionState& state;
    std::int32_t partition;
    std::int64_t latest_us;  // event times beyond it are in the future
    double append_ms;
    double now_ms;
  };

  void Parse(const PolledBatch& polled);
  void JudgeRow(const Source& source, std::size_t row);
  void AcceptRow(const Source& source, std::size_t row, std::uint32_t code);
  void AdvanceInstances(const Source& source, std::size_t row, std::uint32_t code,
                        std::uint64_t conditions);
  void WriteTransition(const Source& source, std::size_t row, unsigned rule,
                       const AlertInstance& instance, AlertState state);
  void WriteEveryEvent(const Source& source, std::size_t row, std::uint64_t conditions);
  void FillAlert(AlertRecord& alert, const Source& source, std::size_t row, unsigned rule) const;
  void Reject(std::size_t row, RejectReason reason, std::string_view message);
  void RejectFuture(const Source& source, std::size_t row);
  void RejectLate(std::size_t row, std::int64_t clock_us);
  void Publish();

  const Settings settings_;
  const Clock& clock_;
  Metrics& metrics_;
  const bool live_;
  const RuleSet rules_;
  const AlertTiming timing_;  // of every rule: the default rules fire and resolve at once
  const std::string_view crash_on_ = TestSwitchValue("crash_on_value");
  EventParser parser_;
  RecordWriter writer_;
  std::map<std::int32_t, PartitionState> partitions_;

  // Scratch of one batch, kept for its memory.
  EventBatch events_;
  std::vector<Record> records_;
  std::vector<std::uint64_t> conditions_;
  std::size_t next_message_ = 0;

  ProcessCounts counts_;
  mutable std::mutex mutex_;
  ProcessCounts published_;  // guarded by mutex_
};

// --- Partitions ---------------------------------------------------------------------------------

Status ProcessStageImpl::Restore(std::int32_t partition, const StateReader& read_state) {
  Drop(partition);
  const auto made = partitions_.try_emplace(partition, rules_, settings_.dedup_window_us);
  PartitionState& state = made.first->second;
  TOCSIN_TRY(state.Restore(read_state));
  counts_.firing_now += state.firing();
  Publish();
  return {};
}

void ProcessStageImpl::Drop(std::int32_t partition) {
  const auto found = partitions_.find(partition);
  if (found == partitions_.end()) return;
  counts_.firing_now -= found->second.firing();
  partitions_.erase(found);
}

// --- Records ------------------------------------------------------------------------------------

Status ProcessStageImpl::Process(const PolledBatch& polled, Collector& collector) {
  const auto found = partitions_.find(polled.partition.partition);
  if (found == partitions_.end()) {
    return Fail(Code::kInternal, "stage process got records of partition " +
                                     std::to_string(polled.partition.partition) +
                                     " before its state");
  }
  Parse(polled);
  conditions_.resize(events_.size());
  rules_.Evaluate(events_, conditions_);
  const std::int64_t append_ms = polled.batch->timestamp_ms();
  const std::int64_t skew_us = settings_.max_clock_skew_us;
  const Source source{.state = found->second,
                      .partition = found->first,
                      .latest_us = skew_us > 0 ? append_ms * 1000 + skew_us
                                               : std::numeric_limits<std::int64_t>::max(),
                      .append_ms = static_cast<double>(append_ms),
                      .now_ms = live_ ? static_cast<double>(clock_.WallUs()) / 1000 : 0};
  writer_.Begin(source.partition, collector);
  for (std::size_t row = 0; row < events_.size(); ++row) JudgeRow(source, row);
  counts_.read += events_.size();
  return {};
}

void ProcessStageImpl::Parse(const PolledBatch& polled) {
  events_.Clear();
  records_.clear();
  next_message_ = 0;
  RecordBatch::Cursor cursor(*polled.batch);
  cursor.Skip(polled.first);
  Record record;
  for (std::uint32_t i = 0; i < polled.count && cursor.Next(record); ++i) {
    if (!crash_on_.empty() && record.value.find(crash_on_) != std::string_view::npos) std::abort();
    records_.push_back(record);
    parser_.Parse(record.value, events_);
  }
}

void ProcessStageImpl::JudgeRow(const Source& source, std::size_t row) {
  if (events_.reject[row] != RejectReason::kNone) {
    Reject(row, events_.reject[row], events_.messages[next_message_++].text);
    return;
  }
  const std::int64_t t_us = events_.time_us[row];
  if (t_us > source.latest_us) {
    RejectFuture(source, row);
    return;
  }
  const std::uint32_t code = source.state.Code(events_.device_id[row]);
  const std::int64_t clock_us = source.state.device(code).clock_us;
  if (clock_us != PartitionState::kNoClock) {
    if (settings_.allowed_lateness_us > 0 && t_us < clock_us - settings_.allowed_lateness_us) {
      RejectLate(row, clock_us);
      return;
    }
    if (settings_.dedup_window_us > 0 && source.state.IsRepeat(code, t_us)) {
      ++counts_.duplicates;
      return;
    }
  }
  AcceptRow(source, row, code);
}

void ProcessStageImpl::AcceptRow(const Source& source, std::size_t row, std::uint32_t code) {
  const std::int64_t t_us = events_.time_us[row];
  const std::uint64_t conditions = conditions_[row];
  const PartitionState::Device device = source.state.device(code);
  const bool in_order = t_us >= device.clock_us;
  if (t_us > device.clock_us) source.state.SetClock(code, t_us);
  if (settings_.dedup_window_us > 0) source.state.Remember(code, t_us);
  if (settings_.alert_mode == AlertMode::kEveryEvent) {
    if (conditions != 0) WriteEveryEvent(source, row, conditions);
  } else if (in_order && (conditions | device.instances) != 0) {
    AdvanceInstances(source, row, code, conditions);
  }
  writer_.Processed(events_, row, conditions);
  ++counts_.processed;
}

// --- Alerts -------------------------------------------------------------------------------------

void ProcessStageImpl::AdvanceInstances(const Source& source, std::size_t row, std::uint32_t code,
                                        std::uint64_t conditions) {
  const std::int64_t t_us = events_.time_us[row];
  const std::uint64_t concerned = conditions | source.state.device(code).instances;
  for (std::uint64_t left = concerned; left != 0; left &= left - 1) {
    const auto rule = static_cast<unsigned>(std::countr_zero(left));
    AlertInstance& instance = source.state.Instance(code, rule);
    switch (Advance(instance, timing_, t_us, (conditions >> rule & 1) != 0)) {
      case AlertTransition::kNone:
        break;
      case AlertTransition::kFiring:
        ++counts_.firing_now;
        WriteTransition(source, row, rule, instance, AlertState::kFiring);
        break;
      case AlertTransition::kResolved:
        --counts_.firing_now;
        WriteTransition(source, row, rule, instance, AlertState::kResolved);
        break;
    }
    if (IsForgettable(instance, t_us)) source.state.RemoveInstance(code, rule);
  }
}

void ProcessStageImpl::FillAlert(AlertRecord& alert, const Source& source, std::size_t row,
                                 unsigned rule) const {
  const ThresholdRule& definition = rules_.rule(rule);
  alert.rule = definition.name;
  alert.severity = definition.severity;
  alert.rule_version = definition.version;
  alert.value = events_.metrics[definition.metric][row];
  alert.device_id = events_.device_id[row];
  alert.time_us = events_.time_us[row];
  alert.source_topic = settings_.raw_topic;
  alert.source_partition = source.partition;
  alert.source_offset = records_[row].offset;
  if (!live_) return;
  // A device's clock may be ahead of ours; a latency below zero says nothing.
  alert.ingest_latency_ms =
      std::max(0.0, source.append_ms - static_cast<double>(alert.time_us) / 1000);
  alert.evaluation_latency_ms = std::max(0.0, source.now_ms - source.append_ms);
}

void ProcessStageImpl::WriteTransition(const Source& source, std::size_t row, unsigned rule,
                                       const AlertInstance& instance, AlertState state) {
  AlertRecord alert;
  FillAlert(alert, source, row, rule);
  alert.state = state;
  alert.active_at_us = instance.active_at_us;
  alert.starts_at_us = instance.starts_at_us;
  alert.ends_at_us = alert.time_us;
  alert.event_count = instance.event_count;
  alert.episode = instance.episode;
  ++(state == AlertState::kFiring ? counts_.firing : counts_.resolved);
  writer_.Alert(alert, events_, row);
}

void ProcessStageImpl::WriteEveryEvent(const Source& source, std::size_t row,
                                       std::uint64_t conditions) {
  AlertRecord alert;
  FillAlert(alert, source, row, static_cast<unsigned>(std::countr_zero(conditions)));
  const std::string reason = rules_.Reason(conditions);
  alert.reason = reason;
  alert.active_at_us = alert.time_us;
  alert.starts_at_us = alert.time_us;
  alert.event_count = 1;
  ++counts_.firing;
  writer_.Alert(alert, events_, row);
}

// --- Dead letters -------------------------------------------------------------------------------

void ProcessStageImpl::Reject(std::size_t row, RejectReason reason, std::string_view message) {
  ++counts_.dlq[static_cast<std::size_t>(reason)];
  writer_.DeadLetter(records_[row], reason, message);
}

void ProcessStageImpl::RejectFuture(const Source& source, std::size_t row) {
  const auto append_us = static_cast<std::int64_t>(source.append_ms) * 1000;
  Reject(row, RejectReason::kFutureTimestamp,
         "timestamp " + FormatTime(events_.time_us[row]) + " is more than " +
             FormatDurationUs(settings_.max_clock_skew_us) +
             " (MAX_CLOCK_SKEW) after the record was appended at " + FormatTime(append_us));
}

void ProcessStageImpl::RejectLate(std::size_t row, std::int64_t clock_us) {
  Reject(row, RejectReason::kLate,
         "timestamp " + FormatTime(events_.time_us[row]) + " is more than " +
             FormatDurationUs(settings_.allowed_lateness_us) +
             " (ALLOWED_LATENESS) before the device's latest, " + FormatTime(clock_us));
}

Status ProcessStageImpl::Quarantine(const PolledBatch& single_record, std::string_view why,
                                    Collector& collector) {
  RecordBatch::Cursor cursor(*single_record.batch);
  cursor.Skip(single_record.first);
  Record record;
  if (!cursor.Next(record)) return Fail(Code::kInternal, "no record to set aside");
  ++counts_.read;
  ++counts_.dlq[static_cast<std::size_t>(RejectReason::kProcessingError)];
  writer_.Begin(single_record.partition.partition, collector);
  writer_.DeadLetter(record, RejectReason::kProcessingError, why);
  metrics_.Add(Metric::kQuarantined, 1);
  return {};
}

// --- Commit -------------------------------------------------------------------------------------

Status ProcessStageImpl::Flush(Collector& collector) {
  for (auto& [partition, state] : partitions_) state.Flush(partition, collector);
  Publish();
  return {};
}

void ProcessStageImpl::Publish() {
  const std::lock_guard lock(mutex_);
  metrics_.Add(Metric::kEventsRead, counts_.read - published_.read);
  metrics_.Add(Metric::kEventsProcessed, counts_.processed - published_.processed);
  metrics_.Add(Metric::kEventsDuplicate, counts_.duplicates - published_.duplicates);
  // The labels are the reasons without kNone.
  for (std::size_t i = 1; i < kRejectReasonCount; ++i) {
    metrics_.Add(Metric::kDeadLetters, counts_.dlq[i] - published_.dlq[i], i - 1);
  }
  metrics_.Add(Metric::kAlertTransitions, counts_.firing - published_.firing, 0);
  metrics_.Add(Metric::kAlertTransitions, counts_.resolved - published_.resolved, 1);
  metrics_.Set(Metric::kAlertsFiring, counts_.firing_now);
  published_ = counts_;
}

ProcessCounts ProcessStageImpl::counts() const {
  const std::lock_guard lock(mutex_);
  return published_;
}

}  // namespace

Result<std::unique_ptr<ProcessStage>> ProcessStage::Make(const Settings& settings,
                                                         const Clock& clock, Metrics& metrics,
                                                         bool live,
                                                         const ProcessTopicPartitions& partitions) {
  return std::make_unique<ProcessStageImpl>(settings, clock, metrics, live, partitions);
}

}  // namespace tocsin
