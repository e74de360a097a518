#include "rule_file/rule_file.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "base/file.h"
#include "base/json_text.h"
#include "rule_file/file_lines.h"
#include "rule_file/rule_reader.h"
#include "rule_file/yaml_tree.h"

namespace tocsin {
namespace {

constexpr std::size_t kMaxGroups = 1000;

class FileReader {
 public:
  FileReader(const FileLines& lines, const std::vector<MetricSpec>& metrics,
             std::vector<Diagnostic>& diagnostics)
      : lines_(lines), diagnostics_(diagnostics), rules_(lines, metrics, diagnostics) {}

  RuleFile Read(const YamlTree& root) {
    static constexpr auto kKeys = std::to_array<std::string_view>({"groups", "fleet"});
    if (root.kind != YamlTree::Kind::kMapping || root.pairs.empty()) {
      rules_.Fail(root.place,
                  "a rule file is a mapping with `groups`, as in groups: [{name: "
                  "plant, rules: [{alert: hot, expr: temperature >= 50}]}]");
      return {};
    }
    for (std::size_t i = 0; i < root.pairs.size(); ++i) {
      const YamlTree::Pair& pair = root.pairs[i];
      if (pair.key == "groups") {
        ReadGroups(pair);
      } else if (pair.key == "fleet") {
        ReadFleet(root, i);
      } else {
        rules_.UnknownKey(pair, "a rule file", kKeys);
      }
    }
    return std::move(file_);
  }

 private:
  bool Enough() const { return diagnostics_.size() >= kMaxRuleFileDiagnostics; }

  void ReadGroups(const YamlTree::Pair& pair) {
    if (pair.value->kind == YamlTree::Kind::kNull) return;
    if (pair.value->kind != YamlTree::Kind::kSequence) {
      rules_.Fail(pair.place, "`groups` must be a list of groups, each with a name and rules");
      return;
    }
    if (pair.value->items.size() > kMaxGroups) {
      rules_.Fail(pair.place, "more than " + std::to_string(kMaxGroups) + " groups");
      return;
    }
    for (const YamlTree::Pointer& group : pair.value->items) {
      if (Enough() || too_many_rules_) return;
      ReadGroup(*group);
    }
  }

  void ReadGroup(const YamlTree& group) {
    static constexpr auto kKeys = std::to_array<std::string_view>({"name", "interval", "rules"});
    if (group.kind != YamlTree::Kind::kMapping) {
      rules_.Fail(group.place, "a group must be a mapping with `name` and `rules`");
      return;
    }
    const std::string name = ReadGroupName(group);
    for (const YamlTree::Pair& pair : group.pairs) {
      if (pair.key == "rules") {
        ReadRules(pair, name);
      } else if (pair.key == "interval") {
        // Rules are evaluated at every event; the key is checked and has no effect.
        (void)rules_.Duration(pair);
      } else if (pair.key != "name") {
        rules_.UnknownKey(pair, "a group", kKeys);
      }
    }
  }

  std::string ReadGroupName(const YamlTree& group) {
    const auto pair = std::ranges::find(group.pairs, "name", &YamlTree::Pair::key);
    if (pair == group.pairs.end()) {
      rules_.Fail(group.place, "a group needs a `name`");
      return "";
    }
    const std::string* name = rules_.Scalar(*pair);
    if (name == nullptr) return "";
    const auto [earlier, fresh] = groups_.emplace(*name, pair->place);
    if (!fresh) {
      rules_.Fail(pair->value->place, "group `" + *name + "` is already defined at line " +
                                          std::to_string(earlier->second.line));
    }
    return *name;
  }

  void ReadRules(const YamlTree::Pair& pair, const std::string& group) {
    if (pair.value->kind == YamlTree::Kind::kNull) return;
    if (pair.value->kind != YamlTree::Kind::kSequence) {
      rules_.Fail(pair.place, "`rules` must be a list of rules");
      return;
    }
    for (const YamlTree::Pointer& rule : pair.value->items) {
      if (Enough()) return;
      if (++count_ > kMaxRulesInFile) {
        too_many_rules_ = true;
        rules_.Fail(rule->place, "more than " + std::to_string(kMaxRulesInFile) +
                                     " rules; at most that many are evaluated");
        return;
      }
      if (auto definition = rules_.Read(*rule, group))
        file_.rules.push_back(std::move(*definition));
    }
  }

