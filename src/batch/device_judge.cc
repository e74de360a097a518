#include "batch/device_judge.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

namespace tocsin {
namespace {

// Devices are judged in groups of about so many rows, which is what vectorised rules want.
constexpr std::size_t kGroupRows = 8192;
constexpr std::size_t kLeastRows = 64;

}  // namespace

DeviceJudge::DeviceJudge(const RuleSet& rules, const RowLayout& layout,
                         const DeviceDictionary& devices, const DeviceDictionary& statuses,
                         std::size_t memory_bytes, std::string spill_directory, Emit emit)
    : rules_(rules),
      layout_(layout),
      devices_(devices),
      statuses_(statuses),
      sorter_bytes_(memory_bytes / 4),
      spill_directory_(std::move(spill_directory)),
      emit_(std::move(emit)),
      capacity_(std::max(memory_bytes / 2 / layout.bytes(), kLeastRows)),
      memory_(std::make_unique<RuleMemory>(rules)),
      events_(layout.metric_count) {}

Status DeviceJudge::Add(RowView row) {
  if (row.device() != device_) {
    if (by_input_) {
      TOCSIN_TRY(FinishLargeDevice());
    } else if (buffered() >= std::min(kGroupRows, capacity_)) {
      TOCSIN_TRY(EmitBuffered(buffered()));
    }
    device_ = row.device();
    device_begin_ = buffered();
  }
  if (by_input_) return SortByInput(row);
  if (buffered() == capacity_) {
    TOCSIN_TRY(MakeRoom());
    if (by_input_) return SortByInput(row);
  }
  buffer_.insert(buffer_.end(), row.words(), row.words() + layout_.words());
  return {};
}

Status DeviceJudge::Finish() {
  return by_input_ ? FinishLargeDevice() : EmitBuffered(buffered());
}

// The devices before the current one go first; when it fills the buffer alone, its rows go to disk.
Status DeviceJudge::MakeRoom() {
  if (device_begin_ > 0) return EmitBuffered(device_begin_);
  by_input_.emplace(layout_, devices_, sorter_bytes_, spill_directory_);
  for (std::size_t row = 0; row < buffered(); ++row) {
    TOCSIN_TRY(SortByInput(RowView(BufferedRow(row))));
  }
  buffer_.clear();
  return {};
}

// Judges and hands on the first `rows` rows of the buffer: those of whole devices.
Status DeviceJudge::EmitBuffered(std::size_t rows) {
  std::vector<std::uint64_t*> ordered(rows);
  for (std::size_t i = 0; i < rows; ++i) ordered[i] = BufferedRow(i);
  const auto in_input = [&](const std::uint64_t* a, const std::uint64_t* b) {
    return RowView(a).sequence(layout_) < RowView(b).sequence(layout_);
  };
  for (auto begin = ordered.begin(); begin != ordered.end();) {
    const std::uint32_t device = RowView(*begin).device();
    const auto end = std::find_if(begin, ordered.end(),
                                  [&](const auto* row) { return RowView(row).device() != device; });
    if (!std::is_sorted(begin, end, in_input)) std::sort(begin, end, in_input);
    begin = end;
  }
  for (std::size_t at = 0; at < rows; at += kGroupRows) {
    JudgeInInputOrder(std::span(ordered).subspan(at, std::min(kGroupRows, rows - at)));
  }
  for (std::size_t i = 0; i < rows; ++i) TOCSIN_TRY(emit_(RowView(BufferedRow(i))));
  buffer_.erase(buffer_.begin(),
                buffer_.begin() + static_cast<std::ptrdiff_t>(rows * layout_.words()));
  device_begin_ = 0;
  memory_ = std::make_unique<RuleMemory>(rules_);
  last_judged_ = DeviceDictionary::kUnknown;
  judged_devices_ = 0;
  return {};
}

// The sorter orders by the first word, so time and place in the input change places in its rows.
Status DeviceJudge::SortByInput(RowView row) {
  if (by_input_->full()) TOCSIN_TRY(by_input_->Spill());
  std::uint64_t* const words = by_input_->Append();
  std::copy_n(row.words(), layout_.words(), words);
  std::swap(words[0], words[layout_.SequenceWord()]);
  return {};
}

Status DeviceJudge::FinishLargeDevice() {
  TOCSIN_ASSIGN(const std::unique_ptr<SortedRows> rows, by_input_->Finish());
  RowSorter by_time(layout_, devices_, sorter_bytes_, spill_directory_);
  std::vector<std::uint64_t> group;
  const auto judge_group = [&]() -> Status {
    std::vector<std::uint64_t*> ordered;
    for (std::size_t at = 0; at < group.size(); at += layout_.words()) {
      ordered.push_back(group.data() + at);
    }
    JudgeInInputOrder(ordered);
    for (const std::uint64_t* words : ordered) {
      if (by_time.full()) TOCSIN_TRY(by_time.Spill());
      std::copy_n(words, layout_.words(), by_time.Append());
    }
    group.clear();
    return {};
  };
  while (const std::uint64_t* words = rows->Next()) {
    group.insert(group.end(), words, words + layout_.words());
    std::uint64_t* const row = &group[group.size() - layout_.words()];
    std::swap(row[0], row[layout_.SequenceWord()]);
    if (group.size() >= kGroupRows * layout_.words()) TOCSIN_TRY(judge_group());
  }
  TOCSIN_TRY(rows->status());
  TOCSIN_TRY(judge_group());
  TOCSIN_ASSIGN(const std::unique_ptr<SortedRows> judged, by_time.Finish());
  while (const std::uint64_t* words = judged->Next()) TOCSIN_TRY(emit_(RowView(words)));
  TOCSIN_TRY(judged->status());
  by_input_.reset();
  return EmitBuffered(0);
}

// Rows of one device stand together, each device's in the order of the input; the first may go on
// with the device of the call before.
void DeviceJudge::JudgeInInputOrder(std::span<std::uint64_t* const> rows) {
  if (rows.empty()) return;
  events_.Clear();
  batch_rows_.resize(rows.size());
  std::iota(batch_rows_.begin(), batch_rows_.end(), 0U);
  codes_.clear();
  in_order_.clear();
  for (const std::uint64_t* words : rows) {
    const RowView row(words);
    if (row.device() != last_judged_) {
      last_judged_ = row.device();
      ++judged_devices_;
      clock_us_ = std::numeric_limits<std::int64_t>::min();
    }
    codes_.push_back(judged_devices_ - 1);
    in_order_.push_back(row.time_us() >= clock_us_ ? 1 : 0);
    clock_us_ = std::max(clock_us_, row.time_us());
    events_.device_id.push_back(devices_.Decode(row.device()));
    events_.time_us.push_back(row.time_us());
    for (std::size_t m = 0; m < layout_.metric_count; ++m) {
      events_.metrics[m].push_back(row.metric(m));
    }
    events_.status.push_back(row.status() == DeviceDictionary::kUnknown
                                 ? std::string_view()
                                 : statuses_.Decode(row.status()));
    events_.reject.push_back(RejectReason::kNone);
  }
  const RuleOutcome& outcome = memory_->Evaluate(
      events_, batch_rows_, {.device = codes_, .time_us = events_.time_us, .in_order = in_order_});
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto conditions = outcome.Row(i);
    for (std::size_t w = 0; w < layout_.condition_words; ++w) {
      rows[i][layout_.ConditionWord(w)] = conditions[w];
    }
  }
}

}  // namespace tocsin
