#include <gtest/gtest.h>

#include "template/message_template.h"

// The part of Go's templates that files of Alertmanager use.
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
  alert.labels = {{"site", "north"}, {"instance", "press:9100"}};
  alert.annotations = {{"summary", "too hot"}};
  return alert;
}

Notification Two() {
  Notification notification;
  notification.receiver = "ops";
  notification.group_labels = {{"site", "north"}};
  notification.alerts = {Alert("dev_1"), Alert("dev_2", false)};
  notification.firing_count = 1;
  notification.resolved_count = 1;
  return notification;
}

std::string Expand(std::string_view text, const TemplateFiles& files = {},
                   const Notification& notification = Two()) {
  const auto made = MessageTemplate::Parse(text, Escape::kNone, files);
  EXPECT_TRUE(made) << text << ": " << made.error().message();
  return made ? made->Expand(notification, 10'000, "https://tocsin.example.com") : "";
}

std::string ErrorOf(std::string_view text, const TemplateFiles& files = {}) {
  const auto made = MessageTemplate::Parse(text, Escape::kNone, files);
  EXPECT_FALSE(made) << text;
  return made ? "" : made.error().message();
}

TEST(GoTemplateTest, WithMovesTheDotAndHasAnElse) {
  EXPECT_EQ(Expand("{{ with .CommonAnnotations.summary }}[{{ . }}]{{ else }}none{{ end }}"),
            "[too hot]");
  EXPECT_EQ(Expand("{{ with .CommonAnnotations.runbook }}[{{ . }}]{{ else }}none{{ end }}"),
            "none");
  EXPECT_EQ(Expand("{{ with .CommonLabels }}{{ .alertname }} {{ .site }}{{ end }}"),
            "temperature_high north");
  EXPECT_EQ(Expand("{{ with .CommonLabels.none }}a{{ else with .Receiver }}{{ . }}{{ end }}"),
            "ops");
  EXPECT_EQ(Expand("{{ with $s := .Status }}{{ $s }}{{ . }}{{ end }}"), "firingfiring");
}

TEST(GoTemplateTest, VariablesLiveToTheEndOfTheirSection) {
  EXPECT_EQ(Expand("{{ $site := .CommonLabels.site }}{{ range .Alerts }}{{ $site }} {{ end }}"),
            "north north ");
  EXPECT_EQ(Expand("{{ $n := 0 }}{{ range .Alerts }}{{ $n = .Value }}{{ end }}{{ $n }}"), "51.5");
  EXPECT_EQ(Expand("{{ $x := 1 }}{{ if .Status }}{{ $x := 2 }}{{ $x }}{{ end }}{{ $x }}"), "21");
  EXPECT_EQ(Expand("{{ range $i, $a := .Alerts }}{{ $i }}:{{ $a.Labels.device_id }} {{ end }}"),
            "0:dev_1 1:dev_2 ");
  EXPECT_EQ(Expand("{{ range $k, $v := .GroupLabels }}{{ $k }}={{ $v }}{{ end }}"), "site=north");
  EXPECT_EQ(Expand("{{ range $a := .Alerts.Resolved }}{{ $a.DeviceID }}{{ end }}"), "dev_2");
  EXPECT_EQ(Expand("{{ range .GroupLabels }}{{ . }}{{ end }}"), "north");
  EXPECT_EQ(Expand("{{ range .CommonLabels.Names }}{{ . }},{{ end }}"),
            "alertname,instance,severity,site,");
  EXPECT_NE(ErrorOf("{{ if .Status }}{{ $x := 1 }}{{ end }}{{ $x }}").find("no variable $x"),
            std::string::npos);
  EXPECT_NE(ErrorOf("{{ $site := 1 }}{{ $sit }}").find("did you mean $site?"), std::string::npos);
  EXPECT_NE(ErrorOf("{{ $x = 1 }}").find("declare it"), std::string::npos);
  EXPECT_NE(ErrorOf("{{ $x := 1 }}{{ $x = .Alerts }}").find("cannot become a list of alerts"),
            std::string::npos);
}

TEST(GoTemplateTest, FunctionsOfAlertmanager) {
  EXPECT_EQ(Expand(R"({{ printf "%s: %d of %d, %.1f" .Receiver (len .Alerts.Firing) 2 3.14159 }})"),
            "ops: 1 of 2, 3.1");
  EXPECT_EQ(Expand(R"({{ .CommonLabels.instance | reReplaceAll ":[0-9]+$" "" }})"), "press");
  EXPECT_EQ(Expand("{{ reReplaceAll `^(\\w+):(\\d+)$` `$2@$1` .CommonLabels.instance }}"),
            "9100@press");
  EXPECT_EQ(Expand(R"({{ if match "^tem" .CommonLabels.alertname }}hot{{ end }})"), "hot");
  EXPECT_EQ(Expand(R"({{ range .Alerts }}{{ .StartsAt.Format "15:04:05 MST" }} {{ end }})"),
            "22:13:20 UTC 22:13:20 UTC ");
  EXPECT_EQ(Expand(R"({{ (index .Alerts 1).EndsAt.UTC.Format "2006-01-02T15:04:05.0" }})"),
            "2023-11-14T22:14:20.5");
  EXPECT_EQ(Expand(R"({{ (index .Alerts 0).StartsAt | date "Jan 2" }})"), "Nov 14");
  EXPECT_EQ(Expand(R"({{ index .CommonLabels "alertname" }})"), "temperature_high");
  EXPECT_EQ(Expand(R"({{ with .CommonLabels.Remove .GroupLabels.Names }}{{ .Values | join " " }})"
                   R"({{ end }})"),
            "temperature_high press:9100 warning");
  EXPECT_EQ(Expand(R"({{ (.CommonLabels.Remove (stringSlice "site" "instance")).SortedPairs }})"),
            "alertname=temperature_high severity=warning");
  EXPECT_EQ(Expand(R"({{ if and .Alerts (not .Digest) }}x{{ end }}{{ or .Digest "y" }})"), "xy");
  EXPECT_EQ(Expand("{{ if true }}{{ print .Receiver 1 }}{{ end }}"), "ops1");
}

TEST(GoTemplateTest, AnAlertThatThereIsNotHasNothing) {
  Notification digest;
  digest.digest = true;
  EXPECT_EQ(
      Expand(
          R"([{{ (index .Alerts 0).Labels.site }}{{ (index .Alerts 0).StartsAt.Format "2006" }}])",
          {}, digest),
      "[]");
}

TEST(GoTemplateTest, TemplatesAreDefinedInTheTextAndInFiles) {
  const TemplateFiles files = {
      {"a.tmpl",
       "ignored {{ define \"one\" }}{{ .Labels.site }}/{{ .DeviceID }} {{ end }}\n"
       "{{ define \"all\" }}{{ range .Alerts }}{{ template \"one\" . }}{{ end }}{{ end }}"},
      {"b.tmpl",
       "{{ define \"title\" }}[{{ .Status | toUpper }}] {{ template \"all\" . }}{{ end }}"
       "{{ define \"slack.default.title\" }}ours{{ end }}"}};
  EXPECT_EQ(Expand("{{ template \"title\" . }}", files), "[FIRING] north/dev_1 north/dev_2 ");
  EXPECT_EQ(Expand("{{ template \"slack.default.title\" . }}", files), "ours");
  EXPECT_EQ(Expand("{{ define \"all\" }}here{{ end }}{{ template \"all\" }}", files), "here");
  EXPECT_EQ(Expand("{{ block \"b\" .Receiver }}<{{ . }}>{{ end }}{{ template \"b\" .Status }}"),
            "<ops><firing>");
  EXPECT_EQ(Expand("{{ define \"x\" }}{{ $.Receiver }}{{ end }}{{ template \"x\" . }}"), "ops");
}

TEST(GoTemplateTest, WhatATemplateIsGivenDecidesWhatItsNamesAre) {
  const TemplateFiles files = {{"a.tmpl", "{{ define \"t\" }}\n  {{ .DeviceID }}{{ end }}"}};
  EXPECT_EQ(Expand("{{ range .Alerts }}{{ template \"t\" . }}{{ end }}", files),
            "\n  dev_1\n  dev_2");
  EXPECT_TRUE(ErrorOf("{{ template \"t\" . }}", files)
                  .starts_with("line 1, column 1: in template \"t\" of a.tmpl, line 2, column 3: "
                               "unknown field 'DeviceID'"))
      << ErrorOf("{{ template \"t\" . }}", files);
  EXPECT_NE(ErrorOf("{{ template \"tt\" . }}", files).find("did you mean \"t\"?"),
            std::string::npos);
}

TEST(GoTemplateTest, TemplatesThatInvokeThemselvesEnd) {
  EXPECT_LE(Expand("{{ define \"x\" }}x{{ template \"x\" . }}{{ template \"x\" . }}{{ end }}"
                   "{{ template \"x\" . }}")
                .size(),
            30'000u);
  std::string chain;
  for (int i = 0; i < 40; ++i) {
    chain += "{{ define \"t" + std::to_string(i) + "\" }}{{ template \"t" + std::to_string(i + 1) +
             "\" . }}{{ end }}";
  }
  EXPECT_NE(ErrorOf(chain + "{{ define \"t40\" }}{{ end }}{{ template \"t0\" . }}").find("deeply"),
            std::string::npos);
}

TEST(GoTemplateTest, AVariableThatGrowsEndsTheWork) {
  Notification many = Two();
  many.alerts.assign(1'000, Alert("d"));
  const std::string text =
      "{{ $x := \"0123456789\" }}{{ range .Alerts }}{{ $x = printf \"%s%s\" $x $x }}{{ end }}{{ $x "
      "}}";
  EXPECT_EQ(Expand(text, {}, many), "");
}

TEST(GoTemplateTest, MistakesNameTheValueAndTheRemedy) {
  const std::pair<const char*, const char*> kCases[] = {
      {"{{ printf \"%z\" .Status }}", "'%z' is no verb"},
      {"{{ printf .Status }}", "printf takes its format in quotes"},
      {"{{ printf \"%s\" }}", "1 verbs for 0 values"},
      {"{{ reReplaceAll \"a(\" \"\" .Status }}", "the pattern 'a(' is wrong"},
      {"{{ reReplaceAll .Status \"\" \"\" }}", "its pattern in quotes"},
      {"{{ .Alerts }}", "name one of its fields"},
      {"{{ .Status.Format \"2006\" }}", ".Format takes a time"},
      {"{{ .Status.Foo 1 }}", "'.Foo' takes no values"},
      {"{{ len . }}", "len takes a list or a text, not the notification"},
      {"{{ toUpper .Alerts }}", "toUpper takes texts and numbers, not a list of alerts"},
      {"{{ range .Status }}{{ end }}", "range takes Alerts"},
      {"{{ \"\\d\" }}", "is no escape; write \\\\d"},
      {"{{ since .StartsAt }}", "'since' is no function"},
      {"{{ wth .Status }}{{ end }}", "did you mean with?"},
      {"{{ if .Status }}{{ define \"x\" }}{{ end }}{{ end }}", "define stands within nothing else"},
      {"{{ $a, $b := .Status }}", "by range only"},
      {"{{ with .Alerts }}{{ .Frring }}{{ end }}", "did you mean Firing?"},
  };
  for (const auto& [text, wanted] : kCases) {
    const std::string error = ErrorOf(text);
    EXPECT_TRUE(error.starts_with("line 1, column ")) << text << ": " << error;
    EXPECT_NE(error.find(wanted), std::string::npos) << text << ": " << error;
  }
}

TEST(GoTemplateTest, ValuesAreEscapedWhereverTheyPassThrough) {
  Notification notification = Two();
  notification.receiver = "<b>&";
  const auto made = MessageTemplate::Parse(
      "{{ $r := .Receiver }}{{ with $r }}{{ printf \"<%s>\" . }}{{ end }}", Escape::kHtml);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->Expand(notification, 100, ""), "&lt;&lt;b&gt;&amp;&gt;");
}

TEST(TemplateFilesTest, EveryFileWithAMistakeIsNamedWithItsPlace) {
  const Status status = CheckTemplateFiles({{"good.tmpl", "{{ define \"a\" }}{{ .X }}{{ end }}"},
                                            {"one.tmpl", "\n{{ define \"a\" }}"},
                                            {"two.tmpl", "{{ end }}"}});
  ASSERT_FALSE(status);
  const std::string& message = status.error().message();
  EXPECT_NE(message.find("template file one.tmpl, line 2, column 1: 'define' is not ended"),
            std::string::npos)
      << message;
  EXPECT_NE(message.find("\ntemplate file two.tmpl, line 1, column 1: end ends no if"),
            std::string::npos)
      << message;
}

}  // namespace
}  // namespace tocsin
