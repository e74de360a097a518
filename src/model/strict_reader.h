#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/event_batch.h"
#include "model/event_fields.h"
#include "model/event_limits.h"
#include "model/metric_spec.h"
#include "model/strict_json.h"

namespace tocsin {

// The judge: a complete parser of events that follows the contract step by step and explains each
// refusal. EventParser asks it about every record that is not plain; its own reading of a plain
// one must be the same. Depends on no JSON library. Threads: none but the owner's.
class StrictReader {
 public:
  StrictReader(std::vector<MetricSpec> metrics, EventLimits limits);

  // As EventParser::Parse, but needs no padding.
  void Parse(std::string_view record, EventBatch& batch);

  const std::vector<MetricSpec>& metrics() const { return metrics_; }
  const FieldTable& fields() const { return fields_; }

 private:
  using Verdict = std::optional<JsonFault>;

  Verdict Judge(std::string_view record, EventBatch& batch);
  void SortMembers();
  Verdict CheckPresence() const;
  Verdict CheckTypes(EventBatch& batch);
  Verdict CheckMetricType(std::size_t metric) const;
  Verdict CheckTime();
  Verdict CheckRanges();

  std::vector<MetricSpec> metrics_;
  FieldTable fields_;
  StrictJson json_;
  // The members of the record at hand by their role; nullptr = absent or null.
  const JsonMember* device_id_member_ = nullptr;
  const JsonMember* timestamp_member_ = nullptr;
  const JsonMember* status_member_ = nullptr;
  std::vector<const JsonMember*> metric_members_;
  // Its values.
  std::string_view device_id_;
  std::string_view timestamp_;
  std::string_view status_;
  std::int64_t time_us_ = 0;
  std::vector<double> values_;
};

}  // namespace tocsin