  void ReadFleet(const YamlTree& root, std::size_t index) {
    const YamlTree::Pair& pair = root.pairs[index];
    if (pair.value->kind == YamlTree::Kind::kNull) return;
    if (pair.value->kind != YamlTree::Kind::kMapping) {
      rules_.Fail(pair.place, "`fleet` must be a mapping");
      return;
    }
    const std::size_t key = lines_.OffsetOf(pair.place);
    const std::size_t begin = lines_.OffsetOf(pair.value->place);
    std::size_t end = lines_.text().size();
    for (const YamlTree::Pair& other : root.pairs) {
      const std::size_t start = lines_.OffsetOf(other.place);
      if (start > key) end = std::min(end, start);
    }
    if (begin < key || begin >= end) {
      rules_.Fail(pair.place, "`fleet` must be written out, not as an alias");
      return;
    }
    std::string_view text = lines_.text().substr(begin, end - begin);
    if (lines_.text().substr(lines_.OffsetOf(root.place)).starts_with("{")) {
      // What follows the value in a flow mapping: a comma or the closing brace.
      text = text.substr(0, text.find_last_of(",}"));
    }
    file_.fleet_place = {pair.value->place.line, 1};
    file_.fleet_yaml = std::string(pair.value->place.column - 1, ' ') + std::string(text);
  }

  const FileLines& lines_;
  std::vector<Diagnostic>& diagnostics_;
  RuleReader rules_;
  RuleFile file_;
  std::map<std::string, SourcePlace> groups_;
  std::size_t count_ = 0;
  bool too_many_rules_ = false;
};

}  // namespace

RuleFile ScanRuleFile(std::string_view text, const std::vector<MetricSpec>& metrics,
                      std::vector<Diagnostic>& diagnostics) {
  diagnostics.clear();
  if (text.size() > kMaxRuleFileBytes) {
    diagnostics.push_back({{},
                           "the file has " + std::to_string(text.size()) + " bytes; at most " +
                               std::to_string(kMaxRuleFileBytes) + " are read"});
    return {};
  }
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  if (!IsUtf8(text) || text.find('\0') != std::string_view::npos) {
    diagnostics.push_back({{}, "the file is not text in UTF-8"});
    return {};
  }
  const YamlTree::Pointer root = ParseYamlTree(text, diagnostics);
  if (root == nullptr) return {};
  const FileLines lines(text);
  return FileReader(lines, metrics, diagnostics).Read(*root);
}

Result<RuleFile> ParseRuleFile(std::string_view text, const std::string& path,
                               const std::vector<MetricSpec>& metrics,
                               std::vector<Diagnostic>& diagnostics) {
  RuleFile file = ScanRuleFile(text, metrics, diagnostics);
  if (diagnostics.empty()) return file;
  if (diagnostics.size() > kMaxRuleFileDiagnostics) diagnostics.resize(kMaxRuleFileDiagnostics);
  return Fail(Code::kConfiguration, FormatDiagnostics(path, diagnostics));
}

Result<std::string> ReadRuleText(const std::string& path) {
  Result<std::string> text = ReadWholeFile(path);
  if (text) return text;
  return Fail(Code::kConfiguration, "the rule file cannot be read: " + text.error().message() +
                                        "; name an existing file");
}

Result<RuleFile> ReadRuleFile(const std::string& path, const std::vector<MetricSpec>& metrics,
                              std::vector<Diagnostic>& diagnostics) {
  diagnostics.clear();
  TOCSIN_ASSIGN(const std::string text, ReadRuleText(path));
  return ParseRuleFile(text, path, metrics, diagnostics);
}

}  // namespace tocsin
