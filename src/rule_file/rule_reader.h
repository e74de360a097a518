#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rule_file/file_lines.h"
#include "rule_file/rule_definition.h"
#include "rule_file/yaml_tree.h"

namespace tocsin {

// Reads the rules of one file, each judged whole: a mistake in one key does not hide the others.
class RuleReader {
 public:
  // All must outlive it.
  RuleReader(const FileLines& lines, const std::vector<MetricSpec>& metrics,
             std::vector<Diagnostic>& diagnostics)
      : lines_(lines), metrics_(metrics), diagnostics_(diagnostics) {}

  // Nothing when the rule has a mistake, which is in the diagnostics.
  std::optional<RuleDefinition> Read(const YamlTree& rule, const std::string& group);

  void Fail(SourcePlace place, std::string message);
  // The mistake of a key that is none of `known`.
  void UnknownKey(const YamlTree::Pair& pair, std::string_view where,
                  std::span<const std::string_view> known);
  // The text of a scalar, or a mistake.
  const std::string* Scalar(const YamlTree::Pair& pair);
  std::optional<std::int64_t> Duration(const YamlTree::Pair& pair);

 private:
  void ReadKey(const YamlTree::Pair& pair);
  void ReadName(const YamlTree::Pair& pair);
  std::unique_ptr<const Node> ReadExpression(const YamlTree::Pair& pair);
  std::optional<Severity> ReadSeverity(const YamlTree& value, SourcePlace place,
                                       std::string_view what);
  void ReadLevels(const YamlTree::Pair& pair);
  void ReadNoData(const YamlTree::Pair& pair);
  void ReadFlap(const YamlTree::Pair& pair);
  void ReadFlapLimit(const YamlTree::Pair& pair);
  void ReadLabels(const YamlTree::Pair& pair);
  void ReadLabel(const YamlTree::Pair& label);
  void ReadAnnotations(const YamlTree::Pair& pair);
  bool IsTextMap(const YamlTree::Pair& pair);
  void Complete(const YamlTree& rule);

  const FileLines& lines_;
  const std::vector<MetricSpec>& metrics_;
  std::vector<Diagnostic>& diagnostics_;
  std::map<std::string, SourcePlace> names_;

  // Of the rule that is read.
  RuleDefinition rule_;
  std::unique_ptr<const Node> condition_;
  std::optional<Severity> severity_;
  SourcePlace expr_place_, levels_place_, severity_place_;  // line 0 = the key is absent
};

}  // namespace tocsin
