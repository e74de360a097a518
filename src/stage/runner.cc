#include "stage/runner.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "base/logging.h"
#include "base/test_switch.h"

namespace tocsin {
namespace {

constexpr std::string_view kComponent = "stage";
constexpr std::uint64_t kMinSnapshotBytes = 1u << 20;
constexpr std::uint64_t kDeltasPerSnapshot = 4;
// Records between two commits while the runner is careful: few, so that a crash repeats little.
constexpr std::uint64_t kCarefulGroup = 64;
constexpr std::int64_t kLagIntervalUs = 20'000;
constexpr std::chrono::milliseconds kFirstRetry{10};
constexpr std::chrono::milliseconds kLastRetry{1000};

// False when `stop` ended the wait.
bool Wait(std::chrono::milliseconds delay, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, delay, [] { return false; });
  return !stop.stop_requested();
}

// Calls `attempt` until it succeeds, fails for good or `stop` is requested.
template <class Attempt>
auto Retry(const std::stop_token& stop, std::string_view what, Attempt attempt) {
  for (auto delay = kFirstRetry;; delay = std::min(delay * 2, kLastRetry)) {
    auto result = attempt();
    if (result || !result.error().retryable()) return result;
    LogWarning(kComponent, std::string(what) + " failed; trying again",
               {{"error", result.error().message()}, {"after_ms", std::to_string(delay.count())}});
    if (!Wait(delay, stop)) return result;
  }
}

std::int64_t FirstOffset(const PolledBatch& polled) {
  return polled.batch->base_offset() + polled.first;
}

PolledBatch Slice(const PolledBatch& polled, std::uint32_t from, std::uint32_t count) {
  return {polled.partition, polled.batch, polled.first + from, count};
}

}  // namespace

Runner::Runner(Log& log, Stage& stage, const Clock& clock, RunnerOptions options)
    : log_(log), stage_(stage), clock_(clock), options_(std::move(options)) {}

Runner::Progress Runner::progress() const {
  return {.records = records_.load(),
          .commits = commits_.load(),
          .lag = lag_.load(),
          .lag_us = lag_us_.load()};
}

Status Runner::Run(std::stop_token stop) {
  TOCSIN_TRY(Open(stop));
  TOCSIN_ASSIGN(const auto consumer, log_.Subscribe({.group = options_.group,
                                                     .topic = options_.topic,
                                                     .from_latest = options_.from_latest,
                                                     .whole = options_.whole}));
  Waker waker(stop);
  waker_->Offer(&waker);
  stage_.SetWaker([slot = waker_] { slot->Wake(); });
  Status ended = Loop(*consumer, waker, stop);
  waker_->Offer(nullptr);
  transaction_.reset();
  return ended;
}

Status Runner::Open(std::stop_token stop) {
  if (!options_.crash_guard_path.empty()) {
    TOCSIN_ASSIGN(guard_, CrashGuard::Open(options_.crash_guard_path,
                                           options_.group + '\0' + options_.topic));
  }
  TOCSIN_ASSIGN(const std::int32_t partitions, Retry(stop, "reading the topics", [&] {
                  return PartitionCount(log_, options_.topic);
                }));
  return Retry(stop, "making room for the state",
               [&] { return log_.EnsureState(stage_.name(), partitions); });
}

void Runner::Wake() {
  waker_->Wake();
}

Status Runner::Loop(Consumer& consumer, Waker& waker, std::stop_token stop) {
  while (!stop.stop_requested()) {
    if (options_.until_caught_up && CaughtUp() && stage_.Idle()) break;
    TOCSIN_TRY(ProcessOnce(consumer, waker, stop));
  }
  return Finish(consumer, stop);
}

Status Runner::Finish(Consumer& consumer, std::stop_token stop) {
  TOCSIN_ASSIGN(const bool changed, stage_.Finish(collector_));
  changed_ = changed_ || changed;
  return Commit(consumer, stop);
}

