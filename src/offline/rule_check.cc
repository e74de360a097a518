#include "offline/rule_check.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include "base/json_text.h"
#include "config/units.h"
#include "expression/expression.h"
#include "fleet/rules_with_fleet.h"

namespace tocsin {
namespace {

// The calls of a rule by their canonical text: each keeps state of its own for every device.
struct StateNeeds {
  std::map<std::string, std::int64_t> window_us;  // 0 = no window
  bool time_driven = false;
};

void AddCalls(const Node& node, StateNeeds& needs) {
  if (node.kind == Node::Kind::kCall) {
    needs.window_us[CanonicalText(node)] = node.call.window_us;
    needs.time_driven = needs.time_driven || node.function->time_driven;
  }
  for (const auto& child : node.children) AddCalls(*child, needs);
}

StateNeeds NeedsOf(const RuleDefinition& rule) {
  StateNeeds needs;
  for (const RuleLevel& level : rule.levels) AddCalls(*level.condition, needs);
  if (rule.clear) AddCalls(*rule.clear, needs);
  needs.time_driven = needs.time_driven || rule.no_data.state != NoData::State::kKeep;
  return needs;
}

void AppendMember(std::string& out, std::string_view key, std::string_view text) {
  if (!out.ends_with('{')) out += ',';
  AppendJsonString(out, key);
  out += ':';
  AppendJsonString(out, text);
}

void AppendRule(std::string& out, const RuleDefinition& rule) {
  out += '{';
  AppendMember(out, "rule", rule.name);
  AppendMember(out, "group", rule.group);
  AppendMember(out, "version", rule.version);
  out += ",\"levels\":[";
  for (const RuleLevel& level : rule.levels) {
    out += out.ends_with('[') ? "{" : ",{";
    AppendMember(out, "severity", SeverityName(level.severity));
    AppendMember(out, "expr", CanonicalText(*level.condition));
    out += '}';
  }
  out += "],\"clear_expr\":";
  if (rule.clear) {
    AppendJsonString(out, CanonicalText(*rule.clear));
  } else {
    out += "null";
  }
  AppendMember(out, "for", FormatDurationUs(rule.for_us));
  AppendMember(out, "keep_firing_for", FormatDurationUs(rule.keep_firing_for_us));
  const StateNeeds needs = NeedsOf(rule);
  out += ",\"state\":[";
  for (const auto& [call, window_us] : needs.window_us) {
    out += out.ends_with('[') ? "{" : ",{";
    AppendMember(out, "call", call);
    out += ",\"window\":";
    if (window_us > 0) {
      AppendJsonString(out, FormatDurationUs(window_us));
    } else {
      out += "null";
    }
    out += '}';
  }
  out += std::string("],\"time_driven\":") + (needs.time_driven ? "true" : "false") + '}';
}

std::string Plural(std::size_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

void AppendRuleText(std::string& out, const RuleDefinition& rule) {
  out += "  " + rule.name + "  (version " + rule.version + ")\n";
  for (const RuleLevel& level : rule.levels) {
    out += "    " + std::string(SeverityName(level.severity)) + ": " +
           CanonicalText(*level.condition) + "\n";
  }
  if (rule.clear) out += "    clear: " + CanonicalText(*rule.clear) + "\n";
  if (rule.for_us > 0) out += "    for " + FormatDurationUs(rule.for_us) + "\n";
  if (rule.keep_firing_for_us > 0) {
    out += "    keep firing for " + FormatDurationUs(rule.keep_firing_for_us) + "\n";
  }
  const StateNeeds needs = NeedsOf(rule);
  std::string calls;
  for (const auto& [call, window_us] : needs.window_us) calls += (calls.empty() ? "" : ", ") + call;
  out += "    state: " + (calls.empty() ? "none" : calls) +
         (needs.time_driven ? "; evaluated by the clock, too" : "") + "\n";
}

}  // namespace

Result<std::vector<std::string>> RuleFilesOf(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    std::error_code error;
    if (!std::filesystem::is_directory(path, error)) {
      files.push_back(path);
      continue;
    }
    const std::size_t before = files.size();
    for (std::filesystem::directory_iterator at(path, error), end; !error && at != end;
         at.increment(error)) {
      const std::filesystem::path& file = at->path();
      const bool yaml = file.extension() == ".yaml" || file.extension() == ".yml";
      if (yaml && std::filesystem::is_regular_file(file)) files.push_back(file.string());
    }
    if (error) {
      return Fail(Code::kConfiguration, "the directory " + path + " cannot be read: " +
                                            error.message() + "; name the rule files themselves");
    }
    if (files.size() == before) {
      return Fail(Code::kConfiguration, "the directory " + path +
                                            " has no .yaml or .yml file; name a rule file or the "
                                            "directory with them");
    }
    std::sort(files.begin() + static_cast<std::ptrdiff_t>(before), files.end());
  }
  return files;
}

Result<RuleCheck> CheckRuleFile(const Settings& settings, const std::string& path) {
  RuleCheck check;
  check.path = path;
  auto read = ReadRulesWithFleet(path, settings.metrics, check.diagnostics);
  if (read) {
    check.rules = std::move(read->rules);
  } else if (check.diagnostics.empty()) {
    return std::unexpected(std::move(read).error());
  }
  return check;
}

std::string RuleCheckJson(const RuleCheck& check) {
  std::string out = std::string("{\"ok\":") + (check.ok() ? "true" : "false") + ",\"rules\":[";
  for (const RuleDefinition& rule : check.rules) {
    if (!out.ends_with('[')) out += ',';
    AppendRule(out, rule);
  }
  out += "],\"errors\":[";
  for (const Diagnostic& diagnostic : check.diagnostics) {
    if (!out.ends_with('[')) out += ',';
    out += "{\"line\":" + std::to_string(diagnostic.place.line) +
           ",\"column\":" + std::to_string(diagnostic.place.column) + ",\"message\":";
    AppendJsonString(out, diagnostic.message);
    out += '}';
  }
  return out + "]}";
}

std::string RuleChecksJson(const std::vector<RuleCheck>& checks) {
  const bool ok = std::ranges::all_of(checks, &RuleCheck::ok);
  std::string out = std::string("{\"ok\":") + (ok ? "true" : "false") + ",\"files\":[";
  for (const RuleCheck& check : checks) {
    out += out.ends_with('[') ? "{" : ",{";
    AppendMember(out, "file", check.path);
    out += ',' + RuleCheckJson(check).substr(1);
  }
  return out + "]}";
}

std::string RuleCheckText(const RuleCheck& check) {
  if (!check.ok()) return FormatDiagnostics(check.path, check.diagnostics);
  std::string out = check.path + ": " + Plural(check.rules.size(), "rule") + ", no mistake\n";
  for (const RuleDefinition& rule : check.rules) AppendRuleText(out, rule);
  return out;
}

}  // namespace tocsin
