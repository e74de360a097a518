#pragma once

#include <array>
#include <string_view>

#include "metrics/metrics.h"

// The table of every metric, in the order of the enum Metric. Labels have closed sets of values;
// metrics_test.cc holds the sets against the enums they mirror.
namespace tocsin {

inline constexpr auto kReasonLabels = std::to_array<std::string_view>(
    {"invalid_utf8", "invalid_json", "missing_field", "wrong_type", "bad_timestamp", "out_of_range",
     "future_timestamp", "late", "duplicate_key", "too_large", "processing_error"});
inline constexpr auto kStateLabels = std::to_array<std::string_view>({"firing", "resolved"});

inline constexpr auto kSendLabels =
    std::to_array<std::string_view>({"delivered", "retry", "dead", "disabled"});
inline constexpr auto kReloadLabels = std::to_array<std::string_view>({"done", "refused"});

inline constexpr auto kMetricsTable = std::to_array<MetricDefinition>({
    {.name = "tocsin_generate_events_total",
     .kind = MetricKind::kCounter,
     .help = "Events made by the generator"},
    {.name = "tocsin_ingest_events_total",
     .kind = MetricKind::kCounter,
     .help = "Events appended to the raw topic from outside"},
    {.name = "tocsin_process_read_events_total",
     .kind = MetricKind::kCounter,
     .help = "Events read by the stream processor"},
    {.name = "tocsin_process_good_events_total",
     .kind = MetricKind::kCounter,
     .help = "Events written to the processed topic"},
    {.name = "tocsin_process_duplicate_events_total",
     .kind = MetricKind::kCounter,
     .help = "Events dropped as repeats within DEDUP_WINDOW"},
    {.name = "tocsin_process_dead_letters_total",
     .kind = MetricKind::kCounter,
     .help = "Events written to the dead letter topic",
     .label = "reason",
     .label_values = kReasonLabels},
    {.name = "tocsin_process_alert_transitions_total",
     .kind = MetricKind::kCounter,
     .help = "Alert records written to the alert topic",
     .label = "state",
     .label_values = kStateLabels},
    {.name = "tocsin_process_alerts_firing",
     .kind = MetricKind::kGauge,
     .help = "Alert instances that fire now"},
    {.name = "tocsin_deliver_alerts_total",
     .kind = MetricKind::kCounter,
     .help = "Alert records written to the alert log"},
    {.name = "tocsin_log_commits_total",
     .kind = MetricKind::kCounter,
     .help = "Transactions committed"},
    {.name = "tocsin_log_appended_bytes_total",
     .kind = MetricKind::kCounter,
     .help = "Payload bytes appended to the log, before compression"},
    {.name = "tocsin_process_lag_records",
     .kind = MetricKind::kGauge,
     .help = "Records of the raw topic that are not processed yet"},
    {.name = "tocsin_batch_runs_total",
     .kind = MetricKind::kCounter,
     .help = "Batch jobs finished"},
    {.name = "tocsin_batch_rows_total",
     .kind = MetricKind::kCounter,
     .help = "Rows read by batch jobs"},
    {.name = "tocsin_stage_quarantined_records_total",
     .kind = MetricKind::kCounter,
     .help = "Records set aside because they crashed the process again and again"},
    {.name = "tocsin_rules_loaded", .kind = MetricKind::kGauge, .help = "Alert rules in force"},
    {.name = "tocsin_rules_last_reload_successful",
     .kind = MetricKind::kGauge,
     .help = "1 when the rules could be read the last time, 0 when the old ones stayed in force"},
    {.name = "tocsin_fleet_silent",
     .kind = MetricKind::kGauge,
     .help = "Devices, gateways and sites whose silence is an alert now"},
    {.name = "tocsin_notify_notifications_total",
     .kind = MetricKind::kCounter,
     .help = "Notifications decided by routing and grouping"},
    {.name = "tocsin_notify_queued_total",
     .kind = MetricKind::kCounter,
     .help = "Deliveries queued: one for each channel of a notification's receiver"},
    {.name = "tocsin_notify_attempts_total",
     .kind = MetricKind::kCounter,
     .help = "Attempts to send a delivery",
     .label = "outcome",
     .label_values = kSendLabels},
    {.name = "tocsin_notify_dead_total",
     .kind = MetricKind::kCounter,
     .help = "Deliveries given up"},
    {.name = "tocsin_notify_left_out_total",
     .kind = MetricKind::kCounter,
     .help = "Deliveries that had no room in the outbox; a digest tells of them"},
    {.name = "tocsin_notify_open_deliveries",
     .kind = MetricKind::kGauge,
     .help = "Deliveries that are queued or being sent"},
    {.name = "tocsin_notify_outbox_bytes",
     .kind = MetricKind::kGauge,
     .help = "Bytes of all deliveries kept, the history included"},
    {.name = "tocsin_notify_bad_records_total",
     .kind = MetricKind::kCounter,
     .help = "Records of the alert topic that are no alerts"},
    {.name = "tocsin_config_reloads_total",
     .kind = MetricKind::kCounter,
     .help = "Reloads of the rule and routes files on SIGHUP",
     .label = "result",
     .label_values = kReloadLabels},
});
static_assert(kMetricsTable.size() == static_cast<std::size_t>(Metric::kCount));

}  // namespace tocsin
