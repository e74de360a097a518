#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "expression/diagnostic.h"
#include "rule_file/rule_definition.h"

namespace tocsin {

// A rule file (YAML, the shape of Prometheus rule files; docs/specs/rules.md). The keys `fleet`
// and `groups` at the top.
struct RuleFile {
  std::vector<RuleDefinition> rules;  // in file order
  // The text of the `fleet` value, "" when absent: line N of it is line fleet_place.line + N - 1 of
  // the file, and columns are the file's.
  std::string fleet_yaml;
  SourcePlace fleet_place;
};

inline constexpr std::size_t kMaxRuleFileBytes = 4 << 20;
inline constexpr std::size_t kMaxRulesInFile = 256;  // as many as a RuleSet takes
inline constexpr std::size_t kMaxRuleTexts = 64;     // labels of a rule, and annotations of a rule

// Reads and checks everything: YAML, unknown and repeated keys with suggestions, types, durations,
// names, expressions, severities, annotation templates, rule-name uniqueness, at most
// kMaxRulesInFile rules. On any mistake every one (of the first hundred) is in `diagnostics` and
// the error (kConfiguration) carries them formatted. At most kMaxRuleFileBytes.
//
// A file that cannot be read: kConfiguration naming it, and no diagnostics.
Result<RuleFile> ReadRuleFile(const std::string& path, const std::vector<MetricSpec>& metrics,
                              std::vector<Diagnostic>& diagnostics);
Result<RuleFile> ParseRuleFile(std::string_view text, const std::string& path,
                               const std::vector<MetricSpec>& metrics,
                               std::vector<Diagnostic>& diagnostics);

// The text of a rule file; kConfiguration naming the file that cannot be read.
Result<std::string> ReadRuleText(const std::string& path);
// What could be read of it in spite of mistakes, which are all in `diagnostics`.
RuleFile ScanRuleFile(std::string_view text, const std::vector<MetricSpec>& metrics,
                      std::vector<Diagnostic>& diagnostics);

inline constexpr std::size_t kMaxRuleFileDiagnostics = 100;

}  // namespace tocsin
