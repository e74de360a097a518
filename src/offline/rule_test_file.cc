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
constexpr std::size_t kMaxDiagnostics = 100;
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

// Writes every mistake to the list and goes on with what is beside it.
class Reader {
 public:
  Reader(const std::string& path, std::vector<Diagnostic>& diagnostics)
      : path_(path), diagnostics_(diagnostics) {}

  RuleTestFile Read(const YAML::Node& root) {
    RuleTestFile file;
    file.path = path_;
    if (!CheckKeys(root, "a test file",
                   {"rule_files", "tests", "evaluation_interval", "group_eval_order"})) {
      return file;
    }
    if (const YAML::Node rule_files = root["rule_files"]) {
      Each(rule_files, "rule_files", file.rule_files,
           [this](const YAML::Node& node) { return ReadFileName(node); });
    } else if (diagnostics_.empty()) {  // else it is perhaps the key that is misspelt
      Note(root, "`rule_files` is missing: the files to test");
    }
    if (const YAML::Node tests = root["tests"]) {
      Each(tests, "tests", file.tests, [this](const YAML::Node& node) { return ReadTest(node); });
    } else if (diagnostics_.empty()) {
      Note(root, "`tests` is missing: what to do and what to expect");
    }
    return file;
  }

 private:
  void Note(const YAML::Node& node, std::string what) const {
    diagnostics_.push_back({PlaceOf(node), std::move(what)});
  }
  // The mistake is in the list; the error only says that there is nothing to go on with.
  std::unexpected<Error> Wrong(const YAML::Node& node, std::string what) const {
    Note(node, std::move(what));
    return Fail(Code::kConfiguration, path_ + " has a mistake");
  }

  // False for what is no mapping.
  bool CheckKeys(const YAML::Node& node, const std::string& what, Keys allowed) const {
    if (!node.IsMap()) {
      Note(node, what + " is a mapping");
      return false;
    }
    std::map<std::string, int> seen;
    for (const auto& member : node) {
      const Result<std::string> key = Text(member.first, "a key");
      if (!key) continue;
      if (++seen[*key] > 1) Note(member.first, "key `" + *key + "` stands twice");
      if (std::ranges::find(allowed, *key) == allowed.end()) {
        Note(member.first, UnknownKey(*key, what, allowed));
      }
    }
    return true;
  }

  static std::string UnknownKey(const std::string& key, const std::string& what, Keys allowed) {
    std::string problem = "unknown key `" + key + "` of " + what;
    const std::string_view near = Nearest(key, std::span(allowed.begin(), allowed.size()));
    if (!near.empty()) return problem + "; did you mean `" + std::string(near) + "`?";
    problem += "; the keys are";
    for (const std::string_view name : allowed) problem += " " + std::string(name);
    return problem;
  }

  // The elements that could be read.
  template <class T, class ReadOne>
  void Each(const YAML::Node& node, const std::string& what, std::vector<T>& into,
            const ReadOne& read_one) const {
    if (node.IsNull()) return;
    if (!node.IsSequence()) return Note(node, "`" + what + "` is a list");
    for (const auto& element : node) {
      if (Result<T> read = read_one(element)) into.push_back(std::move(*read));
    }
  }

