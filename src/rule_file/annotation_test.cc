#include "rule_file/annotation.h"

#include <gtest/gtest.h>

#include <string>

#include "base/json_text.h"

namespace tocsin {
namespace {

AnnotationTemplate Parsed(std::string_view text) {
  AnnotationTemplate result;
  AnnotationMistake mistake;
  EXPECT_TRUE(AnnotationTemplate::Parse(text, DefaultMetrics(), result, mistake))
      << mistake.message;
  return result;
}

std::string MistakeOf(std::string_view text) {
  AnnotationTemplate result;
  AnnotationMistake mistake;
  if (AnnotationTemplate::Parse(text, DefaultMetrics(), result, mistake)) return "none";
  return std::to_string(mistake.offset) + ": " + mistake.message;
}

constexpr double kReadings[] = {51.5, std::numeric_limits<double>::quiet_NaN()};

AnnotationFields Fields() {
  AnnotationFields fields;
  fields.rule = "hot";
  fields.device_id = "dev_7";
  fields.severity = "warning";
  fields.state = "firing";
  fields.status = "ALERT";
  fields.value = 51.5;
  fields.time_us = fields.active_at_us = fields.starts_at_us = 1'763'892'930'123'456;
  fields.event_count = 3;
  fields.metrics = kReadings;
  fields.label = [](std::string_view name) { return name == "site" ? "oslo" : ""; };
  return fields;
}

TEST(AnnotationTest, FillsInEveryField) {
  EXPECT_EQ(Parsed("{{rule}} {{device_id}} {{severity}} {{state}} {{status}} {{value}} "
                   "{{event_count}}")
                .Expand(Fields()),
            "hot dev_7 warning firing ALERT 51.5 3");
  EXPECT_EQ(Parsed("{{timestamp}}").Expand(Fields()), "2025-11-23T10:15:30.123456Z");
  EXPECT_EQ(Parsed("{{active_at}}={{starts_at}}, {{ends_at}}").Expand(Fields()),
            "2025-11-23T10:15:30.123456Z=2025-11-23T10:15:30.123456Z, null");
  EXPECT_EQ(Parsed("{{temperature}}, {{humidity}}").Expand(Fields()), "51.5, null");
  EXPECT_EQ(Parsed("{{labels.site}}[{{labels.none}}]").Expand(Fields()), "oslo[]");
  EXPECT_EQ(Parsed("no field } }} here").Expand(Fields()), "no field } }} here");
}

TEST(AnnotationTest, TakesTheFieldsOfPrometheusTemplates) {
  EXPECT_EQ(Parsed("{{ $labels.site }} {{$value}} {{ .Labels.site }} {{.Value}} {{{value}}}")
                .Expand(Fields()),
            "oslo 51.5 oslo 51.5 51.5");
  EXPECT_EQ(Parsed("{{ $labels.device_id }} {{ $labels.alertname }} {{ $labels.severity }}")
                .Expand(Fields()),
            "dev_7 hot warning");
}

TEST(AnnotationTest, NeverReadsAValueAsATemplateAndNeverEscapes) {
  AnnotationFields fields = Fields();
  fields.device_id = "{{rule}}<b>&\"";
  EXPECT_EQ(Parsed("{{device_id}}").Expand(fields), "{{rule}}<b>&\"");
}

TEST(AnnotationTest, NamesTheUnknownFieldAndTheNearestOne) {
  EXPECT_EQ(MistakeOf("at {{temprature}}"),
            "3: unknown field `temprature` in an annotation; did you mean `temperature`?");
  EXPECT_EQ(
      MistakeOf("{{ $externalURL }}"),
      "0: unknown field `externalURL` in an annotation; fields are those of the alert record, "
      "declared metrics and labels.NAME");
  EXPECT_EQ(MistakeOf("{{labels.}}").substr(0, 30), "0: unknown field `labels.` in ");
}

TEST(AnnotationTest, HasNoFunctionsAndSections) {
  for (const char* text : {"{{ $value | humanize }}", "{{#rule}}x{{/rule}}", "{{}}",
                           "{{ printf \"%.1f\" $value }}", "{{!x}}", "{{>x}}"}) {
    EXPECT_NE(MistakeOf(text).find("}}` is no field; annotations name a field"), std::string::npos)
        << text;
  }
  EXPECT_EQ(MistakeOf("ab {{rule"), "3: this `{{` is never closed");
}

TEST(AnnotationTest, IsCutAtFourKibibytesAfterAWholeCharacter) {
  EXPECT_EQ(MistakeOf(std::string(4097, 'x')),
            "0: the annotation has 4097 bytes; at most 4096 are taken");
  EXPECT_EQ(Parsed(std::string(4096, 'x')).Expand(Fields()).size(), 4096u);
  std::string id;
  for (int i = 0; i < 1365; ++i) id += "€";
  AnnotationFields fields = Fields();
  fields.device_id = id;
  EXPECT_EQ(Parsed("{{device_id}}").Expand(fields), id);
  const std::string cut = Parsed("ab{{device_id}}").Expand(fields);
  EXPECT_LE(cut.size(), 4096u);
  EXPECT_TRUE(cut.ends_with("€…"));
  EXPECT_TRUE(IsUtf8(cut));
}

}  // namespace
}  // namespace tocsin
