#include "batch/row_partitioner.h"

#include <algorithm>
#include <numeric>

#include "batch/aggregator.h"

namespace tocsin {
namespace {

// Rows that are looked at to choose the ranges.
constexpr std::uint64_t kFirstRows = 128 * 1024;
constexpr std::size_t kMaxPartitions = 1024;
constexpr std::size_t kPartitionsOfUnknown = 64;
constexpr std::uint64_t kSamples = 8192;

Status AppendRow(PartitionStore& to, std::size_t partition, const RowColumns& rows, std::size_t row,
                 std::vector<char>& buffer) {
  buffer.resize(rows.metrics.size() * kMaxMetricBytes + 1);
  char* end = buffer.data();
  for (const auto& column : rows.metrics) end = WriteMetric(end, column[row]);
  return to.Append(partition, rows.device[row], rows.time_us[row], rows.status[row],
                   {buffer.data(), static_cast<std::size_t>(end - buffer.data())});
}

}  // namespace

RowPartitioner::RowPartitioner(Options options, const DeviceDictionary& devices)
    : options_(std::move(options)),
      devices_(devices),
      store_(std::make_shared<PartitionStore>(options_.metric_count, 1, options_.memory_bytes,
                                              options_.spill_directory)) {}

void RowPartitioner::AssignNewDevices() {
  for (auto code = static_cast<std::uint32_t>(partition_of_.size()); code < devices_.size();
       ++code) {
    const auto after = std::ranges::upper_bound(first_ids_, devices_.Decode(code));
    partition_of_.push_back(static_cast<std::uint32_t>(after - first_ids_.begin()));
  }
}

Status RowPartitioner::MayDivide(std::uint64_t part, std::uint64_t whole) {
  if (divided_ || rows_ < kFirstRows) return {};
  divided_ = true;
  std::size_t partitions = kPartitionsOfUnknown;
  if (whole > 0 && part > 0) {
    const double expected =
        static_cast<double>(rows_) * static_cast<double>(whole) / static_cast<double>(part);
    partitions = static_cast<std::size_t>(expected / static_cast<double>(options_.target_rows)) + 1;
  }
  // Every partition has a block of its own in memory.
  const std::size_t most = std::max<std::size_t>(options_.memory_bytes / (64 * 1024), 1);
  return DivideFirstRows(std::min({partitions, most, kMaxPartitions}));
}

Status RowPartitioner::DivideFirstRows(std::size_t partitions) {
  std::vector<std::uint64_t> rows_of(devices_.size());
  RowColumns rows(options_.metric_count);
  const auto count = [&](const RowColumns& some) -> Status {
    for (const std::uint32_t device : some.device) ++rows_of[device];
    return {};
  };
  TOCSIN_TRY(store_->ForEachBlock(0, rows, count));
  std::vector<std::uint32_t> by_id(devices_.size());
  std::iota(by_id.begin(), by_id.end(), 0U);
  std::ranges::sort(by_id, {}, [&](std::uint32_t code) { return devices_.Decode(code); });
  std::uint64_t before = 0;
  for (const std::uint32_t code : by_id) {
    const std::uint64_t share = rows_ * (first_ids_.size() + 1) / partitions;
    if (before >= share && before > 0 && first_ids_.size() + 1 < partitions) {
      first_ids_.push_back(devices_.Decode(code));
    }
    before += rows_of[code];
  }
  partition_of_.clear();
  AssignNewDevices();
  auto divided = std::make_shared<PartitionStore>(options_.metric_count, first_ids_.size() + 1,
                                                  options_.memory_bytes, options_.spill_directory);
  std::vector<char> buffer;
  const auto append = [&](const RowColumns& some) -> Status {
    for (std::size_t row = 0; row < some.size(); ++row) {
      TOCSIN_TRY(AppendRow(*divided, partition_of_[some.device[row]], some, row, buffer));
    }
    return {};
  };
  TOCSIN_TRY(store_->ForEachBlock(0, rows, append));
  store_ = std::move(divided);
  return {};
}

Result<std::vector<PartitionRange>> RowPartitioner::Finish(std::uint64_t most_rows, bool by_hour) {
  std::vector<PartitionRange> ranges;
  const auto add_all_of = [&](const std::shared_ptr<PartitionStore>& store, std::size_t begin,
                              std::size_t end) {
    for (std::size_t p = begin; p < end; ++p) {
      const std::uint64_t rows = store->rows(p);
      if (rows == 0) continue;
      if (!ranges.empty() && ranges.back().store == store &&
          ranges.back().rows + rows <= std::min(options_.target_rows, most_rows)) {
        ranges.back().end = p + 1;
        ranges.back().rows += rows;
      } else {
        ranges.push_back({store, p, p + 1, rows});
      }
    }
  };
  std::size_t large = 0;
  for (std::size_t p = 0; p < store_->partitions(); ++p) {
    large += store_->rows(p) > most_rows ? 1U : 0U;
  }
  for (std::size_t p = 0; p < store_->partitions(); ++p) {
    if (!by_hour || store_->rows(p) <= most_rows) {
      add_all_of(store_, p, p + 1);
      continue;
    }
    TOCSIN_ASSIGN(const PartitionRange pieces,
                  DivideByHour(p, std::min(options_.target_rows, most_rows),
                               options_.memory_bytes / 4 / large));
    add_all_of(pieces.store, pieces.begin, pieces.end);
    store_->Release(p);
  }
  return ranges;
}

Status RowPartitioner::ForEachRawBlock(const PartitionStore::UseRawBlock& use) const {
  for (std::size_t p = 0; p < store_->partitions(); ++p) {
    TOCSIN_TRY(store_->ForEachRawBlock(p, use));
  }
  return {};
}

Status RowPartitioner::AppendRawBlock(const char* bytes, std::uint32_t count) {
  RowColumns rows(options_.metric_count);
  PartitionStore::ReadRawBlock(bytes, count, rows);
  if (partition_of_.size() < devices_.size()) AssignNewDevices();
  std::vector<char> buffer;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    TOCSIN_TRY(AppendRow(*store_, partition_of_[rows.device[row]], rows, row, buffer));
  }
  rows_ += count;
  return {};
}

