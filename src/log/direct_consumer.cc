#include "log/direct_consumer.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "base/logging.h"

namespace tocsin {
namespace {

constexpr std::size_t kFetchBytes = 1u << 20;
constexpr std::string_view kComponent = "log";

// One partition's place in the reading.
struct Reader {
  TopicPartition partition;
  std::int64_t next = 0;
  std::vector<std::shared_ptr<const RecordBatch>> fetched;
  std::size_t used = 0;  // batches of `fetched` that are done

  bool empty() const { return used == fetched.size(); }
};

class DirectConsumer final : public Consumer {
 public:
  DirectConsumer(Log& log, const ConsumerOptions& options, std::vector<Reader> readers)
      : log_(log), options_(options), readers_(std::move(readers)) {}

  Result<PollResult> Poll(std::size_t max_records, std::int64_t timeout_us,
                          std::stop_token stop) override;
  Result<std::int64_t> Lag() override;
  Status Rewind() override;

 private:
  Status Refill(Reader& reader);
  Status MoveToStart(Reader& reader);
  Status Collect(std::size_t max_records, std::vector<PolledBatch>& out);
  std::size_t TakeFrom(Reader& reader, std::size_t max_records, std::vector<PolledBatch>& out);

  Log& log_;
  const ConsumerOptions options_;
  const SystemClock clock_;
  std::vector<Reader> readers_;
  std::size_t turn_ = 0;  // the reader that is served first
  bool announced_ = false;
  bool rewound_ = false;  // the next poll gives up every partition first
};

std::string Name(const TopicPartition& partition) {
  return partition.topic + "/" + std::to_string(partition.partition);
}

// The records between the position and the start of the log were removed before they were read.
Status DirectConsumer::MoveToStart(Reader& reader) {
  TOCSIN_ASSIGN(const PartitionOffsets offsets, log_.Offsets(reader.partition));
  if (reader.next > offsets.latest) {
    return Fail(Code::kDataLoss, "group " + options_.group + " has read " + Name(reader.partition) +
                                     " up to " + std::to_string(reader.next) +
                                     ", but the log ends at " + std::to_string(offsets.latest) +
                                     "; run `tocsin doctor`");
  }
  if (reader.next < offsets.earliest) {
    LogWarning(kComponent, "unread records are gone; reading goes on at the start of the log",
               {{"group", options_.group},
                {"partition", Name(reader.partition)},
                {"first_lost", std::to_string(reader.next)},
                {"resumes_at", std::to_string(offsets.earliest)}});
    reader.next = offsets.earliest;
  }
  return {};
}

// Fetches what follows `next`; the reader stays empty at the end of the log.
Status DirectConsumer::Refill(Reader& reader) {
  reader.fetched.clear();
  reader.used = 0;
  // The start of the log may move again between two looks at it, but not forever.
  for (int attempt = 0;; ++attempt) {
    auto fetched = log_.Fetch(reader.partition, reader.next, kFetchBytes);
    if (fetched) {
      reader.fetched = std::move(*fetched);
      return {};
    }
    if (fetched.error().code() != Code::kInvalidArgument || attempt == 3) {
      return std::unexpected<Error>(
          std::move(fetched).error().WithContext("read " + Name(reader.partition)));
    }
    TOCSIN_TRY(MoveToStart(reader));
  }
}

// Moves at most `max_records` records of one batch to `out` and returns how many.
std::size_t DirectConsumer::TakeFrom(Reader& reader, std::size_t max_records,
                                     std::vector<PolledBatch>& out) {
  const std::shared_ptr<const RecordBatch>& batch = reader.fetched[reader.used];
  if (batch->base_offset() > reader.next) {
    LogWarning(kComponent, "offsets are missing from the log; reading goes on behind them",
               {{"group", options_.group},
                {"partition", Name(reader.partition)},
                {"first_lost", std::to_string(reader.next)},
                {"resumes_at", std::to_string(batch->base_offset())}});
    reader.next = batch->base_offset();
  }
  std::size_t taken = 0;
  if (batch->end_offset() > reader.next) {
    const auto first = static_cast<std::uint32_t>(reader.next - batch->base_offset());
    taken = std::min<std::size_t>(max_records, batch->count() - first);
    out.push_back({reader.partition, batch, first, static_cast<std::uint32_t>(taken)});
    reader.next += static_cast<std::int64_t>(taken);
  }
  if (reader.next >= batch->end_offset()) {
    reader.fetched[reader.used++].reset();
  }
  return taken;
}

// One batch from each partition in turn, until `max_records` are there or none has more.
Status DirectConsumer::Collect(std::size_t max_records, std::vector<PolledBatch>& out) {
  std::size_t left = max_records;
  std::size_t idle = 0;  // readers in a row that had nothing
  while (left > 0 && idle < readers_.size()) {
    Reader& reader = readers_[turn_];
    if (reader.empty()) {
      Status refilled = Refill(reader);
      // What was taken already is passed on; the next call meets the error again.
      if (!refilled && !out.empty()) return {};
      TOCSIN_TRY(std::move(refilled));
    }
    if (reader.empty()) {
      ++idle;
    } else {
      idle = 0;
      left -= TakeFrom(reader, left, out);
    }
    turn_ = (turn_ + 1) % readers_.size();
  }
  return {};
}

Result<PollResult> DirectConsumer::Poll(std::size_t max_records, std::int64_t timeout_us,
                                        std::stop_token stop) {
  const std::int64_t deadline_us = clock_.SteadyUs() + timeout_us;
  PollResult result;
  for (;;) {
    // Taken before looking, so that an append in between ends the wait at once.
    const std::uint64_t seen = log_.AppendCount();
    TOCSIN_TRY(Collect(max_records, result.batches));
    if (!announced_) {
      for (const Reader& reader : readers_) result.assigned.push_back(reader.partition.partition);
      if (std::exchange(rewound_, false)) result.revoked = result.assigned;
      announced_ = true;
      return result;
    }
    const std::int64_t left_us = deadline_us - clock_.SteadyUs();
    if (!result.batches.empty() || left_us <= 0 || stop.stop_requested()) return result;
    log_.WaitForAppend(seen, left_us, stop);
  }
}

Result<std::int64_t> DirectConsumer::Lag() {
  std::int64_t lag = 0;
  for (const Reader& reader : readers_) {
    TOCSIN_ASSIGN(const PartitionOffsets offsets, log_.Offsets(reader.partition));
    lag += std::max<std::int64_t>(0, offsets.latest - std::max(reader.next, offsets.earliest));
  }
  return lag;
}

Status DirectConsumer::Rewind() {
  for (Reader& reader : readers_) {
    TOCSIN_ASSIGN(const auto committed, log_.CommittedOffset(options_.group, reader.partition));
    if (committed) {
      reader.next = *committed;
    } else {
      TOCSIN_ASSIGN(const PartitionOffsets offsets, log_.Offsets(reader.partition));
      reader.next = offsets.earliest;
    }
    reader.fetched.clear();
    reader.used = 0;
  }
  announced_ = false;
  rewound_ = true;
  return {};
}

}  // namespace

Result<std::unique_ptr<Consumer>> MakeDirectConsumer(Log& log, const ConsumerOptions& options) {
  TOCSIN_ASSIGN(const std::int32_t partitions, PartitionCount(log, options.topic));
  // Registered first: from here on retention keeps what the positions below point at.
  TOCSIN_TRY(log.RegisterGroup(options.group, options.topic));
  TOCSIN_ASSIGN(const auto start, log.Begin());
  bool starts_at_end = false;
  std::vector<Reader> readers;
  for (std::int32_t i = 0; i < partitions; ++i) {
    Reader reader;
    reader.partition = {options.topic, i};
    TOCSIN_ASSIGN(const auto committed, log.CommittedOffset(options.group, reader.partition));
    if (committed) {
      reader.next = *committed;
    } else {
      TOCSIN_ASSIGN(const PartitionOffsets offsets, log.Offsets(reader.partition));
      reader.next = options.from_latest ? offsets.latest : offsets.earliest;
      if (options.from_latest) {
        start->CommitOffset(options.group, reader.partition, reader.next);
        starts_at_end = true;
      }
    }
    readers.push_back(std::move(reader));
  }
  // A group that begins at the end begins there once: what comes while it is away is not skipped.
  if (starts_at_end) TOCSIN_TRY(start->Commit());
  return std::make_unique<DirectConsumer>(log, options, std::move(readers));
}

}  // namespace tocsin
