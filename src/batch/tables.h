#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "batch/aggregator.h"
#include "batch/row.h"
#include "batch/table.h"
#include "model/device_dictionary.h"
#include "model/metric_spec.h"
#include "rule/rule_set.h"

namespace tocsin {

// Passes the rows of one table to a writer, one by one or as chunks; without a writer they are
// counted only. Keeps the first rows as text for the preview.
class TableOutput {
 public:
  // `writer` may be null.
  TableOutput(TableSchema schema, std::size_t chunk_rows, std::size_t preview_rows,
              std::unique_ptr<TableWriter> writer);

  // For a thread to encode chunks with; null without a writer.
  std::unique_ptr<TableEncoder> MakeEncoder() const {
    return writer_ == nullptr ? nullptr : writer_->MakeEncoder();
  }
  // As those of the writer, which must be there.
  std::unique_ptr<EncodedChunk> Restore(std::string bytes, std::size_t rows,
                                        std::string_view layout) const {
    return writer_->Restore(std::move(bytes), rows, layout);
  }
  std::uint64_t position() const { return writer_->position(); }
  bool wants_preview() const { return preview_rows_ > 0; }

  // Writes what is held back: the texts of appended rows may go.
  Status Flush();
  // A chunk that is written as it is; `encoded` is what an encoder made of it, or null.
  Status AppendChunk(const TableChunk& chunk, std::unique_ptr<EncodedChunk> encoded);
  // A chunk of an earlier run that is written as it is; nobody sees its rows.
  Status AppendKept(std::unique_ptr<EncodedChunk> encoded);
  // The rows of a chunk, to be written together with others. Its texts must live on until
  // Flush() or Finish().
  Status AppendRows(const TableChunk& chunk);

  // `observe` sees all rows in their order, in chunks of any size.
  void ObserveBy(std::function<void(const TableChunk& chunk)> observe) {
    observe_ = std::move(observe);
  }

  // The columns to add a row's values to, then RowAdded().
  std::vector<Column>& columns() { return chunk_.columns; }
  bool at_chunk_start() const { return chunk_.rows == 0; }
  Status RowAdded() { return ++chunk_.rows < chunk_rows_ ? Status() : Flush(); }
  Status Finish();

  std::uint64_t chunks() const { return chunks_; }  // that were written
  std::uint64_t rows() const { return flushed_rows_ + chunk_.rows; }
  const std::string& preview() const { return preview_; }

 private:
  void Show(const TableChunk& chunk);
  Status Write(std::unique_ptr<EncodedChunk> encoded);

  TableSchema schema_;
  std::size_t chunk_rows_;
  std::size_t preview_rows_;
  std::unique_ptr<TableWriter> writer_;
  std::unique_ptr<TableEncoder> encoder_;
  TableChunk chunk_;
  std::function<void(const TableChunk& chunk)> observe_;
  std::uint64_t flushed_rows_ = 0;
  std::uint64_t chunks_ = 0;
  bool has_preview_ = false;
  std::string preview_;
};

TableSchema CleansedSchema(const std::vector<MetricSpec>& metrics, const RuleSet& rules);
TableSchema AggregatesSchema(const std::vector<MetricSpec>& metrics);

// Turns sorted rows without repeats into both tables. Dictionaries and outputs must outlive it.
class TableFiller {
 public:
  TableFiller(const RowLayout& layout, std::size_t rule_count, const DeviceDictionary& devices,
              const DeviceDictionary& statuses, TableOutput& cleansed, TableOutput& aggregates);
  Status Add(RowView row);
  // Writes the last hour.
  Status Finish();

 private:
  Status AddCleansed(RowView row, bool is_alert);
  Status EmitHour();

  RowLayout layout_;
  std::size_t rule_count_;
  const DeviceDictionary* devices_;
  const DeviceDictionary* statuses_;
  TableOutput* cleansed_;
  TableOutput* aggregates_;
  HourTotals hour_;
  std::uint32_t last_device_ = DeviceDictionary::kUnknown;
  std::uint32_t last_hour_device_ = DeviceDictionary::kUnknown;
  std::uint64_t chunk_number_ = 1;  // of this filler; it may begin within a chunk
  struct LocalCode {
    std::uint64_t chunk = 0;  // the chunk in which `code` is valid; 0 = none
    std::uint32_t code = 0;
  };
  std::vector<LocalCode> status_codes_;  // by code of `statuses`
};

}  // namespace tocsin
