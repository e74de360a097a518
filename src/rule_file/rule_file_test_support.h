#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "rule_file/rule_file.h"

namespace tocsin {

// The mistakes of a rule file as "line:column: message" lines; "" when it is good.
inline std::string Mistakes(std::string_view text) {
  std::vector<Diagnostic> diagnostics;
  const auto file = ParseRuleFile(text, "r", DefaultMetrics(), diagnostics);
  if (file) return diagnostics.empty() ? "" : "both";
  std::string lines = file.error().message();
  if (lines != FormatDiagnostics("r", diagnostics)) return "not the diagnostics";
  for (std::size_t at = 0; at != std::string::npos; at = lines.find('\n', at)) {
    if (at > 0) ++at;
    lines.erase(at, 2);
  }
  return lines;
}

// A file of one group whose single rule has these lines besides its name.
inline std::string OneRule(const std::string& lines) {
  return "groups:\n- name: g\n  rules:\n  - alert: hot\n" + lines;
}

}  // namespace tocsin
