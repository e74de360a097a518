#include "metrics/metrics.h"

#include <algorithm>

#include "base/json_text.h"
#include "metrics/metrics_table.h"

namespace tocsin {
namespace {

constexpr std::size_t kMetricCount = kMetricsTable.size();

constexpr std::size_t CellsOf(const MetricDefinition& definition) {
  return std::max<std::size_t>(1, definition.label_values.size());
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

}  // namespace

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
      std::string name(definition.name);
      if (!definition.label.empty()) {
        name += "{" + std::string(definition.label) + "=\"" +
                std::string(definition.label_values[label]) + "\"}";
      }
      if (out.size() > 1) out += ", ";
      AppendJsonString(out, name);
      out += ": ";
      AppendJsonNumber(out, Get(static_cast<Metric>(i), label));
    }
  }
  return out + "}";
}

const MetricDefinition& DefinitionOf(Metric metric) {
  return kMetricsTable[static_cast<std::size_t>(metric)];
}

std::string MetricsReferenceMarkdown() {
  std::string out =
      "# Metrics\n\n"
      "Generated from the table of metrics by `generate_docs`; a test keeps it fresh.\n\n"
      "Counters only grow while the program runs and begin at 0 with it; a gauge is the present\n"
      "value. A metric with a label has one value for each of the label's values.\n\n"
      "| metric | kind | label | meaning |\n|---|---|---|---|\n";
  for (const MetricDefinition& definition : kMetricsTable) {
    out += "| `" + std::string(definition.name) + "` | ";
    out += definition.kind == MetricKind::kCounter ? "counter" : "gauge";
    out += " | ";
    if (!definition.label.empty()) {
      out += "`" + std::string(definition.label) + "`: ";
      for (const std::string_view value : definition.label_values) {
        if (value != definition.label_values.front()) out += ", ";
        out += value;
      }
    }
    out += " | " + std::string(definition.help) + " |\n";
  }
  return out;
}

}  // namespace tocsin
