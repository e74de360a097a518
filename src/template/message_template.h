#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "route/notifier.h"

namespace tocsin {

// How text from outside (device ids, labels, annotations) is made harmless in a message.
enum class Escape : std::uint8_t { kNone, kHtml, kJson, kSlack, kMarkdownTelegram, kHeader };

// A message template: mustache (sections, inverted sections, dotted names) over the fields of a
// notification in Alertmanager's names: Status, Receiver, GroupLabels.x, CommonLabels.x,
// CommonAnnotations.x, ExternalURL, Alerts (Status, Labels.x, Annotations.x, StartsAt, EndsAt,
// Fingerprint, Value, DeviceID, Rule, Severity), FiringCount, ResolvedCount, TruncatedAlerts,
// Digest, Backlog, TopDevices. Go-template texts of Alertmanager files are taken where they say the
// same: {{ .CommonLabels.x }}, {{ range .Alerts }}…{{ end }}, {{ if eq .Status "firing" }}…;
// {{ template "…" . }} is the default text of the channel.
//
// Every value is escaped by `escape`, however it is written; values are never read as templates.
class MessageTemplate {
 public:
  // kInvalidArgument naming the unknown field (with the nearest known one) or the place of a
  // syntax mistake.
  static Result<MessageTemplate> Parse(std::string_view text, Escape escape);
  // At most `max_chars` code points, cut with "…".
  std::string Expand(const Notification& notification, std::size_t max_chars,
                     std::string_view external_url) const;

 private:
  struct Parts;
  std::shared_ptr<const Parts> parts_;
};

std::string EscapeText(std::string_view text, Escape escape);
// At most `max_chars` code points of UTF-8, cut with "…".
std::string CutText(std::string_view text, std::size_t max_chars);

}  // namespace tocsin
