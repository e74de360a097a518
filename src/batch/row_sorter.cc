#include "batch/row_sorter.h"

#include <algorithm>
#include <numeric>
#include <span>

#include "base/prefetch.h"

namespace tocsin {
namespace {

constexpr std::size_t kBlockBytes = 32 * 1024;
constexpr std::size_t kLeastRows = 64;

}  // namespace

// The rows of one run that never left memory.
class MemoryRows final : public SortedRows {
 public:
  explicit MemoryRows(const RowSorter& sorter) : sorter_(&sorter) {}

  const std::uint64_t* Next() override {
    if (at_ == sorter_->order_.size()) return nullptr;
    // The rows of one device lie scattered over the input: ask for them ahead of their turn.
    constexpr std::size_t kAhead = 12;
    if (at_ + kAhead < sorter_->order_.size()) {
      PrefetchForRead(sorter_->RowAt(sorter_->order_[at_ + kAhead].index));
    }
    return sorter_->RowAt(sorter_->order_[at_++].index);
  }
  Status status() const override { return {}; }

 private:
  const RowSorter* sorter_;
  std::size_t at_ = 0;
};

// The runs of a spill file merged by a binary heap. Runs are in order of arrival, so that the
// lower run goes first among equal keys.
class MergedRows final : public SortedRows {
 public:
  explicit MergedRows(const RowSorter& sorter)
      : sorter_(&sorter), words_(sorter.layout_.words()), ranks_(sorter.RankDevices()) {}

  Status Start() {
    cursors_.resize(sorter_->runs_.size());
    for (std::uint32_t r = 0; r < cursors_.size(); ++r) {
      cursors_[r].position = sorter_->runs_[r].begin;
      cursors_[r].rows_left = sorter_->runs_[r].rows;
      TOCSIN_TRY(Advance(cursors_[r]));
      heap_.push_back(Key(r));
    }
    std::make_heap(heap_.begin(), heap_.end(), After);
    return {};
  }

  const std::uint64_t* Next() override {
    if (!status_) return nullptr;
    // The row handed out last is released only now: refilling its block would overwrite it.
    if (pending_) {
      Cursor& cursor = cursors_[heap_.front().run];
      status_ = Advance(cursor);
      if (!status_) return nullptr;
      ReplaceTop(cursor);
    }
    pending_ = !heap_.empty();
    return pending_ ? cursors_[heap_.front().run].row : nullptr;
  }
  Status status() const override { return status_; }

 private:
  struct Cursor {
    std::uint64_t position = 0;   // of the next block
    std::uint64_t rows_left = 0;  // beyond the block in memory
    std::vector<std::uint64_t> block;
    std::size_t at = 0;                  // first word of the next row in `block`
    const std::uint64_t* row = nullptr;  // nullptr at the end of the run
  };
  struct HeapKey {
    std::uint32_t rank;
    std::uint32_t run;
    std::int64_t time_us;
  };

  static bool After(const HeapKey& a, const HeapKey& b) {
    if (a.rank != b.rank) return a.rank > b.rank;
    if (a.time_us != b.time_us) return a.time_us > b.time_us;
    return a.run > b.run;
  }

  HeapKey Key(std::uint32_t run) const {
    const RowView row(cursors_[run].row);
    return {ranks_[row.device()], run, row.time_us()};
  }

  Status Advance(Cursor& cursor) {
    if (cursor.at == cursor.block.size()) {
      if (cursor.rows_left == 0) {
        cursor.row = nullptr;
        return {};
      }
      const std::uint64_t rows = std::min<std::uint64_t>(cursor.rows_left, sorter_->BlockRows());
      cursor.block.resize(static_cast<std::size_t>(rows) * words_);
      TOCSIN_TRY(sorter_->spill_->ReadBlock(cursor.position, cursor.block));
      cursor.position += SpillFile::BlockBytes(cursor.block.size());
      cursor.rows_left -= rows;
      cursor.at = 0;
    }
    cursor.row = cursor.block.data() + cursor.at;
    cursor.at += words_;
    return {};
  }

  // Gives the top of the heap its run's new row, or removes it at the end of the run, and sifts.
  void ReplaceTop(const Cursor& cursor) {
    HeapKey key;
    if (cursor.row == nullptr) {
      key = heap_.back();
      heap_.pop_back();
      if (heap_.empty()) return;
    } else {
      key = Key(heap_.front().run);
    }
    std::size_t hole = 0;
    for (std::size_t child = 1; child < heap_.size(); child = 2 * hole + 1) {
      if (child + 1 < heap_.size() && After(heap_[child], heap_[child + 1])) ++child;
      if (!After(key, heap_[child])) break;
      heap_[hole] = heap_[child];
      hole = child;
    }
    heap_[hole] = key;
  }