Status Runner::FindPosition(std::int32_t number) {
  const TopicPartition partition{options_.topic, number};
  TOCSIN_ASSIGN(const PartitionOffsets offsets, log_.Offsets(partition));
  TOCSIN_ASSIGN(const auto committed, log_.CommittedOffset(options_.group, partition));
  const std::int64_t begin = options_.from_latest ? offsets.latest : offsets.earliest;
  const std::int64_t next = committed.value_or(begin);
  positions_[number] = {.next = next, .committed = next, .target = offsets.latest};
  lag_ += std::max<std::int64_t>(0, offsets.latest - std::max(next, offsets.earliest));
  return {};
}

bool Runner::CaughtUp() const {
  return joined_ && std::ranges::all_of(positions_, [](const auto& entry) {
           return entry.second.committed >= entry.second.target;
         });
}

std::int64_t Runner::PollTimeoutUs() const {
  std::int64_t timeout_us = options_.poll_timeout_us;
  if (uncommitted_ > 0 || changed_) timeout_us = std::min(timeout_us, LeftOfPauseUs());
  if (next_tick_us_ == INT64_MAX) return timeout_us;
  return std::clamp<std::int64_t>(next_tick_us_ - clock_.WallUs(), 0, timeout_us);
}

std::int64_t Runner::LeftOfPauseUs() const {
  const std::int64_t left_us = commit_begun_us_ + options_.commit_pause_us - clock_.SteadyUs();
  return std::max<std::int64_t>(left_us, 0);
}

Status Runner::ProcessOnce(Consumer& consumer, Waker& waker, std::stop_token stop) {
  TOCSIN_ASSIGN(const PollResult polled, Retry(stop, "reading the log", [&] {
                  return consumer.Poll(options_.max_records, PollTimeoutUs(), waker.token());
                }));
  waker.Rearm();
  TOCSIN_TRY(Assign(consumer, polled, stop));
  std::size_t records = 0;
  for (const PolledBatch& batch : polled.batches) {
    TOCSIN_TRY(ProcessBatch(consumer, batch, stop));
    records += batch.count;
    if (sent_bytes_ + collector_.bytes() >= options_.commit_bytes) {
      TOCSIN_TRY(Commit(consumer, stop));
    }
  }
  // Before the Tick: whether the stage has caught up must be true now, not before a long commit.
  TOCSIN_TRY(MeasureLag(consumer, polled.batches.empty(), stop));
  TOCSIN_TRY(Tick());
  return CommitIsDue(records) ? Commit(consumer, stop) : Send(stop);
}

bool Runner::CommitIsDue(std::size_t polled) const {
  if (polled < options_.max_records && LeftOfPauseUs() == 0) return true;
  return uncommitted_ >= options_.commit_records ||
         clock_.SteadyUs() - opened_us_ >= options_.commit_interval_us;
}

Status Runner::Tick() {
  const Stage::Now now{.wall_us = clock_.WallUs(), .caught_up = lag_.load() == 0};
  TOCSIN_ASSIGN(const Stage::TickResult ticked, stage_.Tick(now, collector_));
  next_tick_us_ = ticked.next_us;
  changed_ = changed_ || ticked.changed;
  return {};
}

// Not after every small batch: the lag is for people.
Status Runner::MeasureLag(Consumer& consumer, bool idle, std::stop_token stop) {
  const std::int64_t now_us = clock_.SteadyUs();
  const std::int64_t wall_us = clock_.WallUs();  // goes on while the machine sleeps
  if (!idle && now_us < lag_due_us_ && wall_us < lag_due_wall_us_) return {};
  lag_due_us_ = now_us + kLagIntervalUs;
  lag_due_wall_us_ = wall_us + kLagIntervalUs;
  TOCSIN_ASSIGN(const std::int64_t lag,
                Retry(stop, "measuring the lag", [&] { return consumer.Lag(); }));
  lag_.store(lag);
  const bool known = lag > 0 && read_ms_ > 0;
  lag_us_.store(known ? std::max<std::int64_t>(0, wall_us - read_ms_ * 1000) : 0);
  if (idle && lag == 0) {
    // Offsets that a repaired log lost at its end are never polled.
    for (auto& [number, position] : positions_) position.target = position.committed;
  }
  return {};
}