  Result<TestedFile> ReadFileName(const YAML::Node& node) const {
    TOCSIN_ASSIGN(const std::string name, Text(node, "rule_files"));
    const std::filesystem::path directory = DirectoryOf(path_);
    return TestedFile{std::filesystem::path(name).is_absolute()
                          ? name
                          : (directory / name).lexically_normal().string(),
                      PlaceOf(node)};
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

  std::map<std::string, std::string> TextMap(const YAML::Node& node,
                                             const std::string& what) const {
    std::map<std::string, std::string> map;
    if (node.IsNull()) return map;
    if (!node.IsMap()) {
      Note(node, "`" + what + "` is a mapping of texts");
      return map;
    }
    for (const auto& member : node) {
      const auto key = Text(member.first, "a name in " + what);
      if (key) map[*key] = Text(member.second, "`" + *key + "` in " + what).value_or("");
    }
    return map;
  }

  Result<RuleTest> ReadTest(const YAML::Node& node) const {
    RuleTest test;
    test.place = PlaceOf(node);
    if (!CheckKeys(
            node, "a test",
            {"name", "interval", "input_series", "events", "alert_rule_test", "transitions"})) {
      return test;
    }
    if (const YAML::Node name = node["name"]) test.name = Text(name, "`name`").value_or("");
    if (const YAML::Node interval = node["interval"]) ReadInterval(interval, test);
    if (const YAML::Node series = node["input_series"]) {
      Each(series, "input_series", test.series,
           [this](const YAML::Node& each) { return ReadSeries(each); });
    }
    if (const YAML::Node events = node["events"]) {
      Each(events, "events", test.events,
           [this](const YAML::Node& each) { return ReadEvent(each); });
    }
    const std::size_t before = diagnostics_.size();
    if (const YAML::Node checks = node["alert_rule_test"]) {
      Each(checks, "alert_rule_test", test.checks,
           [this](const YAML::Node& each) { return ReadCheck(each); });
    }
    if (const YAML::Node transitions = node["transitions"]) {
      Each(transitions, "transitions", test.transitions.emplace(),
           [this](const YAML::Node& each) { return ReadTransition(each); });
    }
    if (test.checks.empty() && !test.transitions && diagnostics_.size() == before) {
      Note(node, "the test expects nothing: give `alert_rule_test` or `transitions`");
    }
    return test;
  }

  void ReadInterval(const YAML::Node& node, RuleTest& test) const {
    const Result<std::string> text = Text(node, "`interval`");
    if (!text) return;
    const auto us = ParseDurationUs(*text);
    if (us && *us > 0) {
      test.interval_us = *us;
    } else {
      Note(node, "interval '" + *text + "' is no duration above 0; write one like 1m");
    }
  }

  Result<TestSeries> ReadSeries(const YAML::Node& node) const {
    TestSeries series;
    series.place = PlaceOf(node);
    if (!CheckKeys(node, "a series", {"series", "values"})) return series;
    if (!node["series"] || !node["values"]) {
      return Wrong(node, "a series has the keys `series` and `values`");
    }
    if (const auto name = Text(node["series"], "`series`")) {
      auto read = ParseSeriesName(*name);
      if (!read) {
        Note(node["series"], read.error().message());
      } else if (!read->labels.contains("device_id")) {
        Note(node["series"], "series '" + *name +
                                 "' has no device: write it like temperature{device_id=\"dev_1\"}");
      } else {
        series.name = std::move(*read);
      }
    }
    if (const auto values = Text(node["values"], "`values`")) {
      auto read = ParseSeriesValues(*values);
      if (read) {
        series.values = std::move(*read);
      } else {
        Note(node["values"], read.error().message());
      }
    }
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
    AlertCheck check;
    check.place = PlaceOf(node);
    if (!CheckKeys(node, "alert_rule_test", {"eval_time", "alertname", "exp_alerts"})) return check;
    if (!node["eval_time"] || !node["alertname"]) {
      return Wrong(node, "a check has the keys `eval_time` and `alertname`");
    }
    check.time_us = Time(node["eval_time"], "`eval_time`").value_or(0);
    check.alertname = Text(node["alertname"], "`alertname`").value_or("");
    if (const YAML::Node alerts = node["exp_alerts"]) {
      Each(alerts, "exp_alerts", check.alerts,
           [this](const YAML::Node& each) { return ReadExpected(each); });
    }
    return check;
  }

  Result<ExpectedAlert> ReadExpected(const YAML::Node& node) const {
    ExpectedAlert alert;
    if (!CheckKeys(node, "exp_alerts", {"exp_labels", "exp_annotations"})) return alert;
    if (const YAML::Node labels = node["exp_labels"]) alert.labels = TextMap(labels, "exp_labels");
    if (const YAML::Node annotations = node["exp_annotations"]) {
      alert.annotations = TextMap(annotations, "exp_annotations");
    }
    return alert;
  }

  Result<ExpectedTransition> ReadTransition(const YAML::Node& node) const {
    ExpectedTransition transition;
    if (!CheckKeys(node, "a transition",
                   {"time", "alertname", "device_id", "state", "severity", "value"})) {
      return transition;
    }
    for (const auto& member : node) {
      if (!member.first.IsScalar()) continue;
      const std::string& key = member.first.Scalar();
      if (key == "time") {
        if (const auto time = Time(member.second, "`time`")) transition.time_us = *time;
      } else {
        transition.fields[key] = Text(member.second, "`" + key + "`").value_or("");
      }
    }
    return transition;
  }

  const std::string& path_;
  std::vector<Diagnostic>& diagnostics_;
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
  std::vector<Diagnostic> diagnostics;
  try {
    RuleTestFile file = Reader(path, diagnostics).Read(YAML::Load(std::string(text)));
    if (diagnostics.empty()) return file;
  } catch (const YAML::Exception& error) {
    diagnostics.push_back({{static_cast<std::uint32_t>(error.mark.line + 1),
                            static_cast<std::uint32_t>(error.mark.column + 1)},
                           error.msg});
  }
  if (diagnostics.size() > kMaxDiagnostics) diagnostics.resize(kMaxDiagnostics);
  return Fail(Code::kConfiguration, FormatDiagnostics(path, diagnostics));
}

}  // namespace tocsin
