#include "offline/rule_test_file.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <filesystem>
#include <initializer_list>
#include <span>
#include <utility>

#include "base/file.h"
#include "base/json_text.h"
#include "base/text.h"
#include "base/time_text.h"
#include "config/units.h"

namespace tocsin {
namespace {

constexpr std::size_t kMaxBytes = 4 << 20;
constexpr std::int64_t kDurationLimitUs = 1000LL * 86'400 * 1'000'000;

using Keys = std::initializer_list<std::string_view>;

SourcePlace PlaceOf(const YAML::Node& node) {
  const YAML::Mark mark = node.Mark();
  if (mark.is_null()) return {};
  return {static_cast<std::uint32_t>(mark.line + 1), static_cast<std::uint32_t>(mark.column + 1)};
}

// A plain scalar that JSON has, too: a number, true, false or null.
bool IsJsonLiteral(const std::string& text) {
  if (text == "true" || text == "false" || text == "null") return true;
  const std::size_t digits = text.starts_with('-') ? 1 : 0;
  if (text.size() == digits || text[digits] < '0' || text[digits] > '9') return false;
  if (text[digits] == '0' && text.size() > digits + 1 && text[digits + 1] >= '0' &&
      text[digits + 1] <= '9') {
    return false;
  }
  return text.find_first_not_of("0123456789+-.eE") == std::string::npos;
}

class Reader {
 public:
  explicit Reader(const std::string& path) : path_(path) {}

  Result<RuleTestFile> Read(const YAML::Node& root) {
    RuleTestFile file;
    file.path = path_;
    TOCSIN_TRY(CheckKeys(root, "a test file",
                         {"rule_files", "tests", "evaluation_interval", "group_eval_order"}));
    const YAML::Node rule_files = root["rule_files"];
    if (!rule_files) return Wrong(root, "`rule_files` is missing: the files to test");
    TOCSIN_TRY(Each(rule_files, "rule_files", [&](const YAML::Node& node) -> Status {
      TOCSIN_ASSIGN(const std::string name, Text(node, "rule_files"));
      const std::filesystem::path directory = DirectoryOf(path_);
      file.rule_files.push_back(std::filesystem::path(name).is_absolute()
                                    ? name
                                    : (directory / name).lexically_normal().string());
      return {};
    }));
    const YAML::Node tests = root["tests"];
    if (!tests) return Wrong(root, "`tests` is missing");
    TOCSIN_TRY(Each(tests, "tests", [&](const YAML::Node& node) -> Status {
      TOCSIN_ASSIGN(RuleTest test, ReadTest(node));
      file.tests.push_back(std::move(test));
      return {};
    }));
    return file;
  }

 private:
  std::unexpected<Error> Wrong(const YAML::Node& node, const std::string& what) const {
    return Fail(Code::kConfiguration, path_ + At(PlaceOf(node)) + ": " + what);
  }
  static std::string At(SourcePlace place) {
    if (place.line == 0) return "";
    return ":" + std::to_string(place.line) + ":" + std::to_string(place.column);
  }

  Status CheckKeys(const YAML::Node& node, const std::string& what, Keys allowed) const {
    if (!node.IsMap()) return Wrong(node, what + " is a mapping");
    std::map<std::string, int> seen;
    for (const auto& member : node) {
      TOCSIN_ASSIGN(const std::string key, Text(member.first, "a key"));
      if (++seen[key] > 1) return Wrong(member.first, "key `" + key + "` stands twice");
      if (std::ranges::find(allowed, key) != allowed.end()) continue;
      const std::string_view near = Nearest(key, std::span(allowed.begin(), allowed.size()));
      std::string problem = "unknown key `" + key + "` of " + what;
      if (!near.empty()) {
        problem += "; did you mean `" + std::string(near) + "`?";
      } else {
        problem += "; the keys are";
        for (const std::string_view name : allowed) problem += " " + std::string(name);
      }
      return Wrong(member.first, problem);
    }
    return {};
  }

  template <class Visit>
  Status Each(const YAML::Node& node, const std::string& what, const Visit& visit) const {
    if (node.IsNull()) return {};
    if (!node.IsSequence()) return Wrong(node, "`" + what + "` is a list");
    for (const auto& element : node) TOCSIN_TRY(visit(element));
    return {};
  }

  Result<std::string> Text(const YAML::Node& node, const std::string& what) const {
    if (!node.IsScalar()) return Wrong(node, what + " must be a text");
    return node.Scalar();
  }

