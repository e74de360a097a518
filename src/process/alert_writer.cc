#include "process/alert_writer.h"

#include <algorithm>
#include <bit>

#include "base/json_text.h"

namespace tocsin {
namespace {

// {"a":"1","b":"2"} of two maps, the first winning; "" when both are empty.
void AppendLabels(std::string& out, const DeviceLabels& first, const DeviceLabels& second) {
  if (first.empty() && second.empty()) return;
  DeviceLabels all = first;
  all.insert(second.begin(), second.end());
  char separator = '{';
  for (const auto& [name, value] : all) {
    out += separator;
    separator = ',';
    AppendJsonString(out, name);
    out += ':';
    AppendJsonString(out, value);
  }
  out += '}';
}

const DeviceLabels kNoLabels;

// The severity of a level as observations count it: its position in the rule's levels + 1.
std::string_view SeverityAt(const RuleDefinition& rule, std::size_t level) {
  const std::size_t index = std::min(std::max<std::size_t>(level, 1), rule.levels.size()) - 1;
  return SeverityName(rule.levels[index].severity);
}

}  // namespace

AlertWriter::AlertWriter(const Settings& settings, RecordWriter& writer)
    : topic_(settings.raw_topic),
      metrics_(settings.metrics),
      writer_(writer),
      values_(settings.metrics.size()) {}

void AlertWriter::UseRules(std::shared_ptr<const RulesInForce> in_force) {
  in_force_ = std::move(in_force);
  annotations_.clear();
  for (std::size_t i = 0; i < in_force_->rules.size(); ++i) {
    Annotations& of = annotations_.emplace_back();
    for (const auto& [name, text] : in_force_->rules.rule(i).annotations) {
      AnnotationTemplate parsed;
      AnnotationMistake mistake;  // the file was checked when it was read
      if (AnnotationTemplate::Parse(text, metrics_, parsed, mistake)) {
        of.emplace_back(name, std::move(parsed));
      }
    }
  }
}

void AlertWriter::Fill(AlertRecord& alert, std::size_t row, std::int64_t last_offset) const {
  alert.source_topic = topic_;
  alert.source_partition = source_.partition;
  if (row == Transition::kNoRow || source_.records == nullptr) {
    alert.source_offset = last_offset;
    return;
  }
  alert.source_offset = (*source_.records)[row].offset;
  if (source_.append_ms < 0) return;
  // A device's clock may be ahead of ours; a latency below zero says nothing.
  const double event_ms = static_cast<double>(source_.events->time_us[row]) / 1000;
  alert.ingest_latency_ms = std::max(0.0, source_.append_ms - event_ms);
  alert.evaluation_latency_ms = std::max(0.0, source_.now_ms - source_.append_ms);
}

void AlertWriter::FillLabels(AlertRecord& alert, const DeviceLabels& own) {
  labels_json_.clear();
  AppendLabels(labels_json_, own, in_force_->directory->LabelsOf(alert.device_id));
  alert.labels_json = labels_json_;
}

std::string_view AlertWriter::LabelOf(std::string_view name, const DeviceLabels& own,
                                      std::string_view device_id) const {
  const auto found = own.find(std::string(name));
  if (found != own.end()) return found->second;
  return in_force_->directory->Label(device_id, name);
}

void AlertWriter::FillAnnotations(AlertRecord& alert, std::size_t rule, std::size_t row) {
  annotations_json_.clear();
  if (annotations_[rule].empty()) return;
  const bool has_row = row != Transition::kNoRow && source_.events != nullptr;
  for (std::size_t i = 0; has_row && i < values_.size(); ++i) {
    values_[i] = source_.events->metrics[i][row];
  }
  const bool firing = alert.state == AlertState::kFiring;
  const DeviceLabels& own = in_force_->rules.rule(rule).labels;
  const AnnotationFields fields{
      .rule = alert.rule,
      .device_id = alert.device_id,
      .severity = alert.severity,
      .state = firing ? "firing" : "resolved",
      .status = firing ? "ALERT" : "OK",
      .value = alert.value,
      .time_us = alert.time_us,
      .active_at_us = alert.active_at_us,
      .starts_at_us = alert.starts_at_us,
      .ends_at_us = firing ? 0 : alert.ends_at_us,
      .event_count = alert.event_count,
      .metrics = has_row ? values_.data() : nullptr,
      .label = [&](std::string_view name) { return LabelOf(name, own, alert.device_id); }};
  char separator = '{';
  for (const auto& [name, text] : annotations_[rule]) {
    annotations_json_ += separator;
    separator = ',';
    AppendJsonString(annotations_json_, name);
    annotations_json_ += ':';
    AppendJsonString(annotations_json_, text.Expand(fields));
  }
  annotations_json_ += '}';
  alert.annotations_json = annotations_json_;
}

void AlertWriter::Write(const Transition& transition, std::int64_t last_offset) {
  AlertRecord alert;
  const bool known = transition.rule != Transition::kNoRule;
  alert.device_id = transition.device_id;
  alert.state =
      transition.kind == AlertTransition::kResolved ? AlertState::kResolved : AlertState::kFiring;
  alert.time_us = transition.t_us;
  alert.active_at_us = transition.instance.active_at_us;
  alert.starts_at_us = transition.instance.starts_at_us;
  alert.ends_at_us = transition.t_us;
  alert.event_count = transition.instance.event_count;
  alert.episode = transition.instance.episode;
  alert.value = transition.value;
  alert.active_offset = transition.instance.active_offset;
  alert.flapping = transition.flapping;
  alert.cause = transition.cause;
  alert.explain_json = transition.explain;
  Fill(alert, transition.row, last_offset);
  if (known) {
    const RuleDefinition& rule = in_force_->rules.rule(transition.rule);
    alert.rule = rule.name;
    alert.severity = SeverityAt(rule, transition.level);
    alert.rule_version = rule.version;
    FillLabels(alert, rule.labels);
    FillAnnotations(alert, transition.rule, transition.row);
  } else {
    const PartitionState::RuleMemo* const memo = transition.memo;
    const auto level = static_cast<std::size_t>(std::max<std::uint8_t>(transition.level, 1)) - 1;
    const bool has_level = memo != nullptr && level < memo->severities.size();
    alert.rule = transition.removed_rule;
    alert.severity = SeverityName(has_level ? static_cast<Severity>(memo->severities[level])
                                            : Severity::kWarning);
    if (memo != nullptr) alert.rule_version = memo->version;
    FillLabels(alert, memo == nullptr ? kNoLabels : memo->labels);
  }
  writer_.Alert(alert, source_.events, transition.row);
}

void AlertWriter::Write(const FleetChange& change, const DeviceLabels& labels,
                        std::int64_t last_offset) {
  const FleetOptions options = in_force_->fleet.value_or(FleetOptions{});
  AlertRecord alert;
  alert.rule = change.rule;
  alert.severity = SeverityName(change.level == 0 ? options.severity : options.parent_severity);
  alert.state = change.firing ? AlertState::kFiring : AlertState::kResolved;
  alert.device_id = change.name;
  alert.time_us = change.t_us;
  alert.active_at_us = change.starts_at_us;
  alert.starts_at_us = change.starts_at_us;
  alert.ends_at_us = change.t_us;
  alert.value = EventBatch::kNull;
  alert.rule_version = in_force_->fleet_version;
  alert.cause = change.cause;
  // An event that brought a device back is not the one in hand of another device.
  Fill(alert, Transition::kNoRow, last_offset);
  labels_json_.clear();
  AppendLabels(labels_json_, labels, kNoLabels);
  alert.labels_json = labels_json_;
  writer_.Alert(alert, nullptr, Transition::kNoRow);
}

void AlertWriter::WriteEvent(std::size_t row, std::span<const std::uint64_t> conditions,
                             const PartitionEngine::FirstHit& hit) {
  std::size_t index = 0;
  while (((conditions[index / 64] >> (index % 64)) & 1) == 0) ++index;
  const RuleDefinition& rule = in_force_->rules.rule(index);
  const std::string reason = in_force_->rules.Reason(conditions);
  AlertRecord alert;
  alert.rule = rule.name;
  alert.severity = SeverityAt(rule, hit.level);
  alert.rule_version = rule.version;
  alert.device_id = source_.events->device_id[row];
  alert.time_us = source_.events->time_us[row];
  alert.active_at_us = alert.time_us;
  alert.starts_at_us = alert.time_us;
  alert.event_count = 1;
  alert.value = hit.value;
  alert.reason = reason;
  Fill(alert, row, 0);
  FillLabels(alert, rule.labels);
  FillAnnotations(alert, index, row);
  writer_.Alert(alert, source_.events, row);
}

}  // namespace tocsin
