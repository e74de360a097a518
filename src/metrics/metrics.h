#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "model/alert_record.h"
#include "model/reject_reason.h"

// The program's own counters. The table of them is metrics_table.h; a metric is added there and
// in the enum below, nowhere else.
namespace tocsin {

enum class MetricKind : std::uint8_t { kCounter, kGauge };

// One entry of the table. A metric with a label has one cell per label value, from a closed set;
// with two labels one per pair of values.
struct MetricDefinition {
  std::string_view name;  // tocsin_<module>_<noun>_<unit>_total
  MetricKind kind;
  std::string_view help;
  std::string_view label = {};                          // empty = none
  std::span<const std::string_view> label_values = {};  // of that label
  std::string_view second_label = {};                   // only beside a first one
  std::span<const std::string_view> second_values = {};
};

// Every metric of the program, indexes into the table.
enum class Metric : std::uint16_t {
  kEventsGenerated,
  kEventsIngested,
  kEventsRead,
  kEventsProcessed,
  kEventsDuplicate,
  kDeadLetters,       // by reason: LabelIndex(RejectReason)
  kAlertTransitions,  // by state: LabelIndex(AlertState)
  kAlertsFiring,      // gauge
  kAlertsDelivered,
  kLogCommits,
  kLogBytesAppended,
  kConsumerLag,         // gauge
  kConsumerLagSeconds,  // gauge
  kSpoolBytes,          // gauge
  kBatchRuns,
  kBatchRows,
  kQuarantined,
  kRulesLoaded,         // gauge
  kRulesReloadSuccess,  // gauge
  kDevicesSilent,       // gauge
  kNotificationsDecided,
  kNotificationsQueued,
  kNotificationAttempts,  // by outcome: LabelIndex is the value of SendResult::Outcome
  kNotificationsDead,
  kNotificationsLeftOut,
  kNotificationsOpen,  // gauge
  kOutboxBytes,        // gauge
  kNotifyBadRecords,
  kReloads,  // by result: 0 done, 1 refused
  // By kind of channel (ChannelKindIndex); with a result, PairIndex of both.
  kChannelAttempts,    // by outcome: the value of SendResult::Outcome
  kChannelDeliveries,  // by result: ChannelResult
  kChannelAttemptMicroseconds,
  kChannelDeliveryMicroseconds,
  kChannelQueued,        // gauge
  kChannelBreakersOpen,  // gauge
  kChannelsDisabled,     // gauge
  kHttpRequests,         // by class of the answer: its first digit minus 2
  kHttpConnections,      // gauge
  kHttpRefused,          // connections and requests beyond a limit
  kHttpEvents,           // readings appended
  kHttpRejectedEvents,
  kLiveClients,  // gauge
  kLiveFrames,
  kLiveSkipped,
  kLiveDropped,
  kCount,
};

// The position of a value among `label_values`. `reason` is not kNone.
constexpr std::size_t LabelIndex(RejectReason reason) {
  return static_cast<std::size_t>(reason) - 1;
}
constexpr std::size_t LabelIndex(AlertState state) {
  return static_cast<std::size_t>(state);
}

// How a delivery ended.
enum class ChannelResult : std::uint8_t { kDone, kDead, kLeftOut };

// The position of a kind of channel ("slack"); of no cell for a name that is none.
std::size_t ChannelKindIndex(std::string_view kind);
// The index of a pair of label values of a metric with two labels; of no cell when one of them is
// beyond its label's.
std::size_t PairIndex(Metric metric, std::size_t first, std::size_t second);

// Cells are atomics, bumped once per batch, never per event. Thread-safe.
class Metrics {
 public:
  // `label_index` must be below the number of the metric's label values (0 without a label), or a
  // PairIndex; anything else is ignored.
  void Add(Metric metric, std::uint64_t amount, std::size_t label_index = 0);
  void Set(Metric metric, std::int64_t value, std::size_t label_index = 0);
  std::int64_t Get(Metric metric, std::size_t label_index = 0) const;
  // {"tocsin_…_total": 12, "tocsin_…_total{reason=\"late\"}": 0, …}
  std::string ToJson() const;
  // Prometheus' text format 0.0.4.
  std::string ToPrometheus() const;

 private:
  static constexpr std::size_t kMaxCells = 512;
  std::array<std::atomic<std::int64_t>, kMaxCells> cells_{};
};

const MetricDefinition& DefinitionOf(Metric metric);

// docs/reference/metrics.md.
std::string MetricsReferenceMarkdown();

}  // namespace tocsin
