#include "process/process_stage.h"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <map>
#include <mutex>
#include <utility>

#include "base/test_switch.h"
#include "base/time_text.h"
#include "config/units.h"
#include "log/partitioner.h"
#include "model/event_parser.h"
#include "process/alert_writer.h"
#include "process/partition_engine.h"
#include "process/record_writer.h"
#include "process/rules_in_force.h"

namespace tocsin {
namespace {

constexpr std::string_view kStageName = "process";

EventLimits LimitsOf(const Settings& settings) {
  return {.max_bytes = static_cast<std::size_t>(settings.max_event_bytes),
          .max_depth = static_cast<std::size_t>(settings.max_event_depth),
          .max_fields = static_cast<std::size_t>(settings.max_event_fields)};
}

const FleetOptions* OptionsOf(const RulesInForce& in_force) {
  return in_force.fleet ? &*in_force.fleet : nullptr;
}

class ProcessStageImpl final : public ProcessStage, private PartitionEngine::Sink {
 public:
  ProcessStageImpl(const Settings& settings, const Clock& clock, Metrics& metrics, bool live,
                   const ProcessTopicPartitions& partitions,
                   std::shared_ptr<const RulesInForce> in_force)
      : settings_(settings),
        clock_(clock),
        metrics_(metrics),
        live_(live),
        input_partitions_(partitions.input),
        in_force_(std::move(in_force)),
        fleet_(*in_force_->directory, OptionsOf(*in_force_)),
        parser_(settings.metrics, LimitsOf(settings)),
        writer_(settings, partitions),
        alerts_(settings, writer_),
        events_(settings.metrics.size()) {
    UseRules();
    metrics_.Set(Metric::kRulesReloadSuccess, 1);
  }

  std::string_view name() const override { return kStageName; }
  Status Restore(std::int32_t partition, const StateReader& read_state) override;
  void Drop(std::int32_t partition) override;
  Status Process(const PolledBatch& polled, Collector& collector) override;
  Result<TickResult> Tick(const Now& now, Collector& collector) override;
  Status Flush(Collector& collector) override;
  Status Quarantine(const PolledBatch& single_record, std::string_view why,
                    Collector& collector) override;
  Status Reload(const Settings& settings) override;
  void ReplaceRules(RuleSet rules) override;
  void SetWaker(std::function<void()> wake) override;
  ProcessCounts counts() const override;

 private:
  bool every_event() const { return settings_.alert_mode == AlertMode::kEveryEvent; }
  void UseRules();
  void Offer(std::shared_ptr<const RulesInForce> in_force);
  bool TakeUpRules();
  void ExpectDevices();
  void Begin(std::int32_t partition, PartitionEngine& engine, Collector& collector);
  void Parse(const PolledBatch& polled);
  void WriteRow(std::size_t row);
  void OnTransition(const Transition& transition) override;
  void OnFleetChange(const FleetChange& change, std::size_t row) override;
  bool AdvanceTime(const Now& now, Collector& collector, std::int64_t& next_us);
  void Reject(std::size_t row, RejectReason reason, std::string_view message);
  void RejectFuture(std::size_t row);
  void RejectLate(std::size_t row, std::int64_t clock_us);
  void Publish();

  const Settings settings_;
  const Clock& clock_;
  Metrics& metrics_;
  const bool live_;
  const std::int32_t input_partitions_;  // 0 = not told
  std::shared_ptr<const RulesInForce> in_force_;
  const std::string_view crash_on_ = TestSwitchValue("crash_on_value");
  FleetLiveness fleet_;
  EventParser parser_;
  RecordWriter writer_;
  AlertWriter alerts_;
  std::map<std::int32_t, std::unique_ptr<PartitionEngine>> partitions_;
  bool expecting_ = false;  // the expected devices are told to the partitions

  // The batch in hand; its memory is kept.
  PartitionEngine* engine_ = nullptr;
  EventBatch events_;
  std::vector<Record> records_;
  std::vector<std::int64_t> offsets_;
  std::vector<std::string_view> values_;
  std::size_t next_message_ = 0;
  std::int64_t append_ms_ = 0;

