#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "config/settings.h"
#include "expression/diagnostic.h"
#include "rule_file/rule_definition.h"

namespace tocsin {

// What `rules check` says of one file.
struct RuleCheck {
  std::string path;
  std::vector<RuleDefinition> rules;    // none when there is a mistake
  std::vector<Diagnostic> diagnostics;  // every mistake, in order of place
  bool ok() const { return diagnostics.empty(); }
};

// Errors are those of reading the file; mistakes in it are in the result.
Result<RuleCheck> CheckRuleFile(const Settings& settings, const std::string& path);

// The files that `rules check` means: each path as it is, of a directory the .yaml and .yml files
// directly in it, by name. kConfiguration for a directory that has none or cannot be read.
Result<std::vector<std::string>> RuleFilesOf(const std::vector<std::string>& paths);

// {"ok","rules":[{"rule","group","version","levels":[{"severity","expr"}],"clear_expr","for",
// "keep_firing_for","state":[{"call","window"}],"time_driven"}],"errors":[{"line","column",
// "message"}]}
std::string RuleCheckJson(const RuleCheck& check);
// {"ok","files":[{"file","ok","rules","errors"}]}
std::string RuleChecksJson(const std::vector<RuleCheck>& checks);
// The rules, one paragraph each; the mistakes as path:line:column: message.
std::string RuleCheckText(const RuleCheck& check);

}  // namespace tocsin
