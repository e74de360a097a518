#include "template/default_texts.h"

#include <algorithm>
#include <array>

namespace tocsin {

constinit const std::string_view kDefaultTitle =
    "[{{ if .FiringCount }}FIRING:{{ .FiringCount }}{{ else }}RESOLVED:{{ .ResolvedCount }}"
    "{{ end }}]{{ if .Digest }} digest:{{ end }}"
    " {{ if .CommonLabels.alertname }}{{ .CommonLabels.alertname }}{{ else }}alerts{{ end }}"
    "{{ if .CommonLabels.device_id }} on {{ .CommonLabels.device_id }}{{ end }}"
    "{{ if .CommonLabels.severity }} ({{ .CommonLabels.severity }}){{ end }}";

constinit const std::string_view kDefaultText =
    "{{ if .Backlog }}These alerts are about old readings.\n{{ end }}"
    "{{ range .Alerts }}{{ .Status | toUpper }} {{ .Rule }} on {{ .DeviceID }}"
    " ({{ .Severity }}){{ if .Value }}, value {{ .Value }}{{ end }}, since {{ .StartsAt }}"
    "{{ if .EndsAt }} until {{ .EndsAt }}{{ end }}"
    "{{ if .Annotations.summary }}: {{ .Annotations.summary }}{{ end }}\n{{ end }}"
    "{{ if .TruncatedAlerts }}and {{ .TruncatedAlerts }} more\n{{ end }}"
    "{{ range .TopDevices }}{{ .Name }}: {{ .Count }} alerts\n{{ end }}"
    "{{ if .ExternalURL }}{{ .ExternalURL }}{{ end }}";

constinit const std::string_view kDefaultHtml =
    "<!DOCTYPE html>\n<html><body>\n"
    "{{ if .Backlog }}<p>These alerts are about old readings.</p>\n{{ end }}"
    "<table border=\"1\" cellpadding=\"4\" cellspacing=\"0\">\n"
    "<tr><th>Status</th><th>Rule</th><th>Device</th><th>Severity</th><th>Value</th>"
    "<th>Since</th><th>Until</th><th>Summary</th></tr>\n"
    "{{ range .Alerts }}<tr><td>{{ .Status }}</td><td>{{ .Rule }}</td><td>{{ .DeviceID }}</td>"
    "<td>{{ .Severity }}</td><td>{{ .Value }}</td><td>{{ .StartsAt }}</td><td>{{ .EndsAt }}</td>"
    "<td>{{ .Annotations.summary }}</td></tr>\n{{ end }}"
    "{{ range .TopDevices }}<tr><td></td><td></td><td>{{ .Name }}</td><td></td><td></td><td></td>"
    "<td></td><td>{{ .Count }} alerts</td></tr>\n{{ end }}"
    "</table>\n"
    "{{ if .TruncatedAlerts }}<p>and {{ .TruncatedAlerts }} more</p>\n{{ end }}"
    "{{ if .ExternalURL }}<p>{{ .ExternalURL }}</p>\n{{ end }}"
    "</body></html>\n";

std::optional<std::string_view> DefaultText(std::string_view name) {
  struct Named {
    std::string_view name;
    std::string_view text;
  };
  static const auto kNames = std::to_array<Named>({
      {"__subject", kDefaultTitle},
      {"__alertmanager", "tocsin"},
      {"__alertmanagerURL", "{{ .ExternalURL }}"},
      {"__text_alert_list", kDefaultText},
      {"email.default.subject", kDefaultTitle},
      {"email.default.html", kDefaultHtml},
      {"slack.default.title", kDefaultTitle},
      {"slack.default.fallback", kDefaultTitle},
      {"slack.default.titlelink", "{{ .ExternalURL }}"},
      {"slack.default.text", kDefaultText},
      {"slack.default.username", "tocsin"},
      {"slack.default.callbackid", ""},
      {"slack.default.footer", ""},
      {"slack.default.iconemoji", ""},
      {"slack.default.iconurl", ""},
      {"slack.default.pretext", ""},
      {"pagerduty.default.client", "tocsin"},
      {"pagerduty.default.clientURL", "{{ .ExternalURL }}"},
      {"pagerduty.default.description", kDefaultTitle},
      {"pagerduty.default.instances", kDefaultText},
      {"opsgenie.default.message", kDefaultTitle},
      {"opsgenie.default.description", kDefaultText},
      {"opsgenie.default.source", "{{ .ExternalURL }}"},
      {"telegram.default.message", kDefaultText},
      {"msteams.default.title", kDefaultTitle},
      {"msteams.default.summary", kDefaultTitle},
      {"msteams.default.text", kDefaultText},
      {"msteamsv2.default.title", kDefaultTitle},
      {"msteamsv2.default.text", kDefaultText},
  });
  const auto found = std::ranges::find(kNames, name, &Named::name);
  if (found == kNames.end()) return std::nullopt;
  return found->text;
}

}  // namespace tocsin
