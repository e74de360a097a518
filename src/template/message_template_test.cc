#include "template/message_template.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/json_text.h"
#include "template/default_texts.h"

namespace tocsin {
namespace {

AlertMessage Alert(std::string device, bool firing = true) {
  AlertMessage alert;
  alert.fingerprint = "00f1";
  alert.rule = "temperature_high";
  alert.severity = "warning";
  alert.device_id = std::move(device);
  alert.firing = firing;
  alert.starts_at_us = 1'700'000'000'000'000;
  alert.ends_at_us = firing ? 0 : 1'700'000'060'500'000;
  alert.value = 51.5;
  alert.labels = {{"site", "north"}};
  alert.annotations = {{"summary", "too hot"}};
  return alert;
}

Notification Two() {
  Notification notification;
  notification.receiver = "ops";
  notification.group_key = "0:site=north";
  notification.group_labels = {{"site", "north"}};
  notification.alerts = {Alert("dev_1"), Alert("dev_2", false)};
  notification.firing_count = 1;
  notification.resolved_count = 1;
  return notification;
}

std::string Expand(std::string_view text, const Notification& notification = Two(),
                   Escape escape = Escape::kNone) {
  const auto made = MessageTemplate::Parse(text, escape);
  EXPECT_TRUE(made) << text << ": " << made.error().message();
  return made ? made->Expand(notification, 10'000, "https://tocsin.example.com") : "";
}

std::string ErrorOf(std::string_view text) {
  const auto made = MessageTemplate::Parse(text, Escape::kNone);
  EXPECT_FALSE(made) << text;
  return made ? "" : made.error().message();
}

TEST(MessageTemplateTest, ExpandsMustacheFieldsAndSections) {
  EXPECT_EQ(Expand("{{Status}} {{Receiver}} {{CommonLabels.site}} {{FiringCount}}"),
            "firing ops north 1");
  EXPECT_EQ(Expand("{{#Alerts}}{{DeviceID}}={{Value}};{{/Alerts}}"), "dev_1=51.5;dev_2=51.5;");
  EXPECT_EQ(Expand("{{#Alerts}}{{Status}} {{Receiver}} {{/Alerts}}"), "firing ops resolved ops ");
  EXPECT_EQ(Expand("{{#Digest}}D{{/Digest}}{{^Digest}}no{{/Digest}}{{^Alerts}}none{{/Alerts}}"),
            "no");
  EXPECT_EQ(Expand("{{! a comment }}{{ExternalURL}}"), "https://tocsin.example.com");
  EXPECT_EQ(Expand("{{#Alerts}}{{StartsAt}}/{{EndsAt}} {{/Alerts}}"),
            "2023-11-14T22:13:20Z/ 2023-11-14T22:13:20Z/2023-11-14T22:14:20.5Z ");
}

TEST(MessageTemplateTest, SectionTagsAloneInALineTakeTheLineAway) {
  EXPECT_EQ(Expand("a\n{{#Alerts}}\n  {{DeviceID}}\n{{/Alerts}}\nb\n"), "a\n  dev_1\n  dev_2\nb\n");
}

TEST(MessageTemplateTest, TakesTheGoTextsOfAlertmanagerFiles) {
  EXPECT_EQ(Expand("[{{ .Status | toUpper }}{{ if eq .Status \"firing\" }}:"
                   "{{ .Alerts.Firing | len }}{{ end }}] {{ .CommonLabels.alertname }}"),
            "[FIRING:1] temperature_high");
  EXPECT_EQ(Expand("{{ range .Alerts }}{{ .Labels.device_id }} {{ .Annotations.summary }} "
                   "{{ $.Receiver }}\n{{ end }}"),
            "dev_1 too hot ops\ndev_2 too hot ops\n");
  EXPECT_EQ(
      Expand("{{ if gt (len .Alerts.Firing) 1 }}many{{ else if eq 1 1 }}one{{ else }}x{{ end }}"),
      "one");
  EXPECT_EQ(Expand("{{ .GroupLabels.SortedPairs.Values | join \" \" }}"), "north");
  EXPECT_EQ(Expand("{{ range .CommonLabels.SortedPairs }}{{ .Name }}={{ .Value }} {{ end }}"),
            "alertname=temperature_high severity=warning site=north ");
  EXPECT_EQ(Expand("a \n {{- .Status -}} \n b{{/* c */}}"), "afiringb");
  EXPECT_EQ(Expand("{{ template \"slack.default.title\" . }}"),
            "[FIRING:1] temperature_high (warning)");
}

TEST(MessageTemplateTest, EscapesValuesHoweverTheyAreWritten) {
  Notification notification = Two();
  notification.receiver = "<script>{{Status}}\"&";
  for (const char* text : {"{{Receiver}}", "{{{Receiver}}}", "{{&Receiver}}", "{{ & Receiver }}",
                           "{{ .Receiver | safeHtml }}"}) {
    EXPECT_EQ(Expand(text, notification, Escape::kHtml), "&lt;script&gt;{{Status}}&quot;&amp;");
  }
  EXPECT_EQ(Expand("<b>{{Receiver}}</b>", notification, Escape::kSlack),
            "<b>&lt;script&gt;{{Status}}\"&amp;</b>");
}

TEST(MessageTemplateTest, ValuesAreNeverReadAsTemplates) {
  Notification notification = Two();
  notification.alerts[0].device_id = "{{#Alerts}}{{Receiver}}{{/Alerts}}";
  EXPECT_EQ(Expand("{{#Alerts.Firing}}{{DeviceID}}{{/Alerts.Firing}}", notification),
            "{{#Alerts}}{{Receiver}}{{/Alerts}}");
}

TEST(MessageTemplateTest, NamesTheUnknownFieldTheNearestAndThePlace) {
  EXPECT_EQ(ErrorOf("ok {{Statsu}}"),
            "line 1, column 4: unknown field 'Statsu'; did you mean Status?");
  EXPECT_EQ(ErrorOf("a\n{{#Alerts}}{{DeviceId}}{{/Alerts}}"),
            "line 2, column 12: unknown field 'DeviceId'; did you mean DeviceID?");
  EXPECT_NE(ErrorOf("{{DeviceID}}").find("{{#Alerts}}"), std::string::npos);
  EXPECT_NE(ErrorOf("{{CommonLabel.site}}").find("did you mean CommonLabels?"), std::string::npos);
}

TEST(MessageTemplateTest, RefusesWhatItCannotMean) {
  for (const char* text : {"{{",
                           "{{x",
                           "{{}}",
                           "{{{Status}}",
                           "{{#Alerts}}",
                           "{{/Alerts}}",
                           "{{end}}",
                           "{{else}}",
                           "{{#Alerts}}{{end}}",
                           "{{ if Status }}{{/Status}}",
                           "{{#Alerts}}{{/Receiver}}",
                           "{{ range .Status }}{{ end }}",
                           "{{> partial}}",
                           "{{=<% %>=}}",
                           "{{ .Status | exec }}",
                           "{{ eq .Status }}",
                           "{{ template \"mine\" . }}",
                           "{{ .Status",
                           "{{ $x }}",
                           "{{ \"open }}",
                           "{{ (len .Alerts }}",
                           "{{ if }}{{ end }}",
                           "{{ .Alerts.Firing.X }}",
                           "{{ if .Status }}{{ else }}{{ else }}{{ end }}"}) {
    EXPECT_TRUE(ErrorOf(text).starts_with("line 1, column ")) << text << ": " << ErrorOf(text);
  }
  std::string deep;
  for (int i = 0; i < 20; ++i) deep += "{{#Alerts}}";
  EXPECT_NE(ErrorOf(deep).find("too many nested"), std::string::npos);
  EXPECT_NE(ErrorOf("{{" + std::string(100, '(') + "}}").find("nested"), std::string::npos);
}

TEST(MessageTemplateTest, NestedLoopsEndAndTheTextIsCut) {
  Notification notification = Two();
  notification.alerts.assign(100, Alert("d"));
  std::string text, end;
  for (int i = 0; i < 10; ++i) {
    text += "{{#Alerts}}";
    end += "{{/Alerts}}";
  }
  EXPECT_LT(Expand(text + end, notification).size(), 10'001u);
  const auto made = MessageTemplate::Parse("{{#Alerts}}é{{/Alerts}}", Escape::kNone);
  EXPECT_EQ(made->Expand(notification, 3, ""), "éé…");
}

TEST(MessageTemplateTest, TheDefaultTextsTellEveryAlert) {
  EXPECT_EQ(Expand(kDefaultTitle), "[FIRING:1] temperature_high (warning)");
  EXPECT_EQ(Expand(kDefaultText),
            "FIRING temperature_high on dev_1 (warning), value 51.5, since 2023-11-14T22:13:20Z: "
            "too hot\n"
            "RESOLVED temperature_high on dev_2 (warning), value 51.5, since "
            "2023-11-14T22:13:20Z until 2023-11-14T22:14:20.5Z: too hot\n"
            "https://tocsin.example.com");
  Notification digest = Two();
  digest.digest = true;
  digest.firing_count = 100'000;
  digest.top_devices = {{"dev_9", 12}};
  EXPECT_EQ(Expand("{{TruncatedAlerts}} {{#TopDevices}}{{Name}}:{{Count}}{{/TopDevices}}", digest),
            "99999 dev_9:12");
  EXPECT_NE(Expand(kDefaultHtml).find("<td>dev_2</td>"), std::string::npos);
}

RC_GTEST_PROP(MessageTemplateTest, AnyBytesAreATemplateOrAnErrorWithAPlace, (std::string text)) {
  static constexpr const char* kParts[] = {"{{", "}}",      "#Alerts", "/Alerts", "^",
                                           "{",  ".Status", "if ",     "end",     "else",
                                           "|",  "len ",    "\"",      "\n",      " "};
  std::string mixed;
  for (const char c : text) {
    mixed += kParts[static_cast<unsigned char>(c) % std::size(kParts)];
  }
  for (const std::string& candidate : {text, mixed}) {
    const auto made = MessageTemplate::Parse(candidate, Escape::kNone);
    if (made) {
      RC_ASSERT(IsUtf8(made->Expand(Two(), 500, "")));
    } else {
      RC_ASSERT(made.error().message().starts_with("line "));
    }
  }
}

}  // namespace
}  // namespace tocsin
