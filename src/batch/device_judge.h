#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "batch/row.h"
#include "batch/row_sorter.h"
#include "model/device_dictionary.h"
#include "model/event_batch.h"
#include "rule/rule_memory.h"
#include "rule/rule_set.h"

namespace tocsin {

// Judges cleansed rows by rules that look at a device's other events: takes the rows by (device,
// time) without repeats and hands them on in that order with their conditions set, as the rules say
// when each device's rows are evaluated in the order of the input. A row whose time is before one
// that came earlier is out of order there, as in the stream.
//
// Memory is bounded: the rows of a device that are more than it holds are sorted by their place in
// the input, judged, and sorted back, both on disk.
//
// Threads: none but the owner's. What is given by reference must outlive it.
class DeviceJudge {
 public:
  using Emit = std::function<Status(RowView row)>;

  // `layout` has a sequence. The temporary files are made in `spill_directory`.
  DeviceJudge(const RuleSet& rules, const RowLayout& layout, const DeviceDictionary& devices,
              const DeviceDictionary& statuses, std::size_t memory_bytes,
              std::string spill_directory, Emit emit);

  // Errors are those of `emit` and of the temporary files.
  Status Add(RowView row);
  Status Finish();

 private:
  std::uint64_t* BufferedRow(std::size_t row) { return buffer_.data() + row * layout_.words(); }
  std::size_t buffered() const { return buffer_.size() / layout_.words(); }
  Status EmitBuffered(std::size_t rows);
  Status MakeRoom();
  Status SortByInput(RowView row);
  Status FinishLargeDevice();
  void JudgeInInputOrder(std::span<std::uint64_t* const> rows);

  const RuleSet& rules_;
  const RowLayout layout_;
  const DeviceDictionary& devices_;
  const DeviceDictionary& statuses_;
  const std::size_t sorter_bytes_;
  const std::string spill_directory_;
  const Emit emit_;
  const std::size_t capacity_;  // rows of the buffer

  std::vector<std::uint64_t> buffer_;  // rows of whole devices, then those of the current one
  std::size_t device_begin_ = 0;       // the first row of the current device
  std::uint32_t device_ = DeviceDictionary::kUnknown;
  std::optional<RowSorter> by_input_;  // of a device that the buffer cannot hold

  // Of the devices that are judged: replaced from group to group, so that it stays small.
  std::unique_ptr<RuleMemory> memory_;
  std::uint32_t last_judged_ = DeviceDictionary::kUnknown;
  std::uint32_t judged_devices_ = 0;  // in memory_
  std::int64_t clock_us_ = 0;         // of the device judged last
  EventBatch events_;
  std::vector<std::uint32_t> batch_rows_;
  std::vector<std::uint32_t> codes_;
  std::vector<std::uint8_t> in_order_;
};

}  // namespace tocsin
