#include "rule_file/rule_definition.h"

#include <xxhash.h>

#include <array>
#include <cstdio>

#include "base/json_text.h"
#include "config/units.h"

namespace tocsin {
namespace {

void AppendLine(std::string& out, std::string_view key, std::string_view value) {
  out += key;
  out += ": ";
  out += value;
  out += '\n';
}

std::string_view StateName(NoData::State state) {
  switch (state) {
    case NoData::State::kKeep:
      return "keep";
    case NoData::State::kAlerting:
      return "alerting";
    case NoData::State::kResolve:
      return "resolve";
  }
  return "";
}

void AppendTexts(std::string& out, std::string_view kind,
                 const std::map<std::string, std::string>& texts) {
  for (const auto& [name, text] : texts) {
    out += kind;
    out += ' ' + name + ": ";
    AppendJsonString(out, text);
    out += '\n';
  }
}

bool HasDefaultsOnly(const RuleDefinition& rule) {
  return rule.levels.size() == 1 && rule.levels[0].severity == Severity::kWarning &&
         rule.clear == nullptr && rule.for_us == 0 && rule.keep_firing_for_us == 0 &&
         rule.no_data == NoData() && rule.flap == FlapGuard() && rule.labels.empty() &&
         rule.annotations.empty();
}

}  // namespace

std::string_view SeverityName(Severity severity) {
  switch (severity) {
    case Severity::kInfo:
      return "info";
    case Severity::kWarning:
      return "warning";
    case Severity::kCritical:
      return "critical";
  }
  return "";
}

std::optional<Severity> ParseSeverity(std::string_view name) {
  for (const Severity severity : {Severity::kInfo, Severity::kWarning, Severity::kCritical}) {
    if (SeverityName(severity) == name) return severity;
  }
  return std::nullopt;
}

std::string RuleText(const RuleDefinition& rule) {
  if (HasDefaultsOnly(rule)) return CanonicalText(*rule.levels[0].condition);
  std::string text;
  AppendLine(text, "alert", rule.name);
  for (const RuleLevel& level : rule.levels) {
    AppendLine(text, SeverityName(level.severity), CanonicalText(*level.condition));
  }
  if (rule.clear != nullptr) AppendLine(text, "clear_expr", CanonicalText(*rule.clear));
  if (rule.for_us != 0) AppendLine(text, "for", FormatDurationUs(rule.for_us));
  if (rule.keep_firing_for_us != 0) {
    AppendLine(text, "keep_firing_for", FormatDurationUs(rule.keep_firing_for_us));
  }
  if (!(rule.no_data == NoData())) {
    AppendLine(
        text, "no_data",
        FormatDurationUs(rule.no_data.after_us) + " " + std::string(StateName(rule.no_data.state)));
  }
  if (!(rule.flap == FlapGuard())) {
    AppendLine(
        text, "flap",
        FormatDurationUs(rule.flap.window_us) + " " + std::to_string(rule.flap.max_transitions));
  }
  AppendTexts(text, "label", rule.labels);
  AppendTexts(text, "annotation", rule.annotations);
  return text;
}

std::string RuleVersion(const RuleDefinition& rule) {
  const std::string text = RuleText(rule);
  std::array<char, 17> digits{};
  std::snprintf(digits.data(), digits.size(), "%016llx",
                static_cast<unsigned long long>(XXH3_64bits(text.data(), text.size())));
  return std::string(digits.data(), 16);
}

}  // namespace tocsin
