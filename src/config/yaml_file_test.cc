#include "config/yaml_file.h"

#include <gtest/gtest.h>

namespace tocsin {
namespace {

std::optional<std::string> Lookup(std::string_view name) {
  if (name == "HOST") return "broker";
  if (name == "EMPTY") return "";
  if (name == "SLY") return "5\nkafka_raw_topic: other";
  return std::nullopt;
}

YamlFile Parse(std::string_view text) {
  auto file = ParseYamlFile(text, Lookup);
  EXPECT_TRUE(file) << (file ? "" : file.error().message());
  return file ? *file : YamlFile{};
}

std::string ErrorOf(std::string_view text) {
  const auto file = ParseYamlFile(text, Lookup);
  if (file) return "no error";
  EXPECT_EQ(file.error().code(), Code::kConfiguration);
  return file.error().message();
}

std::string ValueOf(std::string_view text) {
  const YamlFile file = Parse(text);
  return file.settings.size() == 1 ? file.settings[0].value : "(no single setting)";
}

TEST(YamlFileTest, ReadsSettingsWithTheirLines) {
  const YamlFile file = Parse("# comment\ntemp_alert_threshold: 55\n\nkafka_raw_topic: readings\n");
  ASSERT_EQ(file.settings.size(), 2U);
  EXPECT_EQ(file.settings[0].key, "TEMP_ALERT_THRESHOLD");
  EXPECT_EQ(file.settings[0].value, "55");
  EXPECT_EQ(file.settings[0].line, 2U);
  EXPECT_EQ(file.settings[1].key, "KAFKA_RAW_TOPIC");
  EXPECT_EQ(file.settings[1].line, 4U);
  EXPECT_TRUE(file.metrics.empty());
}

TEST(YamlFileTest, EmptyTextAndNullSayNothing) {
  EXPECT_TRUE(Parse("").settings.empty());
  EXPECT_TRUE(Parse("# only this\n").settings.empty());
  EXPECT_TRUE(Parse("temp_alert_threshold:\nkafka_broker: ~\n").settings.empty());
}

TEST(YamlFileTest, ARangeMayBeAListOfTwo) {
  EXPECT_EQ(ValueOf("temp_range: [20, 55]"), "20,55");
  EXPECT_EQ(ValueOf("temp_range: \"20,55\""), "20,55");
  EXPECT_EQ(ErrorOf("temp_range: [1, 2, 3]"), "line 1: temp_range must have a single value");
  EXPECT_EQ(ErrorOf("data_dir: [a, b]"), "line 1: data_dir must have a single value");
  EXPECT_EQ(ErrorOf("data_dir: {a: b}"), "line 1: data_dir must have a single value");
}

TEST(YamlFileTest, NamesAnUnknownKeyWithLineAndSuggestion) {
  EXPECT_EQ(ErrorOf("data_dir: x\ntemp_alert_treshold: 5\n"),
            "line 2: unknown setting 'temp_alert_treshold'; did you mean temp_alert_threshold?");
  EXPECT_EQ(ErrorOf("TEMP_ALERT_THRESHOLD: 5\n"),
            "line 1: unknown setting 'TEMP_ALERT_THRESHOLD'; did you mean temp_alert_threshold?");
  EXPECT_EQ(ErrorOf("completely_different: 5\n"), "line 1: unknown setting 'completely_different'");
  EXPECT_EQ(ErrorOf("data_dir: a\ndata_dir: b\n"), "line 2: 'data_dir' is set twice");
}

TEST(YamlFileTest, RefusesWhatIsNoMapping) {
  EXPECT_EQ(ErrorOf("- a\n- b\n"), "line 1: expected a mapping of setting names to values");
  EXPECT_EQ(ErrorOf("? [a]\n: b\n"), "line 1: a key must be a plain name");
  EXPECT_TRUE(ErrorOf("data_dir: [\n").starts_with("line 2: not YAML: "));
  EXPECT_TRUE(ErrorOf("a: b\n---\na: c\n").find("second YAML document") != std::string::npos);
}

TEST(YamlFileTest, EndsOnTextThatConfusesTheParserOfSeveralDocuments) {
  EXPECT_NE(ErrorOf("&0,55"), "no error");
  EXPECT_NE(ErrorOf("a: b\n...\n]\n"), "no error");
}

TEST(YamlFileTest, BoundsSizeNestingAndAliases) {
  EXPECT_EQ(ErrorOf(std::string(kMaxYamlBytes + 1, '#')),
            "the file has 1048577 bytes; at most 1048576 are read");
  EXPECT_TRUE(ErrorOf("data_dir: " + std::string(100'000, '[')).starts_with("line "));
  std::string bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n";
  for (char c = 'b'; c < 'j'; ++c) {
    bomb += std::string(1, c) + ": &" + c + " [";
    for (int i = 0; i < 9; ++i)
      bomb += std::string(i > 0 ? "," : "") + "*" + std::string(1, static_cast<char>(c - 1));
    bomb += "]\n";
  }
  EXPECT_EQ(ErrorOf(bomb), "line 1: unknown setting 'a'");
}

TEST(YamlFileTest, InterpolatesVariablesAfterParsing) {
  EXPECT_EQ(ValueOf("kafka_broker: ${HOST}:9092"), "broker:9092");
  EXPECT_EQ(ValueOf("kafka_broker: ${HOST:-none}"), "broker");
  EXPECT_EQ(ValueOf("kafka_broker: '${NOBODY:-local:9092}'"), "local:9092");
  EXPECT_EQ(ValueOf("kafka_broker: ${EMPTY:-local}"), "local");
  EXPECT_EQ(ValueOf("kafka_broker: ${EMPTY}"), "");
  EXPECT_EQ(ValueOf("kafka_broker: ${NOBODY:-}"), "");
  EXPECT_EQ(ValueOf("kafka_broker: a$$b$c"), "a$b$c");
  EXPECT_EQ(ValueOf("kafka_broker: $${HOST}"), "${HOST}");
  EXPECT_EQ(ValueOf("kafka_broker: ${SLY}"), "5\nkafka_raw_topic: other");
}

TEST(YamlFileTest, NamesAVariableThatIsNotSet) {
  EXPECT_EQ(ErrorOf("\nkafka_broker: ${NOBODY}\n"),
            "line 2: the variable NOBODY is not set; set it or write ${NOBODY:-default}");
  EXPECT_EQ(ErrorOf("kafka_broker: ${HOST"), "line 1: '${' has no '}'; write $$ for a dollar sign");
  EXPECT_EQ(ErrorOf("kafka_broker: '${9x}'"),
            "line 1: '${9x}' names no variable; write $$ for a dollar sign");
}

TEST(YamlFileTest, ReadsMetricDeclarations) {
  const YamlFile file = Parse(
      "metrics:\n"
      "  - {name: temperature, unit: \"°C\", min: -50, max: 120, required: true}\n"
      "  - {name: light, unit: lux, min: 0, max: 1e5, required: false}\n"
      "  - {name: motion, type: bool}\n"
      "  - {name: co2}\n");
  ASSERT_EQ(file.metrics.size(), 4U);
  EXPECT_EQ(file.metrics_line, 2U);
  EXPECT_EQ(file.metrics[0].name, "temperature");
  EXPECT_EQ(file.metrics[0].unit, "°C");
  EXPECT_EQ(file.metrics[0].min, -50);
  EXPECT_EQ(file.metrics[0].max, 120);
  EXPECT_TRUE(file.metrics[0].required);
  EXPECT_FALSE(file.metrics[1].required);
  EXPECT_EQ(file.metrics[1].max, 100'000);
  EXPECT_TRUE(file.metrics[2].is_bool);
  EXPECT_EQ(file.metrics[2].min, 0);
  EXPECT_EQ(file.metrics[2].max, 1);
  EXPECT_LT(file.metrics[3].min, -1e300);
  EXPECT_GT(file.metrics[3].max, 1e300);
}

TEST(YamlFileTest, RefusesWrongMetricDeclarations) {
  const auto wrong = [](const std::string& item) {
    return ErrorOf("metrics:\n  - " + item + "\n");
  };
  EXPECT_EQ(wrong("{name: light, max: bright}"), "line 2: max='bright': must be a number");
  EXPECT_EQ(wrong("{name: light, min: .inf}"), "line 2: min='.inf': must be a number");
  EXPECT_EQ(wrong("{name: light, min: 5, max: 4}"),
            "line 2: metric 'light': min (5) must not be above max (4)");
  EXPECT_EQ(wrong("{name: light, typ: bool}"),
            "line 2: unknown field of a metric 'typ'; did you mean type?");
  EXPECT_EQ(wrong("{name: light, type: text}"), "line 2: type='text': must be number or bool");
  EXPECT_EQ(wrong("{name: light, required: maybe}"),
            "line 2: required='maybe': must be true or false");
  EXPECT_EQ(wrong("light").substr(0, 36), "line 2: a metric must be a mapping s");
  EXPECT_EQ(ErrorOf("metrics:\n  - {name: a}\n  - {name: a}\n"),
            "line 2: metric 'a': is declared twice");
  EXPECT_EQ(ErrorOf("metrics: []\n"), "line 1: metrics must declare 1 to 1000 metrics, not 0");
  EXPECT_EQ(ErrorOf("metrics: 5\n"), "line 1: metrics must be a list");
  EXPECT_EQ(ErrorOf("metrics: &m [*m]\n").substr(0, 6), "line 1");
  for (const char* name : {"Light", "9x", "a-b", "''", "été"}) {
    EXPECT_NE(wrong(std::string("{name: ") + name + "}").find("the name must be"),
              std::string::npos)
        << name;
  }
  for (const char* name : {"id",        "fingerprint",  "rule",   "severity",    "state",
                           "device_id", "timestamp",    "status", "reason",      "starts_at",
                           "ends_at",   "event_count",  "labels", "annotations", "active_at",
                           "value",     "rule_version", "source", "latency_ms",  "is_alert"}) {
    EXPECT_NE(wrong(std::string("{name: ") + name + "}").find("choose another"), std::string::npos)
        << name;
  }
}

}  // namespace
}  // namespace tocsin