  ProcessCounts counts_;
  mutable std::mutex mutex_;
  ProcessCounts published_;                      // guarded by mutex_
  std::shared_ptr<const RulesInForce> offered_;  // guarded by mutex_
  std::function<void()> wake_;                   // guarded by mutex_
};

// --- Rules --------------------------------------------------------------------------------------

void ProcessStageImpl::UseRules() {
  writer_.UseRules(in_force_->rules);
  alerts_.UseRules(in_force_);
  metrics_.Set(Metric::kRulesLoaded, static_cast<std::int64_t>(in_force_->rules.size()));
}

void ProcessStageImpl::Offer(std::shared_ptr<const RulesInForce> in_force) {
  std::function<void()> wake;
  {
    const std::lock_guard lock(mutex_);
    offered_ = std::move(in_force);
    wake = wake_;
  }
  if (wake) wake();
}

Status ProcessStageImpl::Reload(const Settings& settings) {
  Settings current = settings_;
  current.rules_file = settings.rules_file;
  current.fleet_file = settings.fleet_file;
  auto loaded = RulesInForce::Load(current);
  metrics_.Set(Metric::kRulesReloadSuccess, loaded ? 1 : 0);
  if (!loaded) return std::unexpected<Error>(std::move(loaded.error()));
  Offer(std::move(*loaded));
  return {};
}

void ProcessStageImpl::ReplaceRules(RuleSet rules) {
  auto in_force = std::make_shared<RulesInForce>();
  {
    const std::lock_guard lock(mutex_);
    const RulesInForce& old = offered_ != nullptr ? *offered_ : *in_force_;
    in_force->directory = old.directory;
    in_force->fleet = old.fleet;
    in_force->fleet_version = old.fleet_version;
  }
  in_force->rules = std::move(rules);
  Offer(std::move(in_force));
}

void ProcessStageImpl::SetWaker(std::function<void()> wake) {
  const std::lock_guard lock(mutex_);
  wake_ = std::move(wake);
}

// True when there were new ones.
bool ProcessStageImpl::TakeUpRules() {
  std::shared_ptr<const RulesInForce> old;
  {
    const std::lock_guard lock(mutex_);
    if (offered_ == nullptr) return false;
    old = std::exchange(in_force_, std::exchange(offered_, nullptr));
  }
  fleet_.Configure(*in_force_->directory, OptionsOf(*in_force_));
  for (const auto& [number, engine] : partitions_) engine->ReplaceRules(in_force_->rules);
  UseRules();
  expecting_ = false;
  return true;
}

// --- Partitions ---------------------------------------------------------------------------------

Status ProcessStageImpl::Restore(std::int32_t partition, const StateReader& read_state) {
  Drop(partition);
  const PartitionEngine::Options options{.allowed_lateness_us = settings_.allowed_lateness_us,
                                         .dedup_window_us = settings_.dedup_window_us,
                                         .lifecycle = !every_event()};
  auto engine =
      std::make_unique<PartitionEngine>(in_force_->rules, options, &fleet_.Add(partition));
  TOCSIN_TRY(engine->state().Restore(read_state));
  engine->FinishRestore();
  partitions_[partition] = std::move(engine);
  expecting_ = false;
  Publish();
  return {};
}

void ProcessStageImpl::Drop(std::int32_t partition) {
  if (partitions_.erase(partition) == 0) return;
  fleet_.Remove(partition);
  expecting_ = false;
}

// Each to the partition its events would come from, when that is ours; without the number of
// partitions, as if all were.
void ProcessStageImpl::ExpectDevices() {
  if (expecting_ || partitions_.empty()) return;
  expecting_ = true;
  if (!fleet_.enabled()) return;
  const auto owned = static_cast<std::int32_t>(partitions_.size());
  const std::int32_t all = input_partitions_ > 0 ? input_partitions_ : owned;
  for (const std::string& device_id : in_force_->directory->expected()) {
    const auto found = partitions_.find(PartitionOf(device_id, all));
    if (found == partitions_.end()) continue;
    PartitionState& state = found->second->state();
    const std::uint32_t code = state.Code(device_id);
    state.fleet()->Expect(code, state.DeviceId(code));
  }
}

// --- Records ------------------------------------------------------------------------------------

void ProcessStageImpl::Begin(std::int32_t partition, PartitionEngine& engine,
                             Collector& collector) {
  engine_ = &engine;
  writer_.Begin(partition, collector);
  alerts_.Begin({.partition = partition});
}

Status ProcessStageImpl::Process(const PolledBatch& polled, Collector& collector) {
  TakeUpRules();
  ExpectDevices();
  const auto found = partitions_.find(polled.partition.partition);
  if (found == partitions_.end()) {
    return Fail(Code::kInternal, "stage process got records of partition " +
                                     std::to_string(polled.partition.partition) +
                                     " before its state");
  }
  Parse(polled);
  append_ms_ = polled.batch->timestamp_ms();
  const std::int64_t skew_us = settings_.max_clock_skew_us;
  const std::int64_t latest_us =
      skew_us > 0 ? append_ms_ * 1000 + skew_us : std::numeric_limits<std::int64_t>::max();
  Begin(found->first, *found->second, collector);
  alerts_.Begin({.partition = found->first,
                 .events = &events_,
                 .records = &records_,
                 .append_ms = live_ ? static_cast<double>(append_ms_) : -1,
                 .now_ms = live_ ? static_cast<double>(clock_.WallUs()) / 1000 : 0});
  engine_->ResolveOrphans(*this);
  if (live_) engine_->LimitTime(clock_.WallUs());
  engine_->Process(events_, latest_us, offsets_, *this);
  for (std::size_t row = 0; row < events_.size(); ++row) WriteRow(row);
  counts_.read += events_.size();
  return {};
}

void ProcessStageImpl::Parse(const PolledBatch& polled) {
  events_.Clear();
  records_.clear();
  offsets_.clear();
  values_.clear();
  next_message_ = 0;
  RecordBatch::Cursor cursor(*polled.batch);
  cursor.Skip(polled.first);
  Record record;
  for (std::uint32_t i = 0; i < polled.count && cursor.Next(record); ++i) {
    if (!crash_on_.empty() && record.value.find(crash_on_) != std::string_view::npos) std::abort();
    records_.push_back(record);
    offsets_.push_back(record.offset);
    values_.push_back(record.value);
  }
  parser_.ParseAll(values_, events_);
}

void ProcessStageImpl::WriteRow(std::size_t row) {
  switch (engine_->verdicts()[row]) {
    case RowVerdict::kRejected:
      Reject(row, events_.reject[row], events_.messages[next_message_++].text);
      return;
    case RowVerdict::kFuture:
      RejectFuture(row);
      return;
    case RowVerdict::kLate:
      RejectLate(row, engine_->ClockOf(row));
      return;
    case RowVerdict::kDuplicate:
      ++counts_.duplicates;
      return;
    case RowVerdict::kAccepted:
      break;
  }
  const auto conditions = engine_->Conditions(row);
  if (every_event() && std::ranges::any_of(conditions, [](std::uint64_t w) { return w != 0; })) {
    alerts_.WriteEvent(row, conditions, engine_->FirstHitOf(row));
    ++counts_.firing;
  }
  writer_.Processed(events_, row, conditions);
  ++counts_.processed;
}

// --- Alerts -------------------------------------------------------------------------------------

void ProcessStageImpl::OnTransition(const Transition& transition) {
  ++(transition.kind == AlertTransition::kResolved ? counts_.resolved : counts_.firing);
  alerts_.Write(transition, engine_->state().last_offset());
}

void ProcessStageImpl::OnFleetChange(const FleetChange& change, std::size_t row) {
  ++(change.firing ? counts_.firing : counts_.resolved);
  const std::int64_t offset =
      row == Transition::kNoRow ? engine_->state().last_offset() : offsets_[row];
  if (change.level == 0) {
    alerts_.Write(change, in_force_->directory->LabelsOf(change.name), offset);
  } else {
    alerts_.Write(change, fleet_.ParentLabels(change.level, std::string(change.name)), offset);
  }
}

// --- Time ---------------------------------------------------------------------------------------

Result<Stage::TickResult> ProcessStageImpl::Tick(const Now& now, Collector& collector) {
  TickResult result;
  result.changed = TakeUpRules();
  ExpectDevices();
  for (const auto& [number, engine] : partitions_) {
    Begin(number, *engine, collector);
    result.changed = engine->ResolveOrphans(*this) || result.changed;
  }
  result.changed = AdvanceTime(now, collector, result.next_us) || result.changed;
  return result;
}

bool ProcessStageImpl::AdvanceTime(const Now& now, Collector& collector, std::int64_t& next_us) {
  const bool wall = live_ && now.caught_up;
  bool changed = false;
  // What one partition hears may release what another holds back.
  for (bool again = true; again;) {
    again = false;
    for (const auto& [number, engine] : partitions_) {
      // A device whose clock is fast moves nobody else: live, no time is later than the wall clock.
      const std::int64_t largest_us = engine->largest_event_time_us();
      const std::int64_t time_us = wall    ? now.wall_us
                                   : live_ ? std::min(largest_us, now.wall_us)
                                           : largest_us;
      if (time_us == std::numeric_limits<std::int64_t>::min()) continue;
      if (engine->NextDueUs() > time_us) {
        if (wall) engine->AdvanceTime(time_us, *this);
        continue;
      }
      Begin(number, *engine, collector);
      engine->AdvanceTime(time_us, *this);
      changed = again = true;
    }
  }
  for (const auto& [number, engine] : partitions_) {
    if (live_) next_us = std::min(next_us, engine->NextDueUs());
  }
  return changed;
}

// --- Dead letters -------------------------------------------------------------------------------

void ProcessStageImpl::Reject(std::size_t row, RejectReason reason, std::string_view message) {
  ++counts_.dlq[static_cast<std::size_t>(reason)];
  writer_.DeadLetter(records_[row], reason, message);
}

void ProcessStageImpl::RejectFuture(std::size_t row) {
  Reject(row, RejectReason::kFutureTimestamp,
         "timestamp " + FormatTime(events_.time_us[row]) + " is more than " +
             FormatDurationUs(settings_.max_clock_skew_us) +
             " (MAX_CLOCK_SKEW) after the record was appended at " + FormatTime(append_ms_ * 1000));
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
  for (const auto& [partition, engine] : partitions_) engine->state().Flush(partition, collector);
  Publish();
  return {};
}

void ProcessStageImpl::Publish() {
  counts_.firing_now = fleet_.silent();
  for (const auto& [partition, engine] : partitions_) counts_.firing_now += engine->firing();
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
  metrics_.Set(Metric::kDevicesSilent, fleet_.silent());
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
  TOCSIN_ASSIGN(auto in_force, RulesInForce::Load(settings));
  return std::make_unique<ProcessStageImpl>(settings, clock, metrics, live, partitions,
                                            std::move(in_force));
}

}  // namespace tocsin
