#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "expression/expression.h"

namespace tocsin {

// Temperature (°C), humidity (%), uptime (s), age (ms), and door, level without a unit.
inline std::vector<MetricSpec> TestMetrics() {
  std::vector<MetricSpec> metrics = DefaultMetrics();
  metrics.push_back({.name = "uptime", .unit = "seconds", .required = false});
  metrics.push_back({.name = "age", .unit = "ms", .required = false});
  metrics.push_back({.name = "door", .max = 1, .required = false, .is_bool = true});
  metrics.push_back({.name = "level", .required = false});
  return metrics;
}

// The canonical text of a condition, or its mistakes as "line:column: message" lines.
inline std::string Read(std::string_view text, ValueType wanted = ValueType::kTruth) {
  std::vector<Diagnostic> diagnostics;
  const auto node = ParseExpression(text, SourcePlace{1, 1}, wanted, TestMetrics(), diagnostics);
  if (node != nullptr) return diagnostics.empty() ? CanonicalText(*node) : "both";
  return FormatDiagnostics("", diagnostics);
}
inline std::string ReadNumber(std::string_view text) {
  return Read(text, ValueType::kNumber);
}

}  // namespace tocsin
