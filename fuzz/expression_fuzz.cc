// Arbitrary bytes as an expression of each type. What is accepted has a canonical text that reads
// back as itself; what is refused says why, at a place inside the text.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "expression/expression.h"

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

const std::vector<tocsin::MetricSpec>& Metrics() {
  static const auto metrics = [] {
    auto list = tocsin::DefaultMetrics();
    list.push_back({.name = "level", .required = false});
    return list;
  }();
  return metrics;
}

void Check(std::string_view text, tocsin::ValueType wanted) {
  std::vector<tocsin::Diagnostic> diagnostics;
  const auto node =
      tocsin::ParseExpression(text, tocsin::SourcePlace{1, 1}, wanted, Metrics(), diagnostics);
  Require((node == nullptr) != diagnostics.empty());
  for (const tocsin::Diagnostic& diagnostic : diagnostics) {
    Require(diagnostic.place.line >= 1 && diagnostic.place.column <= text.size() + 1);
    Require(!diagnostic.message.empty());
  }
  if (node == nullptr) return;
  const std::string canonical = tocsin::CanonicalText(*node);
  if (canonical.size() > 4096) return;
  const auto again =
      tocsin::ParseExpression(canonical, tocsin::SourcePlace{1, 1}, wanted, Metrics(), diagnostics);
  Require(again != nullptr && tocsin::CanonicalText(*again) == canonical);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Check(text, tocsin::ValueType::kTruth);
  Check(text, tocsin::ValueType::kNumber);
  Check(text, tocsin::ValueType::kText);
  return 0;
}
