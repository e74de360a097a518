#include "metrics/metrics.h"

#include <algorithm>
#include <limits>

#include "base/json_text.h"
#include "metrics/metrics_table.h"

namespace tocsin {
namespace {

constexpr std::size_t kMetricCount = kMetricsTable.size();
constexpr std::size_t kNoCell = std::numeric_limits<std::size_t>::max();

constexpr std::size_t CellsOf(const MetricDefinition& definition) {
  return std::max<std::size_t>(1, definition.label_values.size()) *
         std::max<std::size_t>(1, definition.second_values.size());
}

// The first cell of each metric, and behind the last the number of all.
constexpr auto kFirstCell = [] {
  std::array<std::size_t, kMetricCount + 1> first{};
  for (std::size_t i = 0; i < kMetricCount; ++i)
    first[i + 1] = first[i] + CellsOf(kMetricsTable[i]);
  return first;
}();

// The cell of a metric and label, or the number of all cells when the label does not exist.
std::size_t CellOf(Metric metric, std::size_t label_index) {
  const auto index = static_cast<std::size_t>(metric);
  if (index >= kMetricCount || label_index >= CellsOf(kMetricsTable[index])) {
    return kFirstCell[kMetricCount];
  }
  return kFirstCell[index] + label_index;
}

// {reason="late"} of a cell, "" for a metric without labels.
std::string LabelsOf(const MetricDefinition& definition, std::size_t cell) {
  if (definition.label.empty()) return "";
  const std::size_t seconds = std::max<std::size_t>(1, definition.second_values.size());
  std::string text = "{" + std::string(definition.label) + "=\"" +
                     std::string(definition.label_values[cell / seconds]) + "\"";
  if (!definition.second_label.empty()) {
    text += "," + std::string(definition.second_label) + "=\"" +
            std::string(definition.second_values[cell % seconds]) + "\"";
  }
  return text + "}";
}

void AppendLabel(std::string& out, std::string_view label,
                 std::span<const std::string_view> values) {
  out.append("`").append(label).append("`: ");
  for (const std::string_view value : values) {
    if (value != values.front()) out += ", ";
    out += value;
  }
}

}  // namespace

std::size_t ChannelKindIndex(std::string_view kind) {
  const auto found = std::ranges::find(kChannelLabels, kind);
  return found == kChannelLabels.end() ? kNoCell
                                       : static_cast<std::size_t>(found - kChannelLabels.begin());
}

std::size_t PairIndex(Metric metric, std::size_t first, std::size_t second) {
  const MetricDefinition& definition = DefinitionOf(metric);
  if (first >= definition.label_values.size() || second >= definition.second_values.size()) {
    return kNoCell;
  }
  return first * definition.second_values.size() + second;
}

void Metrics::Add(Metric metric, std::uint64_t amount, std::size_t label_index) {
  static_assert(kFirstCell[kMetricCount] <= kMaxCells);
  const std::size_t cell = CellOf(metric, label_index);
  if (cell == kFirstCell[kMetricCount]) return;
  cells_[cell].fetch_add(static_cast<std::int64_t>(amount), std::memory_order_relaxed);
}

void Metrics::Set(Metric metric, std::int64_t value, std::size_t label_index) {
  const std::size_t cell = CellOf(metric, label_index);
  if (cell != kFirstCell[kMetricCount]) cells_[cell].store(value, std::memory_order_relaxed);
}

std::int64_t Metrics::Get(Metric metric, std::size_t label_index) const {
  const std::size_t cell = CellOf(metric, label_index);
  return cell == kFirstCell[kMetricCount] ? 0 : cells_[cell].load(std::memory_order_relaxed);
}

std::string Metrics::ToJson() const {
  std::string out = "{";
  for (std::size_t i = 0; i < kMetricCount; ++i) {
    const MetricDefinition& definition = kMetricsTable[i];
    for (std::size_t label = 0; label < CellsOf(definition); ++label) {
      if (out.size() > 1) out += ", ";
      AppendJsonString(out, std::string(definition.name) + LabelsOf(definition, label));
      out += ": ";
      AppendJsonNumber(out, Get(static_cast<Metric>(i), label));
    }
  }
  return out + "}";
}

std::string Metrics::ToPrometheus() const {
  std::string out;
  for (std::size_t i = 0; i < kMetricCount; ++i) {
    const MetricDefinition& definition = kMetricsTable[i];
    const std::string name(definition.name);
    out += "# HELP " + name + " " + std::string(definition.help) + "\n# TYPE " + name;
    out += definition.kind == MetricKind::kCounter ? " counter\n" : " gauge\n";
    for (std::size_t cell = 0; cell < CellsOf(definition); ++cell) {
      out += name + LabelsOf(definition, cell) + " ";
      AppendJsonNumber(out, Get(static_cast<Metric>(i), cell));
      out += '\n';
    }
  }
  return out;
}

const MetricDefinition& DefinitionOf(Metric metric) {
  return kMetricsTable[static_cast<std::size_t>(metric)];
}

std::string MetricsReferenceMarkdown() {
  std::string out =
      "# Metrics\n\n"
      "Generated from the table of metrics by `generate_docs`; a test keeps it fresh.\n\n"
      "Counters only grow while the program runs and begin at 0 with it; a gauge is the present\n"
      "value. A metric with a label has one value for each of the label's values, one with two "
      "for\n"
      "each pair.\n\n"
      "| metric | kind | label | meaning |\n|---|---|---|---|\n";
  for (const MetricDefinition& definition : kMetricsTable) {
    out += "| `" + std::string(definition.name) + "` | ";
    out += definition.kind == MetricKind::kCounter ? "counter" : "gauge";
    out += " | ";
    if (!definition.label.empty()) AppendLabel(out, definition.label, definition.label_values);
    if (!definition.second_label.empty()) {
      out += "; ";
      AppendLabel(out, definition.second_label, definition.second_values);
    }
    out += " | " + std::string(definition.help) + " |\n";
  }
  return out;
}

}  // namespace tocsin