Status Runner::Assign(Consumer& consumer, const PollResult& polled, std::stop_token stop) {
  joined_ = joined_ || polled.joined;
  if (!polled.revoked.empty()) TOCSIN_TRY(Commit(consumer, stop));
  for (const std::int32_t partition : polled.revoked) {
    // A fenced commit has dropped it already.
    if (positions_.erase(partition) > 0) stage_.Drop(partition);
  }
  for (const std::int32_t partition : polled.assigned) {
    TOCSIN_TRY(Retry(stop, "finding the place", [&] { return FindPosition(partition); }));
    TOCSIN_TRY(Retry(stop, "restoring the state", [&] { return Restore(partition); }));
  }
  return {};
}

Status Runner::Restore(std::int32_t partition) {
  Status restored = stage_.Restore(partition, [&](const Stage::StateVisitor& visit) {
    return log_.ReadState(stage_.name(), partition, visit);
  });
  if (restored) return restored;
  stage_.Drop(partition);
  return std::unexpected<Error>(
      std::move(restored).error().WithContext("restore the state of " + std::string(stage_.name()) +
                                              ", partition " + std::to_string(partition)));
}

Status Runner::ProcessBatch(Consumer& consumer, const PolledBatch& polled, std::stop_token stop) {
  // A commit in the midst of this poll was fenced: its other records are read again.
  if (!positions_.contains(polled.partition.partition)) return {};
  std::uint32_t careful = 0;
  if (guard_ != nullptr) {
    const std::int64_t until = guard_->CarefulUntil(polled.partition.partition);
    if (until > FirstOffset(polled)) {
      careful = static_cast<std::uint32_t>(
          std::min<std::int64_t>(polled.count, until - FirstOffset(polled)));
      TOCSIN_TRY(ProcessCarefully(consumer, polled, careful, stop));
      if (!positions_.contains(polled.partition.partition)) return {};
    }
  }
  if (careful == polled.count) return {};
  return ProcessGuarded(Slice(polled, careful, polled.count - careful));
}

// One record at a time; a record that crashed before is committed by itself, so that its outcome
// is never undone by the crash of another.
Status Runner::ProcessCarefully(Consumer& consumer, const PolledBatch& polled, std::uint32_t count,
                                std::stop_token stop) {
  const std::int32_t partition = polled.partition.partition;
  for (std::uint32_t i = 0; i < count; ++i) {
    const PolledBatch record = Slice(polled, i, 1);
    const std::uint32_t crashes = guard_->Crashes(partition, FirstOffset(record));
    if (crashes >= CrashGuard::kMaxCrashes) {
      const std::string why =
          "processing this record ended the process " + std::to_string(crashes) + " times";
      LogError(kComponent, why + "; it goes to the dead letters",
               {{"topic", polled.partition.topic},
                {"partition", std::to_string(partition)},
                {"offset", std::to_string(FirstOffset(record))}});
      TOCSIN_TRY(stage_.Quarantine(record, why, collector_));
      Advance(record);
    } else {
      TOCSIN_TRY(ProcessGuarded(record));
    }
    if (crashes > 0 || i + 1 == count || uncommitted_ >= kCarefulGroup) {
      TOCSIN_TRY(Commit(consumer, stop));
      if (!positions_.contains(partition)) return {};
    }
  }
  return {};
}

Status Runner::ProcessGuarded(const PolledBatch& polled) {
  const std::int64_t first = FirstOffset(polled);
  if (guard_ != nullptr) guard_->Enter(polled.partition.partition, first, first + polled.count);
  Status processed = stage_.Process(polled, collector_);
  if (guard_ != nullptr) guard_->Leave();
  TOCSIN_TRY(std::move(processed));
  Advance(polled);
  return {};
}

