#include "config/yaml_file.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <set>
#include <span>
#include <sstream>
#include <utility>

#include "base/text.h"
#include "config/interpolate.h"
#include "config/metric_declaration.h"
#include "config/settings_table.h"

// The only file that knows yaml-cpp; its exceptions end in ParseYamlFile. An alias is a second
// name of one node and the walk below has a fixed depth, so that aliases cannot multiply work.
namespace tocsin {
namespace {

std::size_t LineOf(const YAML::Mark& mark) {
  return static_cast<std::size_t>(mark.line + 1);
}
std::size_t LineOf(const YAML::Node& node) {
  return LineOf(node.Mark());
}

std::unexpected<Error> FailAt(std::size_t line, std::string_view message) {
  return Fail(Code::kConfiguration, "line " + std::to_string(line) + ": " + std::string(message));
}

Result<std::string> ScalarText(const YAML::Node& node, const VariableLookup& lookup) {
  Result<std::string> text = Interpolate(node.Scalar(), lookup);
  if (!text) return FailAt(LineOf(node), text.error().message());
  return text;
}

std::unexpected<Error> UnknownKey(const YAML::Node& key, std::string_view what,
                                  std::span<const std::string_view> known) {
  std::string message = "unknown " + std::string(what) + " '" + key.Scalar() + "'";
  const std::string_view nearest = Nearest(YamlKey(key.Scalar()), known);
  if (!nearest.empty()) message += "; did you mean " + std::string(nearest) + "?";
  return FailAt(LineOf(key), message);
}

// Calls `visit(key, value)` for every pair. Keys must be scalars, each once.
template <class Visit>
Status VisitMapping(const YAML::Node& mapping, const Visit& visit) {
  std::set<std::string> seen;
  for (const auto& pair : mapping) {
    if (!pair.first.IsScalar()) return FailAt(LineOf(pair.first), "a key must be a plain name");
    const std::string& key = pair.first.Scalar();
    if (!seen.insert(key).second) return FailAt(LineOf(pair.first), "'" + key + "' is set twice");
    TOCSIN_TRY(visit(pair.first, pair.second));
  }
  return {};
}

// A scalar, or a sequence of scalars joined by commas: the form of a range.
Result<std::string> ValueText(const YAML::Node& node, const SettingDefinition& definition,
                              const VariableLookup& lookup) {
  if (node.IsScalar()) return ScalarText(node, lookup);
  if (!node.IsSequence() || definition.type != SettingType::kRange || node.size() > 2) {
    return FailAt(LineOf(node), YamlKey(definition.key) + " must have a single value");
  }
  std::string joined;
  for (const auto& item : node) {
    if (!item.IsScalar()) return FailAt(LineOf(item), "expected a number");
    TOCSIN_ASSIGN(const std::string text, ScalarText(item, lookup));
    if (!joined.empty()) joined += ',';
    joined += text;
  }
  return joined;
}

class MetricReader {
 public:
  explicit MetricReader(const VariableLookup& lookup) : lookup_(lookup) {}

  Result<MetricSpec> Read(const YAML::Node& item) {
    if (!item.IsMap()) {
      return FailAt(LineOf(item),
                    "a metric must be a mapping such as {name: light, unit: lux, "
                    "min: 0, max: 100000, required: false}");
    }
    metric_.min = -std::numeric_limits<double>::max();
    metric_.max = std::numeric_limits<double>::max();
    TOCSIN_TRY(VisitMapping(item, [this](const YAML::Node& key, const YAML::Node& value) {
      return ReadField(key, value);
    }));
    if (metric_.is_bool) {
      if (!has_min_) metric_.min = 0;
      if (!has_max_) metric_.max = 1;
    }
    const Status checked = CheckMetric(metric_);
    if (!checked) return FailAt(LineOf(item), checked.error().message());
    return std::move(metric_);
  }