  Result<std::int64_t> Time(const YAML::Node& node, const std::string& what) const {
    TOCSIN_ASSIGN(const std::string text, Text(node, what));
    const auto time_us = ParseTestTime(text);
    if (!time_us) {
      return Wrong(node, what + " is '" + text +
                             "'; it is a duration from the start like 10m, or a time like "
                             "2025-01-01T00:00:00Z");
    }
    return *time_us;
  }

  Result<std::map<std::string, std::string>> TextMap(const YAML::Node& node,
                                                     const std::string& what) const {
    std::map<std::string, std::string> map;
    if (node.IsNull()) return map;
    if (!node.IsMap()) return Wrong(node, "`" + what + "` is a mapping of texts");
    for (const auto& member : node) {
      TOCSIN_ASSIGN(const std::string key, Text(member.first, "a name in " + what));
      TOCSIN_ASSIGN(map[key], Text(member.second, "`" + key + "` in " + what));
    }
    return map;
  }

  Result<RuleTest> ReadTest(const YAML::Node& node) const {
    TOCSIN_TRY(CheckKeys(
        node, "a test",
        {"name", "interval", "input_series", "events", "alert_rule_test", "transitions"}));
    RuleTest test;
    test.place = PlaceOf(node);
    if (const YAML::Node name = node["name"]) {
      TOCSIN_ASSIGN(test.name, Text(name, "`name`"));
    }
    if (const YAML::Node interval = node["interval"]) {
      TOCSIN_ASSIGN(const std::string text, Text(interval, "`interval`"));
      const auto us = ParseDurationUs(text);
      if (!us || *us <= 0) return Wrong(interval, "interval '" + text + "' is no duration above 0");
      test.interval_us = *us;
    }
    if (const YAML::Node series = node["input_series"]) {
      TOCSIN_TRY(Each(series, "input_series", [&](const YAML::Node& each) -> Status {
        TOCSIN_ASSIGN(TestSeries read, ReadSeries(each));
        test.series.push_back(std::move(read));
        return {};
      }));
    }
    if (const YAML::Node events = node["events"]) {
      TOCSIN_TRY(Each(events, "events", [&](const YAML::Node& each) -> Status {
        TOCSIN_ASSIGN(TestEvent read, ReadEvent(each));
        test.events.push_back(std::move(read));
        return {};
      }));
    }
    if (const YAML::Node checks = node["alert_rule_test"]) {
      TOCSIN_TRY(Each(checks, "alert_rule_test", [&](const YAML::Node& each) -> Status {
        TOCSIN_ASSIGN(AlertCheck read, ReadCheck(each));
        test.checks.push_back(std::move(read));
        return {};
      }));
    }
    if (const YAML::Node transitions = node["transitions"]) {
      test.transitions.emplace();
      TOCSIN_TRY(Each(transitions, "transitions", [&](const YAML::Node& each) -> Status {
        TOCSIN_ASSIGN(ExpectedTransition read, ReadTransition(each));
        test.transitions->push_back(std::move(read));
        return {};
      }));
    }
    if (test.checks.empty() && !test.transitions) {
      return Wrong(node, "the test expects nothing: give `alert_rule_test` or `transitions`");
    }
    return test;
  }

  Result<TestSeries> ReadSeries(const YAML::Node& node) const {
    TOCSIN_TRY(CheckKeys(node, "a series", {"series", "values"}));
    TestSeries series;
    series.place = PlaceOf(node);
    if (!node["series"] || !node["values"]) {
      return Wrong(node, "a series has the keys `series` and `values`");
    }
    TOCSIN_ASSIGN(const std::string name, Text(node["series"], "`series`"));
    TOCSIN_ASSIGN(const std::string values, Text(node["values"], "`values`"));
    auto read_name = ParseSeriesName(name);
    if (!read_name) return Wrong(node["series"], read_name.error().message());
    if (!read_name->labels.contains("device_id")) {
      return Wrong(
          node["series"],
          "series '" + name + "' has no device: write it like temperature{device_id=\"dev_1\"}");
    }
    auto read_values = ParseSeriesValues(values);
    if (!read_values) return Wrong(node["values"], read_values.error().message());
    series.name = std::move(*read_name);
    series.values = std::move(*read_values);
    return series;
  }

  // A text of JSON, or a mapping, which is JSON with fewer quotes.
  Result<TestEvent> ReadEvent(const YAML::Node& node) const {
    TestEvent event;
    event.place = PlaceOf(node);
    if (node.IsScalar()) {
      event.json = node.Scalar();
    } else if (node.IsMap()) {
      TOCSIN_TRY(AppendJson(node, event.json));
    } else {
      return Wrong(node, "an event is a mapping or a text of JSON");
    }
    return event;
  }

