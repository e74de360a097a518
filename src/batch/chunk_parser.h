#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "batch/input_list.h"
#include "batch/open_input.h"
#include "batch/record_source.h"
#include "config/settings.h"
#include "log/log.h"
#include "model/device_dictionary.h"
#include "model/event_batch.h"

namespace tocsin {

// The dictionaries of one parsing thread. Their codes are dense and in order of first sight, so
// that a reader of its chunks can keep its own codes for them in plain arrays.
struct LocalDictionaries {
  DeviceDictionary devices;
  DeviceDictionary statuses;
  std::vector<std::uint32_t> device_codes;  // the reader's, by local code
  std::vector<std::uint32_t> status_codes;  // likewise
};

// A chunk of records and what was read in them. Row r of `events` is item r of `records`.
struct ParsedChunk {
  explicit ParsedChunk(std::size_t metric_count) : events(metric_count) {}
  RecordChunk records;
  EventBatch events;
  // Of the good rows, in order:
  std::vector<std::uint32_t> device;       // local codes
  std::vector<std::uint32_t> status;       // local codes, DeviceDictionary::kUnknown when absent
  std::vector<char> metrics;               // WriteMetric of each metric, row after row
  std::vector<std::uint32_t> metrics_end;  // of each row, in `metrics`
  LocalDictionaries* dictionaries = nullptr;
  std::uint64_t bytes_done = 0;  // stored bytes of all inputs up to this chunk
  // `records` may point into it.
  std::shared_ptr<RecordSource> source;
};

// Reads inputs to their end in several threads: each takes the next chunk of records, parses it,
// and hands it on when all chunks before it have been handed on. Bounded memory: a chunk a thread.
class ChunkParser {
 public:
  // Called by one thread at a time, for the chunks in order.
  using Absorb = std::function<Status(ParsedChunk& chunk)>;

  // `settings` and `log`, which may be null when no input is a topic, must outlive it.
  ChunkParser(const Settings& settings, std::vector<BatchInput> inputs, OpenOptions open, Log* log);
  ~ChunkParser();

  // Errors are those of the inputs and of `absorb`, and kCancelled when `stop` is requested.
  Status Run(int threads, const Absorb& absorb, std::stop_token stop);
  // After a run: RecordSource::lines_done() at the end of each input.
  const std::vector<std::uint64_t>& lines() const { return lines_; }

 private:
  class Worker;

  void Work(Worker& worker, const Absorb& absorb, const std::stop_token& stop);
  Result<bool> ReadNext(ParsedChunk& chunk);
  void Fail(std::unexpected<Error> error);

  const Settings& settings_;
  const std::vector<BatchInput> inputs_;
  const OpenOptions open_;
  Log* const log_;

  std::mutex reading_;
  std::size_t next_input_ = 0;  // the input to open next
  std::shared_ptr<RecordSource> source_;
  std::uint64_t bytes_before_ = 0;  // of the inputs that were read to their end
  std::uint64_t chunks_ = 0;        // read so far
  std::vector<std::uint64_t> lines_;

  std::mutex absorbing_;
  std::condition_variable turn_changed_;
  std::uint64_t turn_ = 0;  // the chunk to be handed on next
  Status status_;
  bool failed_ = false;
};

}  // namespace tocsin
