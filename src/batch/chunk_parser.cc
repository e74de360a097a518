#include "batch/chunk_parser.h"

#include <string>
#include <thread>
#include <utility>

#include "batch/row_codec.h"
#include "model/event_parser.h"

namespace tocsin {
namespace {

constexpr std::size_t kMaxLocalCodes = 128 * 1024;

EventLimits LimitsOf(const Settings& settings) {
  return {.max_bytes = static_cast<std::size_t>(settings.max_event_bytes),
          .max_depth = static_cast<std::size_t>(settings.max_event_depth),
          .max_fields = static_cast<std::size_t>(settings.max_event_fields)};
}

}  // namespace

// The parser and the chunk of one thread.
class ChunkParser::Worker {
 public:
  explicit Worker(const Settings& settings)
      : chunk(settings.metrics.size()),
        max_bytes_(settings.max_event_bytes),
        metric_count_(settings.metrics.size()),
        parser_(settings.metrics, LimitsOf(settings)) {
    chunk.dictionaries = &dictionaries_;
  }

  void Parse() {
    chunk.events.Clear();
    for (const RecordChunk::Item& item : chunk.records.items) {
      if (item.too_large) {
        chunk.events.AddRejected(item.bytes, RejectReason::kTooLarge,
                                 "the record has " + std::to_string(item.size) +
                                     " bytes, at most " + std::to_string(max_bytes_) +
                                     " are allowed");
      } else {
        parser_.Parse(item.bytes, chunk.events);
      }
    }
    Encode();
  }

  ParsedChunk chunk;

 private:
  // A dictionary of very many is begun anew, so that the threads together stay small.
  static void Bound(DeviceDictionary& dictionary, std::vector<std::uint32_t>& codes) {
    if (dictionary.size() < kMaxLocalCodes) return;
    dictionary = DeviceDictionary();
    codes.clear();
  }

  void Encode() {
    Bound(dictionaries_.devices, dictionaries_.device_codes);
    Bound(dictionaries_.statuses, dictionaries_.status_codes);
    const EventBatch& events = chunk.events;
    const std::size_t rows = events.size();
    chunk.device.clear();
    chunk.status.clear();
    chunk.metrics_end.clear();
    chunk.metrics.resize(rows * metric_count_ * kMaxMetricBytes);
    char* const begin = chunk.metrics.data();
    char* at = begin;
    std::string_view last_status;
    std::uint32_t last_code = DeviceDictionary::kUnknown;
    for (std::size_t row = 0; row < rows; ++row) {
      if (events.reject[row] != RejectReason::kNone) continue;
      chunk.device.push_back(dictionaries_.devices.Encode(events.device_id[row]));
      const std::string_view status = events.status[row];
      if (status.data() == nullptr) {
        chunk.status.push_back(DeviceDictionary::kUnknown);
      } else {
        if (last_code == DeviceDictionary::kUnknown || status != last_status) {
          last_code = dictionaries_.statuses.Encode(status);
          last_status = status;
        }
        chunk.status.push_back(last_code);
      }
      for (std::size_t m = 0; m < metric_count_; ++m) at = WriteMetric(at, events.metrics[m][row]);
      chunk.metrics_end.push_back(static_cast<std::uint32_t>(at - begin));
    }
  }

  std::int64_t max_bytes_;
  std::size_t metric_count_;
  EventParser parser_;
  LocalDictionaries dictionaries_;
};

ChunkParser::ChunkParser(const Settings& settings, std::vector<BatchInput> inputs, OpenOptions open,
                         Log* log)
    : settings_(settings), inputs_(std::move(inputs)), open_(open), log_(log) {}

ChunkParser::~ChunkParser() = default;

Status ChunkParser::Run(int threads, const Absorb& absorb, std::stop_token stop) {
  std::vector<std::unique_ptr<Worker>> workers;
  for (int i = 0; i < std::max(threads, 1); ++i) {
    workers.push_back(std::make_unique<Worker>(settings_));
  }
  {
    std::vector<std::jthread> others;
    for (std::size_t i = 1; i < workers.size(); ++i) {
      others.emplace_back([&, i] { Work(*workers[i], absorb, stop); });
    }
    Work(*workers[0], absorb, stop);
  }
  return status_;
}

void ChunkParser::Work(Worker& worker, const Absorb& absorb, const std::stop_token& stop) {
  for (;;) {
    std::uint64_t number = 0;
    {
      const std::lock_guard lock(reading_);
      auto more = ReadNext(worker.chunk);
      if (!more) return Fail(std::unexpected(std::move(more).error()));
      if (!*more) return;
      number = chunks_++;
    }
    worker.Parse();
    std::unique_lock lock(absorbing_);
    turn_changed_.wait(lock, [&] { return failed_ || turn_ == number; });
    if (failed_) return;
    if (stop.stop_requested()) {
      lock.unlock();
      return Fail(
          tocsin::Fail(Code::kCancelled, "the batch run was stopped; the old outputs stand"));
    }
    Status absorbed = absorb(worker.chunk);
    if (!absorbed) {
      lock.unlock();
      return Fail(std::unexpected(std::move(absorbed).error()));
    }
    ++turn_;
    turn_changed_.notify_all();
  }
}

// The first error stands; the others end at their next turn.
void ChunkParser::Fail(std::unexpected<Error> error) {
  const std::lock_guard lock(absorbing_);
  if (!failed_) status_ = std::move(error);
  failed_ = true;
  turn_changed_.notify_all();
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