 private:
  Status ReadField(const YAML::Node& key, const YAML::Node& value) {
    static constexpr std::string_view kFields[] = {"name", "unit", "min",
                                                   "max",  "type", "required"};
    const std::string& field = key.Scalar();
    if (!value.IsScalar()) return FailAt(LineOf(value), field + " must have a single value");
    TOCSIN_ASSIGN(const std::string text, ScalarText(value, lookup_));
    if (field == "name") {
      metric_.name = text;
    } else if (field == "unit") {
      metric_.unit = text;
    } else if (field == "min" || field == "max") {
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(),
                                                field == "min" ? metric_.min : metric_.max);
      const bool number = error == std::errc() && end == text.data() + text.size() &&
                          std::isfinite(field == "min" ? metric_.min : metric_.max);
      if (!number) return FailAt(LineOf(value), field + "='" + text + "': must be a number");
      (field == "min" ? has_min_ : has_max_) = true;
    } else if (field == "type") {
      if (text != "number" && text != "bool") {
        return FailAt(LineOf(value), "type='" + text + "': must be number or bool");
      }
      metric_.is_bool = text == "bool";
    } else if (field == "required") {
      if (text != "true" && text != "false") {
        return FailAt(LineOf(value), "required='" + text + "': must be true or false");
      }
      metric_.required = text == "true";
    } else {
      return UnknownKey(key, "field of a metric", kFields);
    }
    return {};
  }

  const VariableLookup& lookup_;
  MetricSpec metric_;
  bool has_min_ = false;
  bool has_max_ = false;
};

Status ReadMetrics(const YAML::Node& list, const VariableLookup& lookup, YamlFile& file) {
  if (!list.IsSequence()) return FailAt(LineOf(list), "metrics must be a list");
  file.metrics_line = LineOf(list);
  for (const auto& item : list) {
    if (file.metrics.size() > kMaxDeclaredMetrics) break;  // CheckMetrics says the rest
    TOCSIN_ASSIGN(MetricSpec metric, MetricReader(lookup).Read(item));
    file.metrics.push_back(std::move(metric));
  }
  const Status checked = CheckMetrics(file.metrics);
  if (!checked) return FailAt(file.metrics_line, checked.error().message());
  return {};
}

const SettingDefinition* FindYamlSetting(std::string_view name) {
  for (const SettingDefinition& definition : SettingsTable()) {
    if (YamlKey(definition.key) == name) return &definition;
  }
  return nullptr;
}

std::unexpected<Error> UnknownSetting(const YAML::Node& key) {
  std::vector<std::string> names = {"metrics"};
  for (const SettingDefinition& definition : SettingsTable()) {
    names.push_back(YamlKey(definition.key));
  }
  return UnknownKey(key, "setting", std::vector<std::string_view>(names.begin(), names.end()));
}

// Notices where a document begins and nothing else.
class DocumentStart final : public YAML::EventHandler {
 public:
  std::size_t line = 0;

  void OnDocumentStart(const YAML::Mark& mark) override { line = LineOf(mark); }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}
};

// 0 when there is none. Not by YAML::LoadAll, which never returns for some broken texts ("&0,55").
std::size_t LineOfSecondDocument(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  DocumentStart first;
  DocumentStart second;
  return parser.HandleNextDocument(first) && parser.HandleNextDocument(second) ? second.line : 0;
}

Result<YamlFile> ReadDocument(const YAML::Node& root, const VariableLookup& lookup) {
  YamlFile file;
  if (root.IsNull()) return file;
  if (!root.IsMap()) return FailAt(LineOf(root), "expected a mapping of setting names to values");
  TOCSIN_TRY(VisitMapping(root, [&](const YAML::Node& key, const YAML::Node& value) -> Status {
    if (key.Scalar() == "metrics") return ReadMetrics(value, lookup, file);
    const SettingDefinition* definition = FindYamlSetting(key.Scalar());
    if (definition == nullptr) return UnknownSetting(key);
    if (value.IsNull()) return {};
    TOCSIN_ASSIGN(std::string text, ValueText(value, *definition, lookup));
    file.settings.push_back({std::string(definition->key), std::move(text), LineOf(key)});
    return {};
  }));
  return file;
}

}  // namespace

Result<YamlFile> ParseYamlFile(std::string_view text, const VariableLookup& lookup) {
  if (text.size() > kMaxYamlBytes) {
    return Fail(Code::kConfiguration, "the file has " + std::to_string(text.size()) +
                                          " bytes; at most " + std::to_string(kMaxYamlBytes) +
                                          " are read");
  }
  try {
    if (const std::size_t line = LineOfSecondDocument(std::string(text)); line > 0) {
      return FailAt(line, "a second YAML document; only one is read");
    }
    return ReadDocument(YAML::Load(std::string(text)), lookup);
  } catch (const YAML::Exception& error) {
    return FailAt(LineOf(error.mark), "not YAML: " + error.msg);
  } catch (const std::exception& error) {
    return Fail(Code::kConfiguration, std::string("not YAML: ") + error.what());
  }
}

}  // namespace tocsin
