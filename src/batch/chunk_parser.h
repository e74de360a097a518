#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include "batch/record_source.h"
#include "config/settings.h"
#include "model/event_batch.h"
#include "rule/rule_set.h"

namespace tocsin {

// A chunk of records and what was read in them. Row r of `events` is item r of `records`; the
// conditions of its rules are RuleSet::words() words from r * words() of `conditions` on. Rules
// with functions depend on the device's other events: when a set has one, nothing is judged here
// and `conditions` is empty.
struct ParsedChunk {
  explicit ParsedChunk(std::size_t metric_count) : events(metric_count) {}
  RecordChunk records;
  EventBatch events;
  std::vector<std::uint64_t> conditions;
};

// Reads sources to their end: parses and judges their records and hands them on in order. With
// workers the parsing runs beside the reading and the handing on. Bounded memory: a few chunks.
class ChunkParser {
 public:
  using Absorb = std::function<Status(const RecordSource& source, const ParsedChunk& chunk)>;

  // `rules` must outlive it. `workers` = 0 parses in the caller's thread.
  ChunkParser(const Settings& settings, const RuleSet& rules, int workers);
  ~ChunkParser();
  ChunkParser(const ChunkParser&) = delete;
  ChunkParser& operator=(const ChunkParser&) = delete;

  // Calls `absorb` in this thread for each chunk of `source`, in order. Errors are those of the
  // source and of `absorb`, and kCancelled when `stop` is requested.
  Status Run(RecordSource& source, const Absorb& absorb, std::stop_token stop);

 private:
  struct Slot {
    explicit Slot(std::size_t metric_count) : chunk(metric_count) {}
    ParsedChunk chunk;
    bool parsed = false;
  };
  class Worker;

  Status RunAlone(RecordSource& source, const Absorb& absorb, std::stop_token stop);
  Status RunWithWorkers(RecordSource& source, const Absorb& absorb, std::stop_token stop);
  Result<bool> ReadInto(Slot& slot, RecordSource& source);
  void AwaitParsed(const Slot& slot);
  void WorkerLoop(Worker& worker);

  std::vector<std::unique_ptr<Worker>> workers_;  // at least one: the caller's own
  std::vector<std::unique_ptr<Slot>> slots_;
  std::mutex mutex_;
  std::condition_variable work_ready_;
  std::condition_variable work_done_;
  std::deque<Slot*> to_parse_;
  bool closing_ = false;
  std::vector<std::jthread> threads_;
};

}  // namespace tocsin
