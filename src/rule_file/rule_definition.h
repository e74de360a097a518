#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "expression/expression.h"

namespace tocsin {

enum class Severity : std::uint8_t { kInfo = 1, kWarning = 2, kCritical = 3 };
std::string_view SeverityName(Severity severity);
std::optional<Severity> ParseSeverity(std::string_view name);

// What a silent device does to its firing instance.
struct NoData {
  enum class State : std::uint8_t { kKeep, kAlerting, kResolve };
  std::int64_t after_us = 0;  // 0 = off
  State state = State::kKeep;
  bool operator==(const NoData&) const = default;
};

// More than max_transitions within the window: notifications say `flapping` once. Both 0 = off.
struct FlapGuard {
  std::int64_t window_us = 900'000'000;
  std::uint32_t max_transitions = 6;
  bool operator==(const FlapGuard&) const = default;
};

struct RuleLevel {
  Severity severity = Severity::kWarning;
  std::unique_ptr<const Node> condition;
};

// One rule as it stands in a rule file, parsed and checked.
struct RuleDefinition {
  std::string group;
  std::string name;                   // [A-Za-z_][A-Za-z0-9_:.-]*, unique in the file
  std::vector<RuleLevel> levels;      // ascending by severity, at least one
  std::unique_ptr<const Node> clear;  // nullptr = resolves when no level is true
  std::int64_t for_us = 0;
  std::int64_t keep_firing_for_us = 0;
  NoData no_data;
  FlapGuard flap;
  std::map<std::string, std::string> labels;       // plain text
  std::map<std::string, std::string> annotations;  // mustache templates
  std::string version;      // 16 hex digits of XXH3-64 over the rule's canonical text
  std::string flag_column;  // of the batch output: is_<name>; the default rules have their own
  SourcePlace place;
};

// The canonical text of a rule: of its expressions and every key that is not at its default. A rule
// of one expression with nothing else has the text of that expression alone: `temperature >= 50`.
std::string RuleText(const RuleDefinition& rule);
// For RuleDefinition::version. The rule must have its levels.
std::string RuleVersion(const RuleDefinition& rule);

}  // namespace tocsin
