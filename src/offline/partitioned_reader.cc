#include "offline/partitioned_reader.h"

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "batch/item_parser.h"
#include "log/partitioner.h"

namespace tocsin {
namespace {

// Records of a piece: enough that a partition's share of it is worth a call.
constexpr std::size_t kPieceRecords = 8192;
constexpr std::size_t kPieceBytes = 4 << 20;

std::size_t BytesOf(const RecordChunk& chunk) {
  return chunk.buffer.size() + (chunk.batch == nullptr ? 0 : chunk.batch->payload_bytes());
}

struct PartitionSlice {
  explicit PartitionSlice(std::size_t metric_count) : events(metric_count) {}
  EventBatch events;
  std::vector<std::int64_t> sequence;
};

// One piece of the input on its way: read, parsed and split, consumed by every partition.
struct Piece {
  Piece(std::size_t metric_count, int partitions) : parsed(metric_count) {
    slices.reserve(static_cast<std::size_t>(partitions));
    for (int p = 0; p < partitions; ++p) slices.emplace_back(metric_count);
  }
  std::vector<RecordChunk> chunks;
  std::size_t used = 0;  // of `chunks`
  std::uint64_t first_sequence = 0;
  EventBatch parsed;
  std::vector<PartitionSlice> slices;
  int left = 0;  // partitions that have not consumed it
};

void AppendRow(const EventBatch& from, std::size_t row, EventBatch& to) {
  to.device_id.push_back(from.device_id[row]);
  to.time_us.push_back(from.time_us[row]);
  for (std::size_t m = 0; m < to.metrics.size(); ++m) {
    to.metrics[m].push_back(from.metrics[m][row]);
  }
  to.status.push_back(from.status[row]);
  to.reject.push_back(RejectReason::kNone);
  to.bytes.push_back(from.bytes[row]);
  to.object_begin.push_back(from.object_begin[row]);
  to.object_end.push_back(from.object_end[row]);
}

// Reading, parsing and consuming are jobs that any thread takes, the last step first, so that the
// pieces drain. A ring of pieces bounds the memory: piece n lies in slot n modulo the ring's size.
class Pipeline {
 public:
  Pipeline(const Settings& settings, RecordSource& source, const PartitionedReaderOptions& options,
           const ConsumeEvents& consume, std::stop_token stop)
      : settings_(settings),
        source_(source),
        options_(options),
        consume_(consume),
        stop_(std::move(stop)),
        next_to_consume_(static_cast<std::size_t>(options.partitions), 0),
        busy_(static_cast<std::size_t>(options.partitions), false) {
    const auto slots = static_cast<std::size_t>(2 * options.threads + 2);
    for (std::size_t i = 0; i < slots; ++i) {
      ring_.push_back(std::make_unique<Piece>(settings.metrics.size(), options.partitions));
    }
    states_.resize(slots, State::kFree);
  }

  Result<ReadTotals> Run() {
    {
      std::vector<std::jthread> threads;
      for (int i = 1; i < options_.threads; ++i) threads.emplace_back([this] { Work(); });
      Work();
    }
    if (!status_) return std::unexpected(std::move(status_).error());
    return totals_;
  }

 private:
  enum class State : std::uint8_t { kFree, kRead, kParsing, kParsed };
  enum class Step : std::uint8_t { kRead, kParse, kConsume, kWait, kEnd };
  struct Job {
    Step step = Step::kWait;
    std::size_t piece = 0;  // its number in the input
    int partition = 0;
  };

  std::size_t SlotOf(std::size_t piece) const { return piece % ring_.size(); }

  void Work() {
    ItemParser parser(settings_);
    std::unique_lock lock(mutex_);
    for (;;) {
      const Job job = Choose();
      if (job.step == Step::kEnd) break;
      if (job.step == Step::kWait) {
        changed_.wait(lock);
        continue;
      }
      lock.unlock();
      Piece& piece = *ring_[SlotOf(job.piece)];
      Result<bool> more = true;
      ReadTotals seen;
      switch (job.step) {
        case Step::kRead:
          more = Read(piece);
          break;
        case Step::kParse:
          seen = Parse(parser, piece);
          break;
        default:
          Consume(piece, job.partition);
          break;
      }
      lock.lock();
      Finish(job, piece, std::move(more), seen);
      changed_.notify_all();
    }
    changed_.notify_all();
  }

  // Under the lock; marks what it hands out as taken.
  Job Choose() {
    if (!status_) return {.step = Step::kEnd};
    if (stop_.stop_requested()) {
      status_ = Fail(Code::kCancelled, "stopped before the end of the input");
      return {.step = Step::kEnd};
    }
    int partition = -1;
    for (int p = 0; p < options_.partitions; ++p) {
      const auto at = static_cast<std::size_t>(p);
      const std::size_t piece = next_to_consume_[at];
      if (busy_[at] || piece >= next_to_read_ || states_[SlotOf(piece)] != State::kParsed) continue;
      // The partition that is farthest behind holds up the ring.
      if (partition < 0 || piece < next_to_consume_[static_cast<std::size_t>(partition)]) {
        partition = p;
      }
    }
    if (partition >= 0) {
      const auto at = static_cast<std::size_t>(partition);
      busy_[at] = true;
      return {.step = Step::kConsume, .piece = next_to_consume_[at], .partition = partition};
    }
    if (next_to_parse_ < next_to_read_) {
      states_[SlotOf(next_to_parse_)] = State::kParsing;
      return {.step = Step::kParse, .piece = next_to_parse_++};
    }
    if (!reading_ && !ended_ && states_[SlotOf(next_to_read_)] == State::kFree) {
      reading_ = true;
      return {.step = Step::kRead, .piece = next_to_read_};
    }
    const bool drained = std::ranges::all_of(
        next_to_consume_, [&](std::size_t piece) { return piece == next_to_read_; });
    return {.step = ended_ && !reading_ && drained ? Step::kEnd : Step::kWait};
  }