  Status AppendJson(const YAML::Node& node, std::string& json) const {
    const char* separator = "";
    switch (node.Type()) {
      case YAML::NodeType::Map:
        json += '{';
        for (const auto& member : node) {
          TOCSIN_ASSIGN(const std::string key, Text(member.first, "a field of an event"));
          json += std::exchange(separator, ",");
          AppendJsonString(json, key);
          json += ':';
          TOCSIN_TRY(AppendJson(member.second, json));
        }
        json += '}';
        return {};
      case YAML::NodeType::Sequence:
        json += '[';
        for (const auto& element : node) {
          json += std::exchange(separator, ",");
          TOCSIN_TRY(AppendJson(element, json));
        }
        json += ']';
        return {};
      case YAML::NodeType::Scalar:
        // A quoted scalar has the tag "!".
        if (node.Tag() != "!" && IsJsonLiteral(node.Scalar())) {
          json += node.Scalar();
        } else {
          AppendJsonString(json, node.Scalar());
        }
        return {};
      default:
        json += "null";
        return {};
    }
  }

  Result<AlertCheck> ReadCheck(const YAML::Node& node) const {
    TOCSIN_TRY(CheckKeys(node, "alert_rule_test", {"eval_time", "alertname", "exp_alerts"}));
    if (!node["eval_time"] || !node["alertname"]) {
      return Wrong(node, "a check has the keys `eval_time` and `alertname`");
    }
    AlertCheck check;
    check.place = PlaceOf(node);
    TOCSIN_ASSIGN(check.time_us, Time(node["eval_time"], "`eval_time`"));
    TOCSIN_ASSIGN(check.alertname, Text(node["alertname"], "`alertname`"));
    const YAML::Node alerts = node["exp_alerts"];
    if (!alerts) return check;
    const auto read = [&](const YAML::Node& each) -> Status {
      TOCSIN_TRY(CheckKeys(each, "exp_alerts", {"exp_labels", "exp_annotations"}));
      ExpectedAlert alert;
      if (const YAML::Node labels = each["exp_labels"]) {
        TOCSIN_ASSIGN(alert.labels, TextMap(labels, "exp_labels"));
      }
      if (const YAML::Node annotations = each["exp_annotations"]) {
        TOCSIN_ASSIGN(alert.annotations, TextMap(annotations, "exp_annotations"));
      }
      check.alerts.push_back(std::move(alert));
      return {};
    };
    TOCSIN_TRY(Each(alerts, "exp_alerts", read));
    return check;
  }

  Result<ExpectedTransition> ReadTransition(const YAML::Node& node) const {
    TOCSIN_TRY(CheckKeys(node, "a transition",
                         {"time", "alertname", "device_id", "state", "severity", "value"}));
    ExpectedTransition transition;
    for (const auto& member : node) {
      const std::string key = member.first.Scalar();
      if (key == "time") {
        TOCSIN_ASSIGN(transition.time_us, Time(member.second, "`time`"));
      } else {
        TOCSIN_ASSIGN(transition.fields[key], Text(member.second, "`" + key + "`"));
      }
    }
    return transition;
  }

  const std::string& path_;
};

}  // namespace

std::optional<std::int64_t> ParseTestTime(std::string_view text) {
  if (const auto time_us = ParseTime(text)) return *time_us;
  const auto duration_us = ParseDurationUs(text);
  if (!duration_us) return std::nullopt;
  return *duration_us;
}

std::string FormatTestTime(std::int64_t time_us) {
  if (time_us >= 0 && time_us < kDurationLimitUs) return FormatDurationUs(time_us);
  return FormatTime(time_us);
}

Result<RuleTestFile> ReadRuleTestFile(const std::string& path) {
  TOCSIN_ASSIGN(const std::string text, ReadWholeFile(path));
  return ParseRuleTestFile(text, path);
}

Result<RuleTestFile> ParseRuleTestFile(std::string_view text, const std::string& path) {
  if (text.size() > kMaxBytes) {
    return Fail(Code::kConfiguration, path + ": a test file has at most 4 MiB");
  }
  try {
    return Reader(path).Read(YAML::Load(std::string(text)));
  } catch (const YAML::Exception& error) {
    return Fail(Code::kConfiguration, path + ":" + std::to_string(error.mark.line + 1) + ":" +
                                          std::to_string(error.mark.column + 1) + ": " + error.msg);
  }
}

}  // namespace tocsin
