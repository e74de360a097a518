#include "batch/chunk_parser.h"

#include <algorithm>
#include <string>

#include "model/device_dictionary.h"
#include "model/event_parser.h"
#include "rule/program.h"
#include "rule/rule_memory.h"

namespace tocsin {
namespace {

EventLimits LimitsOf(const Settings& settings) {
  return {.max_bytes = static_cast<std::size_t>(settings.max_event_bytes),
          .max_depth = static_cast<std::size_t>(settings.max_event_depth),
          .max_fields = static_cast<std::size_t>(settings.max_event_fields)};
}

std::unexpected<Error> Stopped() {
  return Fail(Code::kCancelled, "the batch run was stopped; the old outputs stand");
}

}  // namespace

// A parser of one thread.
class ChunkParser::Worker {
 public:
  Worker(const Settings& settings, const RuleSet& rules)
      : max_bytes_(settings.max_event_bytes),
        parser_(settings.metrics, LimitsOf(settings)),
        rules_(rules),
        by_device_(std::ranges::any_of(rules.program().texts(), &TextComparison::device_only)),
        memory_(rules) {}

  void Parse(ParsedChunk& chunk) {
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
    chunk.conditions.clear();
    if (!rules_.stateful()) Judge(chunk);
  }

 private:
  void Judge(ParsedChunk& chunk) {
    const EventBatch& events = chunk.events;
    const std::size_t words = rules_.words();
    accepted_.clear();
    for (std::uint32_t row = 0; row < events.size(); ++row) {
      if (events.reject[row] == RejectReason::kNone) accepted_.push_back(row);
    }
    // Without functions an event's place in time does not matter, and its device only when a rule
    // names it or its labels.
    devices_.resize(accepted_.size());
    for (std::size_t i = 0; by_device_ && i < accepted_.size(); ++i) {
      devices_[i] = dictionary_.Encode(events.device_id[accepted_[i]]);
    }
    in_order_.resize(accepted_.size(), 1);
    const EventRows rows = {.device = devices_,
                            .time_us = std::span(events.time_us).first(accepted_.size()),
                            .in_order = in_order_};
    const RuleOutcome& outcome = memory_.Evaluate(events, accepted_, rows);
    if (accepted_.size() == events.size()) {
      chunk.conditions = outcome.conditions;
      return;
    }
    chunk.conditions.assign(events.size() * words, 0);
    for (std::size_t i = 0; i < accepted_.size(); ++i) {
      std::ranges::copy(outcome.Row(i), chunk.conditions.begin() +
                                            static_cast<std::ptrdiff_t>(accepted_[i] * words));
    }
  }

  std::int64_t max_bytes_;
  EventParser parser_;
  const RuleSet& rules_;
  const bool by_device_;
  RuleMemory memory_;
  DeviceDictionary dictionary_;
  std::vector<std::uint32_t> accepted_;
  std::vector<std::uint32_t> devices_;
  std::vector<std::uint8_t> in_order_;
};

ChunkParser::ChunkParser(const Settings& settings, const RuleSet& rules, int workers) {
  const auto count = static_cast<std::size_t>(std::max(workers, 0));
  const std::size_t slots = count == 0 ? 1 : 2 * count + 1;
  for (std::size_t i = 0; i < slots; ++i) {
    slots_.push_back(std::make_unique<Slot>(settings.metrics.size()));
  }
  for (std::size_t i = 0; i < std::max<std::size_t>(count, 1); ++i) {
    workers_.push_back(std::make_unique<Worker>(settings, rules));
  }
  for (std::size_t i = 0; i < count; ++i) {
    threads_.emplace_back([this, i] { WorkerLoop(*workers_[i]); });
  }
}

ChunkParser::~ChunkParser() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    to_parse_.clear();
  }
  work_ready_.notify_all();
}

Status ChunkParser::Run(RecordSource& source, const Absorb& absorb, std::stop_token stop) {
  return threads_.empty() ? RunAlone(source, absorb, stop) : RunWithWorkers(source, absorb, stop);
}

Status ChunkParser::RunAlone(RecordSource& source, const Absorb& absorb, std::stop_token stop) {
  ParsedChunk& chunk = slots_[0]->chunk;
  for (;;) {
    if (stop.stop_requested()) return Stopped();
    TOCSIN_ASSIGN(const bool more, source.Next(chunk.records));
    if (!more) return {};
    workers_[0]->Parse(chunk);
    TOCSIN_TRY(absorb(source, chunk));
  }
}

// The slots form a ring: [done, read) is with the workers. An error leaves chunks behind with
// them, so the parser is not used again after one.
Status ChunkParser::RunWithWorkers(RecordSource& source, const Absorb& absorb,
                                   std::stop_token stop) {
  std::size_t read = 0;
  bool more = true;
  for (std::size_t done = 0;; ++done) {
    if (stop.stop_requested()) return Stopped();
    while (more && read - done < slots_.size()) {
      TOCSIN_ASSIGN(more, ReadInto(*slots_[read % slots_.size()], source));
      if (more) ++read;
    }
    if (done == read) return {};
    Slot& slot = *slots_[done % slots_.size()];
    AwaitParsed(slot);
    TOCSIN_TRY(absorb(source, slot.chunk));
  }
}

Result<bool> ChunkParser::ReadInto(Slot& slot, RecordSource& source) {
  TOCSIN_ASSIGN(const bool more, source.Next(slot.chunk.records));
  if (!more) return false;
  {
    const std::lock_guard lock(mutex_);
    slot.parsed = false;
    to_parse_.push_back(&slot);
  }
  work_ready_.notify_one();
  return true;
}

void ChunkParser::AwaitParsed(const Slot& slot) {
  std::unique_lock lock(mutex_);
  work_done_.wait(lock, [&] { return slot.parsed; });
}

void ChunkParser::WorkerLoop(Worker& worker) {
  for (;;) {
    Slot* slot = nullptr;
    {
      std::unique_lock lock(mutex_);
      work_ready_.wait(lock, [&] { return closing_ || !to_parse_.empty(); });
      if (closing_) return;
      slot = to_parse_.front();
      to_parse_.pop_front();
    }
    worker.Parse(slot->chunk);
    {
      const std::lock_guard lock(mutex_);
      slot->parsed = true;
    }
    work_done_.notify_one();
  }
}

}  // namespace tocsin
