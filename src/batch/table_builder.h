#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "batch/aggregator.h"
#include "batch/row_columns.h"
#include "batch/table.h"
#include "model/device_dictionary.h"
#include "model/event_batch.h"
#include "rule/rule_memory.h"
#include "rule/rule_set.h"

namespace tocsin {

// Turns the rows of some devices into their part of both tables: orders them by (device id
// bytewise, time), drops repeats of (device, time) but the first that came, judges the rest by the
// rules and sums up the hours.
//
// Rules that look at a device's other events see them in the order in which they came, without the
// repeats, as in the stream.
//
// Keeps its working memory. Threads: none but the owner's; the dictionaries must not change while
// it works. What is given by reference must outlive it.
class TableBuilder {
 public:
  TableBuilder(const RuleSet& rules, std::size_t metric_count, const DeviceDictionary& devices,
               const DeviceDictionary& statuses);

  // `rows` are all rows of their devices, in the order in which they came. Replaces the content of
  // the chunks, whose columns are those of CleansedSchema and AggregatesSchema and whose texts
  // point into the dictionaries.
  void Build(const RowColumns& rows, TableChunk& cleansed, TableChunk& aggregates);

  // Of the last Build(): the rows of each device that were dropped as repeats, where there are any,
  // in the order of the table.
  struct Repeats {
    std::uint32_t device;
    std::uint64_t rows;
  };
  const std::vector<Repeats>& repeats() const { return repeats_; }

  // Bytes of working memory a row, the chunks included.
  static std::size_t RowBytes(std::size_t metric_count, const RuleSet& rules);

 private:
  // Rows of one device in order_, without repeats.
  struct Run {
    std::uint32_t device;
    std::size_t begin;
    std::size_t end;
  };

  void OrderRows(const RowColumns& rows);
  void SortByTime(const std::vector<std::int64_t>& time_us, std::span<std::uint32_t> run);
  void FillColumns(const RowColumns& rows, TableChunk& cleansed);
  void FillStatus(const RowColumns& rows, Column& column);
  void JudgeInPlace(const RowColumns& rows, TableChunk& cleansed);
  void JudgeInInputOrder(const RowColumns& rows);
  void FillFlags(TableChunk& cleansed);
  void SumUpHours(const TableChunk& cleansed, TableChunk& aggregates);
  void EmitHour(const TableChunk& cleansed, std::size_t begin, std::size_t end,
                std::int64_t hour_us, std::uint32_t device_code, TableChunk& aggregates);

  const RuleSet& rules_;
  const std::size_t metric_count_;
  const DeviceDictionary& devices_;
  const DeviceDictionary& statuses_;
  const bool has_texts_;

  std::vector<std::uint32_t> local_;  // by device code: its place in found_, or kUnknown
  std::vector<std::uint32_t> found_;  // device codes in order of first sight
  std::vector<std::uint32_t> local_of_row_;
  std::vector<std::uint32_t> order_;                          // rows in the order of the table
  std::vector<std::pair<std::int64_t, std::uint32_t>> late_;  // time and row
  std::vector<Run> runs_;
  std::vector<Repeats> repeats_;
  std::vector<std::uint32_t> status_codes_;  // by code: its place in the chunk, or kUnknown
  std::vector<std::uint64_t> conditions_;    // words() a row of the table
  std::unique_ptr<RuleMemory> memory_;
  EventBatch events_;
  std::vector<std::uint32_t> batch_rows_;
  std::vector<std::uint32_t> codes_;
  std::vector<std::uint8_t> in_order_;
};

}  // namespace tocsin
