#include "batch/table_task.h"

#include <xxhash.h>

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "batch/device_judge.h"
#include "batch/packed_aggregates.h"
#include "batch/row_sorter.h"
#include "batch/table_builder.h"

namespace tocsin {
namespace {

// A range that does not fit in memory: its rows are sorted on disk and judged one after the other.
Status WriteLargeRange(TableTask::Shared& shared, const PartitionRange& range,
                       const std::stop_token& stop) {
  const RowLayout layout = {.metric_count = shared.metrics.size(),
                            .condition_words = shared.rules.words(),
                            .has_sequence = true};
  RowSorter sorter(layout, shared.devices, shared.large_bytes, shared.spill_directory);
  std::uint64_t sequence = 0;
  const auto add = [&](const RowColumns& rows) -> Status {
    for (std::size_t row = 0; row < rows.size(); ++row) {
      if (sorter.full()) TOCSIN_TRY(sorter.Spill());
      std::uint64_t* const words = sorter.Append();
      std::fill_n(words, layout.words(), 0);
      SetRowHead(words, rows.time_us[row], 0, rows.device[row], rows.status[row]);
      for (std::size_t m = 0; m < rows.metrics.size(); ++m) {
        SetRowMetric(words, m, rows.metrics[m][row]);
      }
      words[layout.SequenceWord()] = sequence++;
    }
    return {};
  };
  RowColumns rows(shared.metrics.size());
  for (std::size_t p = range.begin; p < range.end; ++p) {
    TOCSIN_TRY(range.store->ForEachBlock(p, rows, add));
    range.store->Release(p);
  }
  TOCSIN_ASSIGN(const std::unique_ptr<SortedRows> sorted, sorter.Finish());
  TableFiller filler(layout, shared.rules.size(), shared.devices, shared.statuses, shared.cleansed,
                     shared.aggregates);
  DeviceJudge judge(shared.rules, layout, shared.devices, shared.statuses, shared.large_bytes,
                    shared.spill_directory, [&filler](RowView row) { return filler.Add(row); });
  // Equal (device, time) stand next to each other, the first in input order first.
  std::uint32_t last_device = DeviceDictionary::kUnknown;
  std::int64_t last_time_us = 0;
  for (std::uint64_t seen = 0; const std::uint64_t* words = sorted->Next(); ++seen) {
    if (seen % 8192 == 0 && stop.stop_requested()) {
      return Fail(Code::kCancelled, "the batch run was stopped; the old outputs stand");
    }
    const RowView row(words);
    if (row.device() == last_device && row.time_us() == last_time_us) {
      if (shared.repeated) shared.repeated(shared.devices.Decode(last_device), 1);
      continue;
    }
    last_device = row.device();
    last_time_us = row.time_us();
    TOCSIN_TRY(judge.Add(row));
  }
  TOCSIN_TRY(sorted->status());
  TOCSIN_TRY(judge.Finish());
  return filler.Finish();
}

// Threads that take the next range each and hand on their results in turn.
class TaskThreads {
 public:
  TaskThreads(TableTask::Shared& shared, std::vector<PartitionRange> ranges, std::stop_token stop)
      : shared_(shared), ranges_(std::move(ranges)), stop_(std::move(stop)) {}

  Status Run(std::size_t threads) {
    {
      std::vector<std::jthread> others;
      for (std::size_t i = 1; i < std::min(threads, ranges_.size()); ++i) {
        others.emplace_back([this] { WorkOnAll(); });
      }
      WorkOnAll();
    }
    return status_;
  }

 private:
  // What becomes of a range before its turn.
  struct Work {
    explicit Work(const TableTask::Shared& shared)
        : rows(shared.metrics.size()),
          cleansed(CleansedSchema(shared.metrics, shared.rules).size()),
          aggregates(AggregatesSchema(shared.metrics).size()) {}

    RowColumns rows;
    TableChunk cleansed, aggregates;
    std::unique_ptr<EncodedChunk> encoded;  // of `cleansed`, or taken over
    bool taken_over = false;                // nothing is in `rows` and `cleansed`
    std::string layout, packed_aggregates;  // to be kept
    std::uint64_t checksum = 0;
  };

