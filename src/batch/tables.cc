#include "batch/tables.h"

#include <utility>

namespace tocsin {

TableOutput::TableOutput(TableSchema schema, std::size_t chunk_rows, std::size_t preview_rows,
                         std::unique_ptr<TableWriter> writer)
    : schema_(std::move(schema)),
      chunk_rows_(chunk_rows),
      preview_rows_(preview_rows),
      writer_(std::move(writer)),
      encoder_(MakeEncoder()),
      chunk_(schema_.size()) {}

// The chunk is about to be written: for the preview and for the observer.
void TableOutput::Show(const TableChunk& chunk) {
  if (observe_) observe_(chunk);
  if (!has_preview_ && preview_rows_ > 0) preview_ = PreviewText(schema_, chunk, preview_rows_);
  has_preview_ = true;
}

Status TableOutput::AppendChunk(const TableChunk& chunk, std::unique_ptr<EncodedChunk> encoded) {
  if (chunk_.rows > 0) TOCSIN_TRY(Flush());
  Show(chunk);
  flushed_rows_ += chunk.rows;
  return writer_ == nullptr ? Status() : Write(std::move(encoded));
}

Status TableOutput::Write(std::unique_ptr<EncodedChunk> encoded) {
  ++chunks_;
  return writer_->Append(std::move(encoded));
}

Status TableOutput::AppendKept(std::unique_ptr<EncodedChunk> encoded) {
  if (chunk_.rows > 0) TOCSIN_TRY(Flush());
  flushed_rows_ += encoded->rows;
  return Write(std::move(encoded));
}

Status TableOutput::AppendRows(const TableChunk& chunk) {
  for (std::size_t c = 0; c < schema_.size(); ++c) {
    Column& to = chunk_.columns[c];
    const Column& from = chunk.columns[c];
    to.ints.insert(to.ints.end(), from.ints.begin(), from.ints.end());
    to.doubles.insert(to.doubles.end(), from.doubles.begin(), from.doubles.end());
    to.bools.insert(to.bools.end(), from.bools.begin(), from.bools.end());
    if (from.codes.empty()) continue;
    // A device may go on from the chunk before.
    const bool goes_on = !to.dictionary.empty() && to.dictionary.back() == from.dictionary.front();
    const auto shift = static_cast<std::uint32_t>(to.dictionary.size() - (goes_on ? 1 : 0));
    to.dictionary.insert(to.dictionary.end(), from.dictionary.begin() + (goes_on ? 1 : 0),
                         from.dictionary.end());
    for (const std::uint32_t code : from.codes) {
      to.codes.push_back(code == Column::kNullCode ? code : code + shift);
    }
  }
  chunk_.rows += chunk.rows;
  return chunk_.rows < chunk_rows_ ? Status() : Flush();
}

Status TableOutput::Flush() {
  if (chunk_.rows == 0) return {};
  Show(chunk_);
  flushed_rows_ += chunk_.rows;
  if (writer_ != nullptr) {
    TOCSIN_ASSIGN(std::unique_ptr<EncodedChunk> encoded, encoder_->Encode(chunk_));
    TOCSIN_TRY(Write(std::move(encoded)));
  }
  chunk_.Clear();
  return {};
}

Status TableOutput::Finish() {
  TOCSIN_TRY(Flush());
  if (!has_preview_) Show(chunk_);  // the head of a table without rows
  return writer_ != nullptr ? writer_->Finish() : Status();
}

TableSchema CleansedSchema(const std::vector<MetricSpec>& metrics, const RuleSet& rules) {
  TableSchema schema = {{"device_id", ColumnKind::kText}, {"timestamp", ColumnKind::kTime}};
  for (const MetricSpec& metric : metrics) schema.push_back({metric.name, ColumnKind::kDouble});
  schema.push_back({"status", ColumnKind::kText});
  for (std::size_t r = 0; r < rules.size(); ++r) {
    schema.push_back({rules.rule(r).flag_column, ColumnKind::kBool});
  }
  schema.push_back({"is_alert", ColumnKind::kBool});
  return schema;
}

TableSchema AggregatesSchema(const std::vector<MetricSpec>& metrics) {
  TableSchema schema = {{"device_id", ColumnKind::kText}, {"hour_bucket", ColumnKind::kTime}};
  for (const MetricSpec& metric : metrics) {
    for (const char* suffix : {"_avg", "_max", "_min"}) {
      schema.push_back({metric.name + suffix, ColumnKind::kDouble});
    }
  }
  schema.push_back({"alert_count", ColumnKind::kInt64});
  schema.push_back({"event_count", ColumnKind::kInt64});
  return schema;
}

TableFiller::TableFiller(const RowLayout& layout, std::size_t rule_count,
                         const DeviceDictionary& devices, const DeviceDictionary& statuses,
                         TableOutput& cleansed, TableOutput& aggregates)
    : layout_(layout),
      rule_count_(rule_count),
      devices_(&devices),
      statuses_(&statuses),
      cleansed_(&cleansed),
      aggregates_(&aggregates),
      hour_(layout.metric_count),
      status_codes_(statuses.size()) {}

Status TableFiller::Add(RowView row) {
  const std::int64_t hour_us = HourOf(row.time_us());
  if (!hour_.Covers(row.device(), hour_us)) {
    TOCSIN_TRY(EmitHour());
    hour_.Start(row.device(), hour_us);
  }
  const bool is_alert = row.AnyHolds(layout_);
  hour_.Add(row, is_alert);
  return AddCleansed(row, is_alert);
}

Status TableFiller::AddCleansed(RowView row, bool is_alert) {
  std::vector<Column>& columns = cleansed_->columns();
  auto column = columns.begin();
  if (cleansed_->at_chunk_start()) ++chunk_number_;
  if (cleansed_->at_chunk_start() || row.device() != last_device_) {
    column->dictionary.push_back(devices_->Decode(row.device()));
    last_device_ = row.device();
  }
  column->codes.push_back(static_cast<std::uint32_t>(column->dictionary.size() - 1));
  (++column)->ints.push_back(row.time_us());
  for (std::size_t m = 0; m < layout_.metric_count; ++m)
    (++column)->doubles.push_back(row.metric(m));
  ++column;
  std::uint32_t status = Column::kNullCode;
  if (row.status() != DeviceDictionary::kUnknown) {
    LocalCode& local = status_codes_[row.status()];
    if (local.chunk != chunk_number_) {
      local = {chunk_number_, static_cast<std::uint32_t>(column->dictionary.size())};
      column->dictionary.push_back(statuses_->Decode(row.status()));
    }
    status = local.code;
  }
  column->codes.push_back(status);
  for (std::size_t r = 0; r < rule_count_; ++r) {
    (++column)->bools.push_back(row.Holds(layout_, r) ? 1 : 0);
  }
  (++column)->bools.push_back(is_alert ? 1 : 0);
  return cleansed_->RowAdded();
}

Status TableFiller::EmitHour() {
  if (hour_.events() == 0) return {};
  auto column = aggregates_->columns().begin();
  if (aggregates_->at_chunk_start() || hour_.device() != last_hour_device_) {
    column->dictionary.push_back(devices_->Decode(hour_.device()));
    last_hour_device_ = hour_.device();
  }
  column->codes.push_back(static_cast<std::uint32_t>(column->dictionary.size() - 1));
  (++column)->ints.push_back(hour_.hour_us());
  for (std::size_t m = 0; m < layout_.metric_count; ++m) {
    (++column)->doubles.push_back(hour_.Average(m));
    (++column)->doubles.push_back(hour_.Max(m));
    (++column)->doubles.push_back(hour_.Min(m));
  }
  (++column)->ints.push_back(hour_.alerts());
  (++column)->ints.push_back(hour_.events());
  return aggregates_->RowAdded();
}

Status TableFiller::Finish() {
  return EmitHour();
}

}  // namespace tocsin
