#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/settings.h"
#include "model/alert_record.h"
#include "model/event_batch.h"
#include "model/reject_reason.h"
#include "process/process_stage.h"
#include "rule/rule_set.h"
#include "stage/collector.h"

namespace tocsin {

// Writes the stream processor's records: processed events, alerts and dead letters, each to the
// partition of its topic.
//
// Threads: none but the owner's.
class RecordWriter {
 public:
  RecordWriter(const Settings& settings, const ProcessTopicPartitions& partitions);
  // To be called before the first record. `rules` must outlive the writer or its next rules.
  void UseRules(const RuleSet& rules);

  // The records that follow came from this input partition and go to `collector`.
  void Begin(std::int32_t partition, Collector& collector);

  // The event's bytes with is_alert and reason in place of the final brace.
  // `conditions` has words() words of the rules.
  void Processed(const EventBatch& events, std::size_t row,
                 std::span<const std::uint64_t> conditions);
  // `alert` needs no metrics: they are the row's; null when `events` is nullptr.
  void Alert(const AlertRecord& alert, const EventBatch* events, std::size_t row);
  // `record` as it was read; its original bytes are the value. What is above the size limit is cut
  // to it.
  void DeadLetter(const Record& record, RejectReason reason, std::string_view message);

 private:
  std::int32_t PartitionFor(std::int32_t partitions, std::string_view key) const;
  std::string_view TailOf(std::span<const std::uint64_t> conditions);
  std::string_view LongTailOf(std::span<const std::uint64_t> conditions);
  std::string_view AlertTail(SplicePart& tail, std::span<const std::uint64_t> conditions) const;

  const std::string raw_topic_, processed_topic_, alert_topic_, dlq_topic_;
  const std::vector<MetricSpec> metrics_;
  const std::size_t max_event_bytes_;
  const RuleSet* rules_ = nullptr;
  const ProcessTopicPartitions partitions_;

  std::int32_t partition_ = 0;
  Collector* collector_ = nullptr;
  RecordBatchBuilder* processed_ = nullptr;  // kept over rows; nullptr = to be asked for
  const SplicePart quiet_tail_;
  // By conditions, at most kMaxTails each; of up to 64 rules, and of more.
  static constexpr std::size_t kMaxTails = 4096;
  std::unordered_map<std::uint64_t, SplicePart> tails_;
  std::map<std::vector<std::uint64_t>, SplicePart> long_tails_;
  std::vector<std::uint64_t> words_;
  std::string json_;
  std::vector<double> values_;
};

}  // namespace tocsin
