#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "batch/input_list.h"
#include "batch/open_input.h"
#include "batch/record_source.h"
#include "batch/row_columns.h"
#include "batch/row_partitioner.h"
#include "batch/row_segments.h"
#include "batch/text_segments.h"
#include "config/settings.h"
#include "log/log.h"
#include "model/device_dictionary.h"
#include "model/event_batch.h"

namespace tocsin {

// The dictionaries of one parsing thread, and what the user of its chunks keeps beside them in
// plain arrays: codes are dense and in order of first sight.
struct LocalDictionaries {
  DeviceDictionary devices;
  DeviceDictionary statuses;
  std::vector<std::uint32_t> device_codes;  // the user's, by local code
  std::vector<std::uint32_t> status_codes;  // likewise
  // Likewise: the partition of the device, in `division`.
  std::vector<std::uint32_t> partitions;
  std::shared_ptr<const RowDivision> division;
};

// A chunk of records and what was read in them. Row r of `events` is item r of `records`.
struct ParsedChunk {
  explicit ParsedChunk(std::size_t metric_count) : events(metric_count), rows(metric_count) {}
  RecordChunk records;
  EventBatch events;
  // The good ones. Codes are those of the thread's dictionaries at first, then the user's.
  RowColumns rows;
  std::uint64_t bytes_done = 0;  // stored bytes of all inputs up to this chunk
  // `records` may point into it.
  std::shared_ptr<RecordSource> source;
  // The user's.
  std::vector<std::uint32_t> partition;  // of each row
  bool has_texts = false;                // `texts` were made of the rows, not `segments`
  RowSegments segments;
  TextSegments texts;
  std::shared_ptr<const RowDivision> division;  // that the segments are of
  std::string rejects;                          // lines of the rejected records
};

// What becomes of parsed chunks.
class ChunkUser {
 public:
  virtual ~ChunkUser() = default;
  // Called in the thread that parsed the chunk, beside the others, with that thread's dictionaries.
  virtual void Prepare(ParsedChunk& chunk, LocalDictionaries& local) = 0;
  // Then called by one thread at a time, any of them, for the chunks in order.
  virtual Status Absorb(ParsedChunk& chunk) = 0;
};

// Reads inputs to their end in several threads: each takes the next chunk of records, parses and
// prepares it. A chunk is handed on by the thread that finishes it, or when earlier ones are still
// being worked on, by the one that finishes the last of those. Bounded memory: two chunks a thread.
class ChunkParser {
 public:
  // `settings` and `log`, which may be null when no input is a topic, must outlive it.
  ChunkParser(const Settings& settings, std::vector<BatchInput> inputs, OpenOptions open, Log* log);
  ~ChunkParser();

  // Errors are those of the inputs and of `user`, and kCancelled when `stop` is requested.
  Status Run(int threads, ChunkUser& user, std::stop_token stop);
  // After a run: RecordSource::lines_done() at the end of each input.
  const std::vector<std::uint64_t>& lines() const { return lines_; }

 private:
  class Worker;

  struct Slot;

  void Work(Worker& worker, ChunkUser& user, const std::stop_token& stop);
  Slot* TakeFree(Worker& worker);
  Result<bool> ReadNext(ParsedChunk& chunk);
  void HandOn(Slot& slot, ChunkUser& user, const std::stop_token& stop);
  void Fail(std::unexpected<Error> error);
  void FailLocked(std::unexpected<Error> error);

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
  std::condition_variable freed_;
  std::uint64_t turn_ = 0;                  // the chunk to be handed on next
  std::map<std::uint64_t, Slot*> waiting_;  // for their turn, by number
  Status status_;
  bool failed_ = false;
};

}  // namespace tocsin
