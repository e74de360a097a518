#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/settings.h"
#include "fleet/fleet_liveness.h"
#include "model/alert_record.h"
#include "process/partition_engine.h"
#include "process/record_writer.h"
#include "process/rules_in_force.h"
#include "rule_file/annotation.h"

namespace tocsin {

// Makes alert records of what the engine says: names, labels (the rule's win over the device's),
// annotations, source and latencies.
//
// Threads: none but the owner's.
class AlertWriter {
 public:
  // `writer` must outlive it.
  AlertWriter(const Settings& settings, RecordWriter& writer);
  void UseRules(std::shared_ptr<const RulesInForce> in_force);

  // Where the records that follow come from. `records` are the rows of `events`; both may be empty
  // (nullptr) for timers. `append_ms` < 0: no latencies.
  struct Source {
    std::int32_t partition = 0;
    const EventBatch* events = nullptr;
    const std::vector<Record>* records = nullptr;
    double append_ms = -1;
    double now_ms = 0;
  };
  void Begin(const Source& source) { source_ = source; }

  // `last_offset` is that of the last processed record, for a transition without a row.
  void Write(const Transition& transition, std::int64_t last_offset);
  void Write(const FleetChange& change, const DeviceLabels& labels, std::int64_t last_offset);
  // ALERT_MODE=every_event: one record for the row, under the first rule of its conditions.
  void WriteEvent(std::size_t row, std::span<const std::uint64_t> conditions,
                  const PartitionEngine::FirstHit& hit);

 private:
  using Annotations = std::vector<std::pair<std::string, AnnotationTemplate>>;

  void Fill(AlertRecord& alert, std::size_t row, std::int64_t last_offset) const;
  void FillLabels(AlertRecord& alert, const DeviceLabels& own);
  void FillAnnotations(AlertRecord& alert, std::size_t rule, std::size_t row);
  std::string_view LabelOf(std::string_view name, const DeviceLabels& own,
                           std::string_view device_id) const;

  const std::string topic_;
  const std::vector<MetricSpec> metrics_;
  RecordWriter& writer_;
  std::shared_ptr<const RulesInForce> in_force_;
  std::vector<Annotations> annotations_;  // by rule
  Source source_;
  std::vector<double> values_;
  std::string labels_json_;
  std::string annotations_json_;
};

}  // namespace tocsin
