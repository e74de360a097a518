#include "batch/text_rows.h"

#include <algorithm>
#include <utility>

namespace tocsin {
namespace {

// Of a device in the dictionary and in the arrays that go by its code, beside the text.
constexpr std::uint64_t kDeviceBytes = 64;
constexpr std::size_t kSamples = 16'384;
constexpr std::size_t kMaxPieces = 1024;

}  // namespace

std::uint64_t TextRows::Ranges::DictionaryBytes(std::size_t range) const {
  return store->rows(range) * kDeviceBytes + store->bytes(range);
}

TextRows::TextRows(Options options, const RowDivision& division)
    : options_(std::move(options)),
      ranges_(MakeRanges({division.first_ids.begin(), division.first_ids.end()})) {}

TextRows::Ranges TextRows::MakeRanges(std::vector<std::string> first_ids) const {
  Ranges ranges;
  ranges.texts = std::move(first_ids);
  auto division = std::make_shared<RowDivision>();
  division->first_ids.assign(ranges.texts.begin(), ranges.texts.end());
  ranges.store =
      std::make_unique<PartitionStore>(options_.coded.metric_count, division->partitions(),
                                       options_.memory_bytes, options_.coded.spill_directory);
  ranges.division = std::move(division);
  return ranges;
}

Status TextRows::Append(const TextSegments& rows) {
  return ranges_.store->Append(rows.segments(), rows.bytes());
}

Status TextRows::ForEachPart(const UsePart& use) {
  const std::size_t count = ranges_.division->partitions();
  for (std::size_t begin = 0; begin < count;) {
    if (ranges_.DictionaryBytes(begin) > options_.dictionary_bytes) {
      TOCSIN_ASSIGN(Ranges pieces, Split(begin));
      ranges_.store->Release(begin++);
      TOCSIN_TRY(UseSmallRanges(pieces, 0, pieces.division->partitions(), use));
      continue;
    }
    std::size_t end = begin;
    while (end < count && ranges_.DictionaryBytes(end) <= options_.dictionary_bytes) ++end;
    TOCSIN_TRY(UseSmallRanges(ranges_, begin, end, use));
    begin = end;
  }
  return {};
}

// As many at a time as have room.
Status TextRows::UseSmallRanges(Ranges& ranges, std::size_t begin, std::size_t end,
                                const UsePart& use) const {
  while (begin < end) {
    std::size_t next = begin;
    for (std::uint64_t bytes = 0; next < end; ++next) {
      bytes += ranges.DictionaryBytes(next);
      if (next > begin && bytes > options_.dictionary_bytes) break;
    }
    TOCSIN_TRY(UseRanges(ranges, begin, next, use));
    begin = next;
  }
  return {};
}

Status TextRows::UseRanges(Ranges& ranges, std::size_t begin, std::size_t end,
                           const UsePart& use) const {
  std::uint64_t all = 0;
  for (std::size_t range = begin; range < end; ++range) all += ranges.store->rows(range);
  if (all == 0) return {};
  CodedRows part(options_.coded);
  RowColumns rows(options_.coded.metric_count);
  std::uint64_t done = 0;
  const auto append = [&](std::string_view segments, std::uint32_t count) -> Status {
    TextSegments::Read(segments, count, rows, part.devices.codes(), part.statuses.codes());
    TOCSIN_TRY(part.partitioner.Append(rows));
    done += count;
    return part.partitioner.MayDivide(done, all);
  };
  for (std::size_t range = begin; range < end; ++range) {
    TOCSIN_TRY(ranges.store->ForEachRawBlock(range, append));
    ranges.store->Release(range);
  }
  return use(part);
}

// Ids at even distances in the order of the rows of a range, by a sample.
Result<std::vector<std::string>> TextRows::ChooseFirstIds(std::size_t range,
                                                          std::size_t pieces) const {
  const std::uint64_t stride = std::max<std::uint64_t>(ranges_.store->rows(range) / kSamples, 1);
  std::vector<std::string> sample;
  std::uint64_t seen = 0;
  RowColumns rows(options_.coded.metric_count);
  const auto take = [&](std::string_view segments, std::uint32_t count) -> Status {
    DeviceDictionary devices;
    DeviceDictionary statuses;
    TextSegments::Read(segments, count, rows, devices, statuses);
    for (const std::uint32_t device : rows.device) {
      if (seen++ % stride == 0) sample.emplace_back(devices.Decode(device));
    }
    return {};
  };
  TOCSIN_TRY(ranges_.store->ForEachRawBlock(range, take));
  std::ranges::sort(sample);
  std::vector<std::string> first_ids;
  for (std::size_t piece = 1; piece < pieces; ++piece) {
    const std::string& id = sample[sample.size() * piece / pieces];
    if (id > sample.front() && (first_ids.empty() || id > first_ids.back())) {
      first_ids.push_back(id);
    }
  }
  return first_ids;
}

// A range that is too large, as several.
Result<TextRows::Ranges> TextRows::Split(std::size_t range) {
  const std::uint64_t wished = std::max<std::uint64_t>(options_.dictionary_bytes / 4 * 3, 1);
  const std::uint64_t pieces = ranges_.DictionaryBytes(range) / wished + 1;
  TOCSIN_ASSIGN(std::vector<std::string> first_ids,
                ChooseFirstIds(range, std::min<std::uint64_t>(pieces, kMaxPieces)));
  Ranges split = MakeRanges(std::move(first_ids));
  RowColumns rows(options_.coded.metric_count);
  std::vector<std::uint32_t> range_of_device;
  std::vector<std::uint32_t> range_of_row;
  TextSegments segments;
  const auto append = [&](std::string_view bytes, std::uint32_t count) -> Status {
    DeviceDictionary devices;
    DeviceDictionary statuses;
    TextSegments::Read(bytes, count, rows, devices, statuses);
    range_of_device.clear();
    split.division->Extend(devices, range_of_device);
    range_of_row.clear();
    for (const std::uint32_t device : rows.device) range_of_row.push_back(range_of_device[device]);
    segments.Build(rows, devices, statuses, range_of_row, split.division->partitions());
    return split.store->Append(segments.segments(), segments.bytes());
  };
  TOCSIN_TRY(ranges_.store->ForEachRawBlock(range, append));
  return split;
}

}  // namespace tocsin
