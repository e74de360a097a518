// Arbitrary bytes as a rule file: every rule that is accepted is whole, and every mistake has
// words.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "rule_file/annotation.h"
#include "rule_file/rule_file.h"

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

void CheckRule(const tocsin::RuleDefinition& rule, const std::vector<tocsin::MetricSpec>& metrics) {
  Require(!rule.name.empty() && !rule.levels.empty() && rule.version.size() == 16);
  for (const tocsin::RuleLevel& level : rule.levels) Require(level.condition != nullptr);
  for (const auto& [name, text] : rule.annotations) {
    tocsin::AnnotationTemplate parsed;
    tocsin::AnnotationMistake mistake;
    Require(tocsin::AnnotationTemplate::Parse(text, metrics, parsed, mistake));
    Require(parsed.Expand({}).size() <= tocsin::kMaxAnnotationBytes);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static const auto metrics = tocsin::DefaultMetrics();
  std::vector<tocsin::Diagnostic> diagnostics;
  const auto file = tocsin::ParseRuleFile(text, "rules.yaml", metrics, diagnostics);
  Require(file.has_value() == diagnostics.empty());
  if (!file) return 0;
  for (const tocsin::RuleDefinition& rule : file->rules) CheckRule(rule, metrics);
  return 0;
}
