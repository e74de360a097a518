#include "process/record_writer.h"

#include <algorithm>

#include "log/dead_letter.h"
#include "log/partitioner.h"

namespace tocsin {

RecordWriter::RecordWriter(const Settings& settings, const ProcessTopicPartitions& partitions)
    : raw_topic_(settings.raw_topic),
      processed_topic_(settings.processed_topic),
      alert_topic_(settings.alert_topic),
      dlq_topic_(settings.dlq_topic),
      metrics_(settings.metrics),
      max_event_bytes_(static_cast<std::size_t>(settings.max_event_bytes)),
      partitions_(partitions),
      quiet_tail_(",\"is_alert\":false,\"reason\":null}"),
      values_(settings.metrics.size()) {}

void RecordWriter::Begin(std::int32_t partition, Collector& collector) {
  partition_ = partition;
  collector_ = &collector;
  processed_ = nullptr;
}

std::int32_t RecordWriter::PartitionFor(std::int32_t partitions, std::string_view key) const {
  if (partitions == 0 || partitions == partitions_.input) return partition_;
  return PartitionOf(key, partitions);
}

void RecordWriter::UseRules(const RuleSet& rules) {
  rules_ = &rules;
  tails_.clear();
  long_tails_.clear();
}

std::string_view RecordWriter::TailOf(std::span<const std::uint64_t> conditions) {
  if (conditions.size() > 1) return LongTailOf(conditions);
  if (conditions[0] == 0) return quiet_tail_.text();
  if (tails_.size() >= kMaxTails) tails_.clear();
  return AlertTail(tails_[conditions[0]], conditions);
}

std::string_view RecordWriter::LongTailOf(std::span<const std::uint64_t> conditions) {
  if (std::ranges::all_of(conditions, [](std::uint64_t word) { return word == 0; })) {
    return quiet_tail_.text();
  }
  if (long_tails_.size() >= kMaxTails) long_tails_.clear();
  words_.assign(conditions.begin(), conditions.end());
  return AlertTail(long_tails_[words_], conditions);
}

std::string_view RecordWriter::AlertTail(SplicePart& tail,
                                         std::span<const std::uint64_t> conditions) const {
  if (tail.text().empty()) {
    tail = SplicePart(",\"is_alert\":true,\"reason\":\"" + rules_->Reason(conditions) + "\"}");
  }
  return tail.text();
}

void RecordWriter::Processed(const EventBatch& events, std::size_t row,
                             std::span<const std::uint64_t> conditions) {
  const std::string_view device_id = events.device_id[row];
  const bool elsewhere = partitions_.processed != 0 && partitions_.processed != partitions_.input;
  if (processed_ == nullptr || processed_->full() || elsewhere) {
    processed_ =
        &collector_->Output(processed_topic_, PartitionFor(partitions_.processed, device_id));
  }
  const std::uint32_t begin = events.object_begin[row];
  const std::uint32_t end = events.object_end[row] - 1;  // without the closing brace
  processed_->AppendSpliced(device_id, events.bytes[row].substr(begin, end - begin),
                            TailOf(conditions));
}

void RecordWriter::Alert(const AlertRecord& alert, const EventBatch* events, std::size_t row) {
  const bool has_row = events != nullptr && row < events->size();
  for (std::size_t i = 0; i < values_.size(); ++i) {
    values_[i] = has_row ? events->metrics[i][row] : EventBatch::kNull;
  }
  json_.clear();
  AppendAlertJson(json_, alert, metrics_, values_.data());
  collector_->Output(alert_topic_, PartitionFor(partitions_.alerts, alert.device_id))
      .Append(alert.device_id, json_);
  processed_ = nullptr;
}

void RecordWriter::DeadLetter(const Record& record, RejectReason reason, std::string_view message) {
  tocsin::DeadLetter letter;
  letter.reason = RejectReasonName(reason);
  letter.message = message;
  letter.topic = raw_topic_;
  letter.partition = partition_;
  letter.offset = record.offset;
  letter.stage = "process";
  std::string_view value = record.value;
  if (value.size() > max_event_bytes_) {
    letter.truncated_from = static_cast<std::int64_t>(value.size());
    value = value.substr(0, max_event_bytes_);
  }
  collector_->Output(dlq_topic_, PartitionFor(partitions_.dlq, record.key.value_or(value)))
      .Append(record.key, value, DeadLetterHeaders(letter));
  processed_ = nullptr;
}

}  // namespace tocsin
