#include "batch/chunk_parser.h"

#include <algorithm>
#include <array>
#include <thread>
#include <utility>

#include "batch/item_parser.h"

namespace tocsin {
namespace {

constexpr std::size_t kMaxLocalCodes = 128 * 1024;

}  // namespace

struct ChunkParser::Slot {
  explicit Slot(std::size_t metric_count) : chunk(metric_count) {}
  ParsedChunk chunk;
  std::uint64_t number = 0;
  bool free = true;  // guarded by absorbing_
};

// The parser and the chunks of one thread.
class ChunkParser::Worker {
 public:
  explicit Worker(const Settings& settings)
      : slots{Slot(settings.metrics.size()), Slot(settings.metrics.size())}, parser_(settings) {}

  void Parse(ParsedChunk& chunk, ChunkUser& user) {
    chunk.events.Clear();
    parser_.Parse(chunk.records.items, chunk.events);
    Encode(chunk.events, chunk.rows);
    user.Prepare(chunk, dictionaries_);
  }

  std::array<Slot, 2> slots;

 private:
  // A dictionary of very many is begun anew, so that the threads together stay small.
  void BoundDictionaries() {
    if (dictionaries_.devices.size() >= kMaxLocalCodes ||
        dictionaries_.statuses.size() >= kMaxLocalCodes) {
      dictionaries_ = LocalDictionaries();
    }
  }

  // The good rows by codes.
  void Encode(const EventBatch& events, RowColumns& rows) {
    BoundDictionaries();
    good_.clear();
    for (std::uint32_t row = 0; row < events.size(); ++row) {
      if (events.reject[row] == RejectReason::kNone) good_.push_back(row);
    }
    rows.Resize(good_.size());
    const auto gather = [&](const auto& from, auto& to) {
      for (std::size_t i = 0; i < good_.size(); ++i) to[i] = from[good_[i]];
    };
    gather(events.time_us, rows.time_us);
    for (std::size_t m = 0; m < rows.metrics.size(); ++m) {
      gather(events.metrics[m], rows.metrics[m]);
    }
    ids_.resize(good_.size());
    gather(events.device_id, ids_);
    dictionaries_.devices.EncodeAll(ids_, rows.device.data());
    std::string_view last_status;
    std::uint32_t last_code = DeviceDictionary::kUnknown;
    for (std::size_t i = 0; i < good_.size(); ++i) {
      const std::string_view status = events.status[good_[i]];
      if (status.data() == nullptr) {
        rows.status[i] = DeviceDictionary::kUnknown;
        continue;
      }
      if (last_code == DeviceDictionary::kUnknown || status != last_status) {
        last_code = dictionaries_.statuses.Encode(status);
        last_status = status;
      }
      rows.status[i] = last_code;
    }
  }

  ItemParser parser_;
  LocalDictionaries dictionaries_;
  std::vector<std::uint32_t> good_;  // rows of the events
  std::vector<std::string_view> ids_;
};

ChunkParser::ChunkParser(const Settings& settings, std::vector<BatchInput> inputs, OpenOptions open,
                         Log* log)
    : settings_(settings), inputs_(std::move(inputs)), open_(open), log_(log) {}

ChunkParser::~ChunkParser() = default;

Status ChunkParser::Run(int threads, ChunkUser& user, std::stop_token stop) {
  std::vector<std::unique_ptr<Worker>> workers;
  for (int i = 0; i < std::max(threads, 1); ++i) {
    workers.push_back(std::make_unique<Worker>(settings_));
  }
  {
    std::vector<std::jthread> others;
    for (std::size_t i = 1; i < workers.size(); ++i) {
      others.emplace_back([&, i] { Work(*workers[i], user, stop); });
    }
    Work(*workers[0], user, stop);
  }
  return status_;
}

void ChunkParser::Work(Worker& worker, ChunkUser& user, const std::stop_token& stop) {
  while (Slot* const slot = TakeFree(worker)) {
    {
      const std::lock_guard lock(reading_);
      auto more = ReadNext(slot->chunk);
      if (!more) return Fail(std::unexpected(std::move(more).error()));
      if (!*more) return;
      slot->number = chunks_++;
    }
    worker.Parse(slot->chunk, user);
    HandOn(*slot, user, stop);
  }
}

// Null when the work has failed.
ChunkParser::Slot* ChunkParser::TakeFree(Worker& worker) {
  std::unique_lock lock(absorbing_);
  Slot* found = nullptr;
  freed_.wait(lock, [&] {
    const auto free = std::ranges::find(worker.slots, true, &Slot::free);
    if (free != worker.slots.end()) found = &*free;
    return failed_ || found != nullptr;
  });
  if (failed_) return nullptr;
  found->free = false;
  return found;
}

// Absorbs those whose turn it is. A user that has failed is not called again.
void ChunkParser::HandOn(Slot& slot, ChunkUser& user, const std::stop_token& stop) {
  const std::lock_guard lock(absorbing_);
  waiting_.emplace(slot.number, &slot);
  while (!failed_ && !waiting_.empty() && waiting_.begin()->first == turn_) {
    if (stop.stop_requested()) {
      return FailLocked(
          tocsin::Fail(Code::kCancelled, "the batch run was stopped; the old outputs stand"));
    }
    Slot& next = *waiting_.begin()->second;
    Status absorbed = user.Absorb(next.chunk);
    if (!absorbed) return FailLocked(std::unexpected(std::move(absorbed).error()));
    waiting_.erase(waiting_.begin());
    next.free = true;
    ++turn_;
  }
  freed_.notify_all();
}

void ChunkParser::Fail(std::unexpected<Error> error) {
  const std::lock_guard lock(absorbing_);
  FailLocked(std::move(error));
}

// The first error stands; the others end at their next turn.
void ChunkParser::FailLocked(std::unexpected<Error> error) {
  if (!failed_) status_ = std::move(error);
  failed_ = true;
  freed_.notify_all();
}

// The chunk keeps the source that it came from.
Result<bool> ChunkParser::ReadNext(ParsedChunk& chunk) {
  for (;;) {
    {
      const std::lock_guard lock(absorbing_);
      if (failed_) return false;
    }
    if (source_ == nullptr) {
      if (next_input_ == inputs_.size()) return false;
      TOCSIN_ASSIGN(std::unique_ptr<RecordSource> opened,
                    OpenInput(settings_, inputs_[next_input_++], log_, open_));
      source_ = std::move(opened);
    }
    TOCSIN_ASSIGN(const bool more, source_->Next(chunk.records));
    if (more) {
      chunk.source = source_;
      chunk.bytes_done = bytes_before_ + source_->bytes_done();
      return true;
    }
    bytes_before_ += source_->bytes_done();
    lines_.push_back(source_->lines_done());
    source_.reset();
  }
}

}  // namespace tocsin
