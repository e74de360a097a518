#include "batch/row_intake.h"

#include <utility>

namespace tocsin {

RowIntake::RowIntake(Options options)
    : options_(std::move(options)), coded_(std::make_unique<CodedRows>(options_.rows)) {}

void RowIntake::DivideByCode(ParsedChunk& chunk, LocalDictionaries& local,
                             std::shared_ptr<const RowDivision> division) {
  chunk.division = std::move(division);
  if (chunk.division != local.division) local.partitions.clear();
  local.division = chunk.division;
  local.division->Extend(local.devices, local.partitions);
  chunk.partition.resize(chunk.rows.size());
  for (std::size_t row = 0; row < chunk.rows.size(); ++row) {
    chunk.partition[row] = local.partitions[chunk.rows.device[row]];
  }
}

void RowIntake::Prepare(ParsedChunk& chunk, LocalDictionaries& local) {
  RowColumns& rows = chunk.rows;
  const TextRows* const text_rows = preparing_for_;
  chunk.has_texts = text_rows != nullptr;
  if (chunk.has_texts) {
    DivideByCode(chunk, local, text_rows->division());
    chunk.texts.Build(rows, local.devices, local.statuses, chunk.partition,
                      chunk.division->partitions());
    return;
  }
  coded_->devices.Translate(local.devices, local.device_codes);
  coded_->statuses.Translate(local.statuses, local.status_codes);
  DivideByCode(chunk, local, coded_->partitioner.division());
  for (std::size_t row = 0; row < rows.size(); ++row) {
    rows.device[row] = local.device_codes[rows.device[row]];
    std::uint32_t& status = rows.status[row];
    if (status != DeviceDictionary::kUnknown) status = local.status_codes[status];
  }
  chunk.segments.Build(rows, chunk.partition, chunk.division->partitions());
}

Status RowIntake::Append(const ParsedChunk& chunk, std::uint64_t bytes_done,
                         std::uint64_t bytes_all) {
  // A chunk may have been prepared before what it was prepared for came to an end.
  if (text_rows_ != nullptr) {
    return chunk.has_texts ? text_rows_->Append(chunk.texts) : AppendAsTexts(chunk.rows);
  }
  RowPartitioner& partitioner = coded_->partitioner;
  const bool divided = chunk.division == partitioner.division();
  TOCSIN_TRY(divided ? partitioner.Append(chunk.segments) : partitioner.Append(chunk.rows));
  TOCSIN_TRY(partitioner.MayDivide(bytes_done, bytes_all));
  if (options_.dictionary_bytes == 0) return {};
  const std::size_t bytes = coded_->devices.Lock()->bytes() + coded_->statuses.Lock()->bytes();
  return bytes > options_.dictionary_bytes ? BeginTexts() : Status();
}

Status RowIntake::BeginTexts() {
  text_rows_ =
      std::make_unique<TextRows>(TextRows::Options{.coded = options_.rows,
                                                   .memory_bytes = options_.text_bytes,
                                                   .dictionary_bytes = options_.dictionary_bytes},
                                 *coded_->partitioner.division());
  TOCSIN_TRY(
      coded_->partitioner.Drain([this](const RowColumns& rows) { return AppendAsTexts(rows); }));
  preparing_for_ = text_rows_.get();
  return {};
}

Status RowIntake::AppendAsTexts(const RowColumns& rows) {
  const SharedDictionary::Locked devices = coded_->devices.Lock();
  const SharedDictionary::Locked statuses = coded_->statuses.Lock();
  const RowDivision& division = *text_rows_->division();
  division.Extend(*devices, partition_of_device_);
  partition_of_row_.resize(rows.size());
  for (std::size_t row = 0; row < rows.size(); ++row) {
    partition_of_row_[row] = partition_of_device_[rows.device[row]];
  }
  texts_.Build(rows, *devices, *statuses, partition_of_row_, division.partitions());
  return text_rows_->Append(texts_);
}

Status RowIntake::ForEachPart(const TextRows::UsePart& use) {
  if (text_rows_ == nullptr) return use(*coded_);
  coded_.reset();
  texts_ = TextSegments();
  partition_of_device_ = {};
  return text_rows_->ForEachPart(use);
}

}  // namespace tocsin