void Runner::Advance(const PolledBatch& polled) {
  if (uncommitted_ == 0) opened_us_ = clock_.SteadyUs();
  read_ms_ = polled.batch->timestamp_ms();
  positions_[polled.partition.partition].next = FirstOffset(polled) + polled.count;
  uncommitted_ += polled.count;
}

// Reading a state back costs its snapshot and all deltas since: the deltas are kept a small
// multiple of the snapshot.
Status Runner::RequestSnapshots() {
  for (const auto& [partition, position] : positions_) {
    if (position.next == position.committed && !changed_) continue;
    TOCSIN_ASSIGN(const StateSize size, log_.SizeOfState(stage_.name(), partition));
    if (size.delta_bytes > std::max(kMinSnapshotBytes, kDeltasPerSnapshot * size.snapshot_bytes)) {
      collector_.RequestSnapshot(partition);
    }
  }
  return {};
}

// Moves what was collected into the open transaction.
Status Runner::Send(std::stop_token stop) {
  if (uncommitted_ == 0 && !changed_) return {};
  if (transaction_ == nullptr) {
    TOCSIN_ASSIGN(transaction_, log_.Begin({.ranges = false}));
  }
  sent_bytes_ += collector_.bytes();
  // What was moved before a failure is not moved again.
  return Retry(stop, "producing",
               [&] { return collector_.MoveInto(*transaction_, stage_.name()); });
}

Status Runner::Commit(Consumer& consumer, std::stop_token stop) {
  if (uncommitted_ == 0 && !changed_) return {};
  commit_begun_us_ = clock_.SteadyUs();
  TOCSIN_TRY(Retry(stop, "asking for the size of the state", [&] { return RequestSnapshots(); }));
  TOCSIN_TRY(stage_.Flush(collector_));
  TOCSIN_TRY(Send(stop));
  TOCSIN_TRY(AddOffsets());
  const auto committed = Retry(stop, "commit", [&] { return transaction_->Commit(); });
  transaction_.reset();
  if (committed) {
    Committed();
    return {};
  }
  if (committed.error().code() != Code::kFenced) return std::unexpected(committed.error());
  LogWarning(kComponent, "the work since the last commit is undone",
             {{"stage", std::string(stage_.name())},
              {"records", std::to_string(uncommitted_)},
              {"reason", committed.error().message()}});
  Forget();
  return consumer.Rewind();
}

void Runner::Committed() {
  for (auto& [partition, position] : positions_) {
    if (position.next == position.committed) continue;
    position.committed = position.next;
    if (guard_ != nullptr) guard_->Committed(partition, position.committed);
  }
  records_ += std::exchange(uncommitted_, 0);
  sent_bytes_ = 0;
  changed_ = false;
  ++commits_;
  stage_.Committed();
}

void Runner::Forget() {
  for (const auto& [partition, position] : positions_) stage_.Drop(partition);
  positions_.clear();
  collector_.Clear();
  uncommitted_ = 0;
  sent_bytes_ = 0;
  changed_ = false;
}

// Of every partition, also where nothing was read: on a cluster the offsets are what fences a
// commit of state alone.
Status Runner::AddOffsets() {
  for (const auto& [number, position] : positions_) {
    const TopicPartition partition{options_.topic, number};
    std::int64_t offset = position.next;
    if (position.next != position.committed) {
      if (TestSwitch("offset_off_by_one")) --offset;
      if (TestSwitch("offset_skip_one")) {
        // Never past the end: a group there is damage to the log, not a lost record.
        TOCSIN_ASSIGN(const PartitionOffsets offsets, log_.Offsets(partition));
        offset = std::min(offset + 1, offsets.latest);
      }
    }
    transaction_->CommitOffset(options_.group, partition, offset);
  }
  return {};
}

}  // namespace tocsin
