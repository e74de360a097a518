#include "fleet/fleet_options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/text.h"
#include "config/units.h"
#include "rule_file/yaml_tree.h"

namespace tocsin {
namespace {

constexpr std::size_t kMaxLevels = 4;
constexpr std::int64_t kUnknownCadence = 10;  // times min_silent
constexpr std::array<std::string_view, 6> kKeys = {"silent_after", "min_silent", "expected",
                                                   "levels",       "severity",   "parent_severity"};

class OptionsReader {
 public:
  OptionsReader(SourcePlace base, std::vector<Diagnostic>& diagnostics)
      : base_(base), diagnostics_(diagnostics) {}

  void Read(const YamlTree& mapping) {
    for (const YamlTree::Pair& pair : mapping.pairs) ReadKey(pair);
    if (!has_parent_severity_) options.parent_severity = options.severity;
  }

  void Mistake(SourcePlace place, std::string message) {
    if (base_.line > 0 && place.line > 0) place.line += base_.line - 1;
    if (place.line == 0) place = base_;
    diagnostics_.push_back({place, std::move(message)});
  }

  FleetOptions options;

 private:
  void ReadKey(const YamlTree::Pair& pair) {
    const YamlTree& value = *pair.value;
    if (pair.key == "levels") {
      ReadLevels(value);
    } else if (std::ranges::find(kKeys, pair.key) == kKeys.end()) {
      const std::string_view nearest = Nearest(pair.key, kKeys);
      Mistake(pair.place, "unknown key `" + pair.key + "` of fleet" +
                              (nearest.empty() ? std::string()
                                               : "; did you mean `" + std::string(nearest) + "`?"));
    } else if (value.kind != YamlTree::Kind::kScalar) {
      Mistake(value.place, "`" + pair.key + "` takes one value");
    } else if (pair.key == "silent_after") {
      ReadSilentAfter(value);
    } else if (pair.key == "min_silent") {
      ReadDuration(value, "min_silent", options.min_silent_us);
    } else if (pair.key == "expected") {
      options.expected_only = value.text == "file";
      if (value.text != "file" && value.text != "learned") {
        Mistake(value.place, "expected: `" + value.text + "` is neither `file` nor `learned`");
      }
    } else {
      const bool parent = pair.key == "parent_severity";
      has_parent_severity_ = has_parent_severity_ || parent;
      ReadSeverity(value, parent ? options.parent_severity : options.severity);
    }
  }

  void ReadSilentAfter(const YamlTree& value) {
    const std::string& text = value.text;
    if (!text.ends_with('x')) {
      options.cadences = 0;
      ReadDuration(value, "silent_after", options.fixed_us);
      return;
    }
    const char* const end = text.data() + text.size() - 1;
    const auto read = std::from_chars(text.data(), end, options.cadences);
    if (read.ec == std::errc() && read.ptr == end && options.cadences >= 1 &&
        options.cadences <= 1000) {
      return;
    }
    Mistake(value.place, "silent_after: `" + text +
                             "` is no duration such as 5m and no number of cadences from 1x to "
                             "1000x such as 3x");
  }

  void ReadDuration(const YamlTree& value, std::string_view key, std::int64_t& to) {
    const auto parsed = ParseDurationUs(value.text);
    if (parsed && *parsed > 0) {
      to = *parsed;
    } else {
      Mistake(value.place,
              std::string(key) + ": `" + value.text + "` is no duration above 0 such as 5m");
    }
  }

  void ReadSeverity(const YamlTree& value, Severity& to) {
    if (const auto severity = ParseSeverity(value.text)) {
      to = *severity;
    } else {
      Mistake(value.place, "severity `" + value.text + "` is none of info, warning, critical");
    }
  }

  void ReadLevels(const YamlTree& value) {
    if (value.kind != YamlTree::Kind::kSequence || value.items.size() > kMaxLevels) {
      Mistake(value.place, "levels is a list of at most " + std::to_string(kMaxLevels) +
                               " labels, the lowest first, such as [gateway, site]");
      return;
    }
    options.levels.clear();
    for (const auto& item : value.items) {
      const bool name = item->kind == YamlTree::Kind::kScalar && !item->text.empty() &&
                        std::ranges::all_of(item->text, [](char c) {
                          return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
                        });
      if (!name || item->text == "device" ||
          std::ranges::find(options.levels, item->text) != options.levels.end()) {
        Mistake(item->place,
                "a level is the name of a label ([a-z0-9_]+, not `device`), each once");
      } else {
        options.levels.push_back(item->text);
      }
    }
  }

  const SourcePlace base_;
  std::vector<Diagnostic>& diagnostics_;
  bool has_parent_severity_ = false;
};

}  // namespace

std::int64_t FleetOptions::SilentAfterUs(float cadence_us) const {
  if (cadences == 0) return fixed_us;
  if (cadence_us <= 0) return kUnknownCadence * min_silent_us;
  // A year at most, so that no sum overflows.
  const double quiet_us = std::min(cadences * static_cast<double>(cadence_us), 366.0 * 86'400e6);
  return std::max(min_silent_us, static_cast<std::int64_t>(quiet_us));
}

std::string SilenceRuleName(const FleetOptions& options, std::size_t level) {
  return (level == 0 ? std::string("device") : options.levels[level - 1]) + "_silent";
}

Status CheckRuleNames(const FleetOptions& options, const std::vector<RuleDefinition>& rules,
                      const std::string& path, std::vector<Diagnostic>& diagnostics) {
  std::vector<Diagnostic> found;
  for (const RuleDefinition& rule : rules) {
    for (std::size_t level = 0; level <= options.levels.size(); ++level) {
      if (rule.name != SilenceRuleName(options, level)) continue;
      found.push_back({rule.place, "`" + rule.name +
                                       "` is the name of the alerts that `fleet` makes; give the "
                                       "rule another one, or leave it out"});
    }
  }
  if (found.empty()) return {};
  diagnostics.insert(diagnostics.end(), found.begin(), found.end());
  return Fail(Code::kConfiguration, FormatDiagnostics(path, found));
}

Result<FleetOptions> ParseFleetOptions(std::string_view yaml, const std::string& path,
                                       SourcePlace place, std::vector<Diagnostic>& diagnostics) {
  std::vector<Diagnostic> found;
  OptionsReader reader(place, found);
  std::vector<Diagnostic> yaml_mistakes;
  const YamlTree::Pointer tree = ParseYamlTree(yaml, yaml_mistakes);
  for (const Diagnostic& mistake : yaml_mistakes) reader.Mistake(mistake.place, mistake.message);
  if (tree != nullptr && tree->kind == YamlTree::Kind::kMapping) {
    reader.Read(*tree);
  } else if (tree != nullptr && tree->kind != YamlTree::Kind::kNull) {
    reader.Mistake(tree->place, "fleet is a mapping, such as {silent_after: 3x}");
  }
  if (found.empty()) return reader.options;
  diagnostics.insert(diagnostics.end(), found.begin(), found.end());
  return Fail(Code::kConfiguration, FormatDiagnostics(path, found));
}

}  // namespace tocsin