  void WorkOnAll() {
    TableBuilder builder(shared_.rules, shared_.metrics.size(), shared_.devices, shared_.statuses);
    const std::unique_ptr<TableEncoder> encoder = shared_.cleansed.MakeEncoder();
    Work work(shared_);
    for (std::size_t number = Next(); number < ranges_.size(); number = Next()) {
      const PartitionRange& range = ranges_[number];
      const bool large = range.rows > shared_.most_rows;
      Status done;
      if (stop_.stop_requested()) {
        done = Fail(Code::kCancelled, "the batch run was stopped; the old outputs stand");
      }
      // The first rows are shown.
      work.taken_over = done && range.kept != nullptr &&
                        !(number == 0 && shared_.cleansed.wants_preview()) &&
                        TakeOver(*range.kept, work);
      if (done && !large && !work.taken_over) done = Prepare(range, builder, encoder.get(), work);
      std::unique_lock lock(mutex_);
      turn_changed_.wait(lock, [&] { return !status_ || turn_ == number; });
      if (!status_) return;
      if (done && large) done = WriteLargeRange(shared_, range, stop_);
      if (done && !large) done = HandOn(range, builder, work);
      if (!done) status_ = std::move(done);
      ++turn_;
      turn_changed_.notify_all();
    }
  }

  // The next range for this thread, or their number at the end.
  std::size_t Next() {
    const std::lock_guard lock(mutex_);
    return status_ ? next_++ : ranges_.size();
  }

  // False when the group is not to be had any more.
  bool TakeOver(const KeptGroup& group, Work& work) const {
    std::optional<std::string> bytes = shared_.kept->ReadChunk(group);
    if (!bytes) return false;
    work.encoded = shared_.cleansed.Restore(std::move(*bytes), group.rows, group.layout);
    return work.encoded != nullptr &&
           UnpackAggregates(group.aggregates, AggregatesSchema(shared_.metrics), shared_.devices,
                            work.aggregates);
  }

  Status Prepare(const PartitionRange& range, TableBuilder& builder, TableEncoder* encoder,
                 Work& work) const {
    work.rows.Resize(range.rows);
    std::size_t at = 0;
    for (std::size_t p = range.begin; p < range.end; ++p) {
      TOCSIN_TRY(range.store->Read(p, work.rows, at));
      at += range.store->rows(p);
      range.store->Release(p);
    }
    builder.Build(work.rows, work.cleansed, work.aggregates);
    if (encoder == nullptr) return {};
    TOCSIN_ASSIGN(work.encoded, encoder->Encode(work.cleansed));
    if (!Keeps(range)) return {};
    work.layout = work.encoded->Layout();
    work.checksum = XXH3_64bits(work.encoded->bytes.data(), work.encoded->bytes.size());
    work.packed_aggregates = PackAggregates(work.aggregates, shared_.devices);
    return {};
  }

  Status HandOn(const PartitionRange& range, const TableBuilder& builder, Work& work) {
    KeptGroup group;
    if (work.taken_over) {
      ++shared_.taken_over;
      group = *range.kept;
    } else {
      for (const auto& [device, repeats] : builder.repeats()) {
        if (shared_.repeated) shared_.repeated(shared_.devices.Decode(device), repeats);
      }
      group = {.begin_partition = range.begin,
               .end_partition = range.end,
               .rows_in = range.rows,
               .rows = work.cleansed.rows,
               .checksum = work.checksum,
               .layout = work.layout,
               .aggregates = work.packed_aggregates};
    }
    group.size = work.encoded == nullptr ? 0 : work.encoded->bytes.size();
    TOCSIN_TRY(work.taken_over
                   ? shared_.cleansed.AppendKept(std::move(work.encoded))
                   : shared_.cleansed.AppendChunk(work.cleansed, std::move(work.encoded)));
    if (Keeps(range)) {
      group.position = shared_.cleansed.position() - group.size;
      TOCSIN_TRY(shared_.keep(group));
    }
    return shared_.aggregates.AppendRows(work.aggregates);
  }

  bool Keeps(const PartitionRange& range) const { return shared_.keep && range.of_division; }

  TableTask::Shared& shared_;
  const std::vector<PartitionRange> ranges_;
  const std::stop_token stop_;
  std::mutex mutex_;
  std::condition_variable turn_changed_;
  std::size_t next_ = 0;  // the range to be taken next
  std::size_t turn_ = 0;  // the range to be handed on next
  Status status_;
};

}  // namespace

Status TableTask::RunAll(Shared& shared, std::vector<PartitionRange> ranges, std::size_t threads,
                         const std::stop_token& stop) {
  return TaskThreads(shared, std::move(ranges), stop).Run(threads);
}

}  // namespace tocsin
