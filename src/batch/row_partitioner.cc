#include "batch/row_partitioner.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "batch/aggregator.h"

namespace tocsin {
namespace {

// Rows that are looked at to choose the ranges.
constexpr std::uint64_t kFirstRows = 128 * 1024;
constexpr std::size_t kMaxPartitions = 1024;
constexpr std::size_t kPartitionsOfUnknown = 64;
constexpr std::uint64_t kSamples = 8192;

}  // namespace

RowPartitioner::RowPartitioner(Options options, const SharedDictionary& devices)
    : options_(std::move(options)),
      devices_(devices),
      store_(std::make_shared<PartitionStore>(options_.metric_count, 1, options_.memory_bytes,
                                              options_.spill_directory)) {}

Status RowPartitioner::Append(const RowSegments& rows) {
  rows_ += rows.rows();
  return store_->Append(rows);
}

Status RowPartitioner::Append(const RowColumns& rows) {
  const std::shared_ptr<const RowDivision> division = this->division();
  if (division != division_of_devices_) partition_of_device_.clear();
  division_of_devices_ = division;
  division->Extend(*devices_.Lock(), partition_of_device_);
  rows_ += rows.size();
  return AppendTo(*store_, rows, partition_of_device_, division->partitions());
}

Status RowPartitioner::AppendTo(PartitionStore& store, const RowColumns& rows,
                                const std::vector<std::uint32_t>& partition_of_device,
                                std::size_t partitions) {
  partition_of_row_.resize(rows.size());
  for (std::size_t row = 0; row < rows.size(); ++row) {
    partition_of_row_[row] = partition_of_device[rows.device[row]];
  }
  segments_.Build(rows, partition_of_row_, partitions);
  return store.Append(segments_);
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
  return DivideFirstRows(std::min(partitions, MostPartitions()));
}

// Every partition has a block of its own in memory.
std::size_t RowPartitioner::MostPartitions() const {
  return std::clamp<std::size_t>(options_.memory_bytes / (64 * 1024), 1, kMaxPartitions);
}

Status RowPartitioner::DivideFirstRows(std::size_t partitions) {
  const SharedDictionary::Locked devices = devices_.Lock();
  std::vector<std::uint64_t> rows_of(devices->size());
  RowColumns rows(options_.metric_count);
  const auto count = [&](const RowColumns& some) -> Status {
    for (const std::uint32_t device : some.device) ++rows_of[device];
    return {};
  };
  TOCSIN_TRY(store_->ForEachBlock(0, rows, count));
  std::vector<std::uint32_t> by_id(devices->size());
  std::iota(by_id.begin(), by_id.end(), 0U);
  std::ranges::sort(by_id, {}, [&](std::uint32_t code) { return devices->Decode(code); });
  auto division = std::make_shared<RowDivision>();
  std::uint64_t before = 0;
  for (const std::uint32_t code : by_id) {
    const std::uint64_t share = rows_ * division->partitions() / partitions;
    // A device that no row is of yet must not decide: which ones are known already is chance.
    if (rows_of[code] == 0) continue;
    if (before >= share && before > 0 && division->partitions() < partitions) {
      division->first_ids.push_back(devices->Decode(code));
    }
    before += rows_of[code];
  }
  auto divided = std::make_shared<PartitionStore>(options_.metric_count, division->partitions(),
                                                  options_.memory_bytes, options_.spill_directory);
  std::vector<std::uint32_t> partition_of_device;
  division->Extend(*devices, partition_of_device);
  const auto append = [&](const RowColumns& some) {
    return AppendTo(*divided, some, partition_of_device, division->partitions());
  };
  TOCSIN_TRY(store_->ForEachBlock(0, rows, append));
  store_ = std::move(divided);
  const std::lock_guard lock(mutex_);
  division_ = std::move(division);
  return {};
}

// Its rows are all rows of its partitions.
bool RowPartitioner::IsWhole(const KeptGroup& group, std::uint64_t most_rows) const {
  if (group.end_partition > raw_rows_.size() || group.rows_in > most_rows) return false;
  std::uint64_t rows = 0;
  for (std::size_t p = group.begin_partition; p < group.end_partition; ++p) {
    if (store_->rows(p) != raw_rows_[p]) return false;
    rows += raw_rows_[p];
  }
  return rows == group.rows_in && rows > 0;
}

Result<std::vector<PartitionRange>> RowPartitioner::Finish(std::uint64_t most_rows, bool by_hour,
                                                           std::span<const KeptGroup> kept) {
  std::vector<PartitionRange> ranges;
  const std::uint64_t wished_rows = std::min(options_.target_rows, most_rows);
  const auto add = [&](const std::shared_ptr<PartitionStore>& store, std::size_t p) {
    const std::uint64_t rows = store->rows(p);
    if (rows == 0) return;
    PartitionRange* const last = ranges.empty() ? nullptr : &ranges.back();
    if (last != nullptr && last->store == store && last->kept == nullptr &&
        last->rows + rows <= wished_rows) {
      last->end = p + 1;
      last->rows += rows;
    } else {
      ranges.push_back({store, p, p + 1, rows, store == store_});
    }
  };
  std::size_t large = 0;
  for (std::size_t p = 0; p < store_->partitions(); ++p) {
    large += store_->rows(p) > most_rows ? 1U : 0U;
  }
  for (std::size_t p = 0; p < store_->partitions();) {
    while (!kept.empty() && kept.front().begin_partition < p) kept = kept.subspan(1);
    if (!kept.empty() && kept.front().begin_partition == p && IsWhole(kept.front(), most_rows)) {
      const KeptGroup& group = kept.front();
      ranges.push_back({store_, p, group.end_partition, group.rows_in, true, &group});
      p = group.end_partition;
      continue;
    }
    if (!by_hour || store_->rows(p) <= most_rows) {
      add(store_, p++);
      continue;
    }
    TOCSIN_ASSIGN(const PartitionRange pieces,
                  DivideByHour(p, wished_rows, options_.memory_bytes / 4 / large));
    for (std::size_t piece = pieces.begin; piece < pieces.end; ++piece) add(pieces.store, piece);
    store_->Release(p++);
  }
  return ranges;
}

Status RowPartitioner::Drain(const std::function<Status(const RowColumns& rows)>& use) {
  RowColumns rows(options_.metric_count);
  for (std::size_t p = 0; p < store_->partitions(); ++p) {
    TOCSIN_TRY(store_->ForEachBlock(p, rows, use));
    store_->Release(p);
  }
  return {};
}

Status RowPartitioner::ForEachRawBlock(const UseRawBlock& use) const {
  for (std::size_t p = 0; p < store_->partitions(); ++p) {
    TOCSIN_TRY(store_->ForEachRawBlock(
        p, [&](std::string_view segments, std::uint32_t rows) { return use(p, segments, rows); }));
  }
  return {};
}

Status RowPartitioner::TakeUpDivision(std::span<const std::string_view> first_ids,
                                      std::uint64_t rows) {
  const std::size_t partitions = first_ids.size() + 1;
  // So many rows would be divided by more ranges, or by fewer.
  if (rows < kFirstRows || rows > 2 * partitions * options_.target_rows ||
      partitions > MostPartitions() || !std::ranges::is_sorted(first_ids)) {
    return {};
  }
  auto division = std::make_shared<RowDivision>();
  const SharedDictionary::Locked devices = devices_.Lock();
  for (const std::string_view id : first_ids) {
    const std::uint32_t code = devices->Find(id);
    if (code == DeviceDictionary::kUnknown) return {};
    division->first_ids.push_back(devices->Decode(code));
  }
  store_ = std::make_shared<PartitionStore>(options_.metric_count, partitions,
                                            options_.memory_bytes, options_.spill_directory);
  divided_ = took_up_division_ = true;
  raw_rows_.resize(partitions);
  const std::lock_guard lock(mutex_);
  division_ = std::move(division);
  return {};
}

Status RowPartitioner::AppendRawBlock(std::size_t partition, std::string_view segments,
                                      std::uint32_t count) {
  if (took_up_division_) {
    if (partition >= store_->partitions()) {
      return Fail(Code::kInternal, "a block of rows is of partition " + std::to_string(partition) +
                                       ", of " + std::to_string(store_->partitions()));
    }
    rows_ += count;
    raw_rows_[partition] += count;
    const RowSegment whole = {.partition = static_cast<std::uint32_t>(partition),
                              .rows = count,
                              .begin = 0,
                              .size = segments.size()};
    return store_->Append({&whole, 1}, segments.data());
  }
  RowColumns rows(options_.metric_count);
  rows.Resize(count);
  RowSegments::Read(segments, rows, 0);
  return Append(rows);
}

// Divides a partition at hours of devices, which are chosen from a sample of its rows.
Result<PartitionRange> RowPartitioner::DivideByHour(std::size_t partition, std::uint64_t piece_rows,
                                                    std::size_t memory_bytes) {
  using Place = std::pair<std::string_view, std::int64_t>;  // device id, hour
  const std::uint64_t all = store_->rows(partition);
  const std::uint64_t stride = std::max<std::uint64_t>(all / kSamples, 1);
  std::vector<Place> sample;
  const DeviceDictionary& devices = devices_.codes();
  std::uint64_t seen = 0;
  RowColumns rows(options_.metric_count);
  const auto take = [&](const RowColumns& some) -> Status {
    for (std::size_t row = 0; row < some.size(); ++row) {
      if (seen++ % stride != 0) continue;
      sample.emplace_back(devices.Decode(some.device[row]), HourOf(some.time_us[row]));
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
  std::vector<std::pair<std::uint32_t, std::uint32_t>> begins(devices.size(), {1, 0});
  const auto append = [&](const RowColumns& some) -> Status {
    partition_of_row_.resize(some.size());
    for (std::size_t row = 0; row < some.size(); ++row) {
      auto& [low, high] = begins[some.device[row]];
      if (low > high) {
        const std::string_view id = devices.Decode(some.device[row]);
        const auto same = std::ranges::equal_range(first, id, {}, &Place::first);
        low = static_cast<std::uint32_t>(same.begin() - first.begin());
        high = static_cast<std::uint32_t>(same.end() - first.begin());
      }
      const auto hour_us = HourOf(some.time_us[row]);
      std::uint32_t piece = low;
      while (piece < high && first[piece].second <= hour_us) ++piece;
      partition_of_row_[row] = piece;
    }
    segments_.Build(some, partition_of_row_, store->partitions());
    return store->Append(segments_);
  };
  TOCSIN_TRY(store_->ForEachBlock(partition, rows, append));
  return PartitionRange{.store = store, .end = store->partitions(), .rows = all};
}

}  // namespace tocsin