// Divides a partition at hours of devices, which are chosen from a sample of its rows.
Result<PartitionRange> RowPartitioner::DivideByHour(std::size_t partition, std::uint64_t piece_rows,
                                                    std::size_t memory_bytes) {
  using Place = std::pair<std::string_view, std::int64_t>;  // device id, hour
  const std::uint64_t all = store_->rows(partition);
  const std::uint64_t stride = std::max<std::uint64_t>(all / kSamples, 1);
  std::vector<Place> sample;
  std::uint64_t seen = 0;
  RowColumns rows(options_.metric_count);
  const auto take = [&](const RowColumns& some) -> Status {
    for (std::size_t row = 0; row < some.size(); ++row) {
      if (seen++ % stride != 0) continue;
      sample.emplace_back(devices_.Decode(some.device[row]), HourOf(some.time_us[row]));
    }
    return {};
  };
  TOCSIN_TRY(store_->ForEachBlock(partition, rows, take));
  std::ranges::sort(sample);
  const std::uint64_t pieces = all / piece_rows + 1;
  std::vector<Place> first;  // of all pieces but the first
  for (std::uint64_t piece = 1; piece < pieces; ++piece) {
    const Place& place = sample[sample.size() * piece / pieces];
    if (place > sample.front() && (first.empty() || place > first.back())) first.push_back(place);
  }
  auto store = std::make_shared<PartitionStore>(options_.metric_count, first.size() + 1,
                                                memory_bytes, options_.spill_directory);
  // By device code: the pieces that begin with it, once it is met.
  std::vector<std::pair<std::uint32_t, std::uint32_t>> begins(devices_.size(), {1, 0});
  std::vector<char> buffer;
  const auto append = [&](const RowColumns& some) -> Status {
    for (std::size_t row = 0; row < some.size(); ++row) {
      auto& [low, high] = begins[some.device[row]];
      if (low > high) {
        const std::string_view id = devices_.Decode(some.device[row]);
        const auto same = std::ranges::equal_range(first, id, {}, &Place::first);
        low = static_cast<std::uint32_t>(same.begin() - first.begin());
        high = static_cast<std::uint32_t>(same.end() - first.begin());
      }
      const auto hour_us = HourOf(some.time_us[row]);
      std::uint32_t piece = low;
      while (piece < high && first[piece].second <= hour_us) ++piece;
      TOCSIN_TRY(AppendRow(*store, piece, some, row, buffer));
    }
    return {};
  };
  TOCSIN_TRY(store_->ForEachBlock(partition, rows, append));
  return PartitionRange{store, 0, store->partitions(), all};
}

}  // namespace tocsin