  const RowSorter* sorter_;
  std::size_t words_;
  std::vector<std::uint32_t> ranks_;
  std::vector<Cursor> cursors_;
  std::vector<HeapKey> heap_;
  bool pending_ = false;
  Status status_;
};

RowSorter::RowSorter(RowLayout layout, const DeviceDictionary& devices, std::size_t memory_bytes,
                     std::string spill_directory)
    : layout_(layout),
      devices_(&devices),
      capacity_(std::clamp<std::size_t>(memory_bytes / (layout.bytes() + sizeof(Entry)), kLeastRows,
                                        0xffffffff)),
      spill_directory_(std::move(spill_directory)) {}

void RowSorter::AddSegment() {
  segments_.push_back(
      std::make_unique_for_overwrite<std::uint64_t[]>(kSegmentRows * layout_.words()));
}

std::size_t RowSorter::BlockRows() const {
  return std::max<std::size_t>(kBlockBytes / layout_.bytes(), 1);
}

// The place of each device code in the bytewise order of the ids.
std::vector<std::uint32_t> RowSorter::RankDevices() const {
  std::vector<std::uint32_t> codes(devices_->size());
  std::iota(codes.begin(), codes.end(), 0U);
  std::sort(codes.begin(), codes.end(), [&](std::uint32_t a, std::uint32_t b) {
    return devices_->Decode(a) < devices_->Decode(b);
  });
  std::vector<std::uint32_t> ranks(codes.size());
  for (std::uint32_t rank = 0; rank < codes.size(); ++rank) ranks[codes[rank]] = rank;
  return ranks;
}

// A counting sort by device, which keeps the order of arrival, then each device's rows by time:
// these mostly come in order already.
void RowSorter::SortInMemory() {
  const std::vector<std::uint32_t> ranks = RankDevices();
  std::vector<std::uint32_t> start(ranks.size() + 1);
  for (std::size_t i = 0; i < count_; ++i) ++start[ranks[RowView(RowAt(i)).device()] + 1];
  std::partial_sum(start.begin(), start.end(), start.begin());
  const std::vector<std::uint32_t> begin = start;
  order_.resize(count_);
  for (std::uint32_t i = 0; i < count_; ++i) {
    const RowView row(RowAt(i));
    order_[start[ranks[row.device()]]++] = {row.time_us(), i};
  }
  const auto earlier = [](const Entry& a, const Entry& b) { return a.time_us < b.time_us; };
  for (std::size_t d = 0; d + 1 < begin.size(); ++d) {
    const auto first = order_.begin() + begin[d];
    const auto last = order_.begin() + begin[d + 1];
    if (std::is_sorted(first, last, earlier)) continue;
    std::sort(first, last, [](const Entry& a, const Entry& b) {
      return a.time_us != b.time_us ? a.time_us < b.time_us : a.index < b.index;
    });
  }
}

Status RowSorter::Spill() {
  if (!spill_) {
    TOCSIN_TRY(MakeDirectories(spill_directory_));
    TOCSIN_ASSIGN(spill_, SpillFile::Create(spill_directory_));
  }
  SortInMemory();
  runs_.push_back({spill_->size(), count_});
  const std::size_t words = layout_.words();
  std::vector<std::uint64_t> block;
  block.reserve(BlockRows() * words);
  MemoryRows rows(*this);
  while (const std::uint64_t* row = rows.Next()) {
    block.insert(block.end(), row, row + words);
    if (block.size() < BlockRows() * words) continue;
    TOCSIN_TRY(spill_->AppendBlock(block));
    block.clear();
  }
  if (!block.empty()) TOCSIN_TRY(spill_->AppendBlock(block));
  count_ = 0;
  return {};
}

Result<std::unique_ptr<SortedRows>> RowSorter::Finish() {
  if (runs_.empty()) {
    SortInMemory();
    return std::make_unique<MemoryRows>(*this);
  }
  if (count_ > 0) TOCSIN_TRY(Spill());
  // The merge needs the memory for its blocks.
  order_ = {};
  segments_.clear();
  auto merged = std::make_unique<MergedRows>(*this);
  TOCSIN_TRY(merged->Start());
  return merged;
}

}  // namespace tocsin
