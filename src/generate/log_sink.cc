#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>
#include <vector>

#include "base/logging.h"
#include "generate/sink.h"
#include "log/partitioner.h"

namespace tocsin {
namespace {

constexpr std::size_t kTransactionEvents = 2000;
constexpr std::int64_t kFirstPauseUs = 50'000;
constexpr std::int64_t kLongestPauseUs = 5'000'000;

class LogSink final : public EventSink {
 public:
  LogSink(Log& log, std::string topic, std::int32_t partitions, const Clock& clock,
          std::stop_token stop)
      : log_(log),
        topic_(std::move(topic)),
        partitions_(partitions),
        clock_(clock),
        stop_(std::move(stop)),
        builders_(static_cast<std::size_t>(partitions)) {}

  Status Write(const Generator::Event& event) override {
    events_.push_back({static_cast<std::uint32_t>(event.device_id.size()),
                       static_cast<std::uint32_t>(event.line.size()),
                       PartitionOf(event.device_id, partitions_)});
    bytes_ += event.device_id;
    bytes_ += event.line;
    return {};
  }

  bool Full() const override { return events_.size() >= kTransactionEvents; }

  Status Flush() override {
    std::int64_t pause_us = kFirstPauseUs;
    while (!events_.empty()) {
      const Status committed = Commit();
      if (committed) {
        Clear();
        if (pause_us > kFirstPauseUs) LogInfo("generate", "the log takes events again");
        return {};
      }
      if (committed.error().code() != Code::kResourceExhausted) return committed;
      if (stop_.stop_requested()) {
        dropped_ += events_.size();
        Clear();
        return {};
      }
      if (pause_us == kFirstPauseUs) {
        LogWarning("generate", "the log refuses events; waiting",
                   {{"error", committed.error().message()}});
      }
      WaitUntil(clock_, clock_.SteadyUs() + pause_us, stop_);
      pause_us = std::min(pause_us * 2, kLongestPauseUs);
    }
    return {};
  }

  Status Close() override { return Flush(); }
  std::uint64_t dropped() const override { return dropped_; }

 private:
  // Where an event lies in bytes_: its key, then its line, behind those of the events before.
  struct Pending {
    std::uint32_t key_size;
    std::uint32_t line_size;
    std::int32_t partition;
  };

  // The builders are filled anew for each attempt, because a transaction empties them.
  Status Commit() {
    std::string_view rest = bytes_;
    for (RecordBatchBuilder& builder : builders_) builder.Clear();
    for (const Pending& event : events_) {
      builders_[static_cast<std::size_t>(event.partition)].Append(
          rest.substr(0, event.key_size), rest.substr(event.key_size, event.line_size));
      rest.remove_prefix(event.key_size + event.line_size);
    }
    TOCSIN_ASSIGN(const auto transaction, log_.Begin({.ingest = true}));
    for (std::int32_t partition = 0; partition < partitions_; ++partition) {
      RecordBatchBuilder& builder = builders_[static_cast<std::size_t>(partition)];
      if (builder.empty()) continue;
      TOCSIN_TRY(transaction->Append({topic_, partition}, builder));
    }
    TOCSIN_TRY(transaction->Commit());
    return {};
  }

  void Clear() {
    events_.clear();
    bytes_.clear();
  }

  Log& log_;
  std::string topic_;
  std::int32_t partitions_;
  const Clock& clock_;
  std::stop_token stop_;
  std::vector<RecordBatchBuilder> builders_;
  std::vector<Pending> events_;
  std::string bytes_;
  std::uint64_t dropped_ = 0;
};

}  // namespace

Result<std::unique_ptr<EventSink>> MakeLogSink(Log& log, const std::string& topic,
                                               const Clock& clock, std::stop_token stop) {
  TOCSIN_ASSIGN(const std::int32_t partitions, PartitionCount(log, topic));
  return std::make_unique<LogSink>(log, topic, partitions, clock, std::move(stop));
}

void WaitUntil(const Clock& clock, std::int64_t until_us, const std::stop_token& stop) {
  constexpr std::int64_t kSliceUs = 20'000;
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  for (std::int64_t left; (left = until_us - clock.SteadyUs()) > 0 && !stop.stop_requested();) {
    const auto slice = std::chrono::microseconds(std::min(left, kSliceUs));
    stopped.wait_for(lock, stop, slice, [] { return false; });
  }
}

}  // namespace tocsin