  // Under the lock.
  void Finish(const Job& job, Piece& piece, Result<bool> more, const ReadTotals& seen) {
    State& state = states_[SlotOf(job.piece)];
    switch (job.step) {
      case Step::kRead:
        reading_ = false;
        if (!more) {
          if (status_) status_ = std::unexpected(std::move(more).error());
          return;
        }
        ended_ = !*more;
        state = State::kRead;
        ++next_to_read_;
        if (options_.progress) options_.progress(next_sequence_, source_.bytes_done());
        return;
      case Step::kParse:
        state = State::kParsed;
        totals_.events += seen.events;
        totals_.blank_lines += seen.blank_lines;
        for (std::size_t r = 0; r < kRejectReasonCount; ++r) {
          totals_.rejected[r] += seen.rejected[r];
        }
        return;
      default:
        busy_[static_cast<std::size_t>(job.partition)] = false;
        ++next_to_consume_[static_cast<std::size_t>(job.partition)];
        if (--piece.left == 0) state = State::kFree;
    }
  }

  // One thread at a time; false at the end of the input. A chunk is never split.
  Result<bool> Read(Piece& piece) {
    piece.used = 0;
    piece.left = options_.partitions;
    piece.first_sequence = next_sequence_;
    const std::uint64_t limit = next_sequence_ + kPieceRecords;
    std::size_t bytes = 0;
    while (next_sequence_ < limit && bytes < kPieceBytes && piece.used < kPieceRecords) {
      if (piece.used == piece.chunks.size()) piece.chunks.emplace_back();
      RecordChunk& chunk = piece.chunks[piece.used];
      TOCSIN_ASSIGN(const bool more, source_.Next(chunk));
      if (!more) return false;
      next_sequence_ += chunk.items.size();
      bytes += BytesOf(chunk);
      ++piece.used;
    }
    return true;
  }

  ReadTotals Parse(ItemParser& parser, Piece& piece) {
    ReadTotals seen;
    EventBatch& parsed = piece.parsed;
    parsed.Clear();
    for (std::size_t c = 0; c < piece.used; ++c) {
      seen.blank_lines += piece.chunks[c].blank_lines;
      parser.Parse(piece.chunks[c].items, parsed);
    }
    seen.events = parsed.size();
    Split(piece, seen);
    return seen;
  }

  // A single partition takes the rows as they were parsed.
  void Split(Piece& piece, ReadTotals& seen) {
    const EventBatch& parsed = piece.parsed;
    for (PartitionSlice& slice : piece.slices) {
      slice.events.Clear();
      slice.sequence.clear();
    }
    const bool single = options_.partitions == 1;
    for (std::size_t row = 0; row < parsed.size(); ++row) {
      const bool rejected = parsed.reject[row] != RejectReason::kNone;
      if (rejected) ++seen.rejected[static_cast<std::size_t>(parsed.reject[row])];
      if (rejected && !single) continue;
      PartitionSlice& slice = piece.slices[single ? 0 : PartitionFor(parsed.device_id[row])];
      if (!single) AppendRow(parsed, row, slice.events);
      slice.sequence.push_back(static_cast<std::int64_t>(piece.first_sequence + row));
    }
  }

  std::size_t PartitionFor(std::string_view device_id) const {
    if (options_.as_in_log) {
      return static_cast<std::size_t>(PartitionOf(device_id, options_.partitions));
    }
    // Other bits than those that choose the log's partition.
    return (Murmur2(device_id) >> 12) % static_cast<std::size_t>(options_.partitions);
  }

  void Consume(const Piece& piece, int partition) {
    const PartitionSlice& slice = piece.slices[static_cast<std::size_t>(partition)];
    if (slice.sequence.empty()) return;
    const EventBatch& events = options_.partitions == 1 ? piece.parsed : slice.events;
    consume_(partition, events, slice.sequence);
  }

  const Settings& settings_;
  RecordSource& source_;
  const PartitionedReaderOptions& options_;
  const ConsumeEvents& consume_;
  const std::stop_token stop_;

  std::vector<std::unique_ptr<Piece>> ring_;
  std::uint64_t next_sequence_ = 0;  // of the reading thread

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<State> states_;
  std::size_t next_to_read_ = 0;
  std::size_t next_to_parse_ = 0;
  std::vector<std::size_t> next_to_consume_;  // by partition
  std::vector<bool> busy_;                    // by partition
  bool reading_ = false;
  bool ended_ = false;
  ReadTotals totals_;
  Status status_;
};

}  // namespace

Result<ReadTotals> ReadPartitioned(const Settings& settings, RecordSource& source,
                                   const PartitionedReaderOptions& options,
                                   const ConsumeEvents& consume, std::stop_token stop) {
  return Pipeline(settings, source, options, consume, std::move(stop)).Run();
}

}  // namespace tocsin
