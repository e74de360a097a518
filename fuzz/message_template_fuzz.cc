// Arbitrary bytes as a template and as every value of a notification: what is read prints UTF-8
// within its limit, values stay inert in HTML, and what is not read has a place.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/json_text.h"
#include "template/message_template.h"

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

tocsin::Notification Make(const std::string& value) {
  tocsin::AlertMessage alert;
  alert.rule = alert.severity = alert.device_id = alert.fingerprint = value;
  alert.starts_at_us = 1;
  alert.labels = alert.annotations = {{"a", value}, {value, "b"}};
  tocsin::Notification notification;
  notification.receiver = notification.group_key = value;
  notification.group_labels = alert.labels;
  notification.alerts.assign(3, alert);
  notification.alerts[1].firing = false;
  notification.firing_count = 2;
  notification.resolved_count = 1;
  notification.top_devices = {{value, 7}};
  return notification;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto made = tocsin::MessageTemplate::Parse(text, tocsin::Escape::kHtml);
  if (!made) {
    Require(made.error().message().starts_with("line ") || size > 64 * 1024);
  } else {
    const std::string out = made->Expand(Make("<{{Status}}\xff\""), 300, "https://example.com");
    Require(tocsin::IsUtf8(out));
    Require(out.size() <= 4 * 300);
  }
  const auto plain = tocsin::MessageTemplate::Parse(
      "{{#Alerts}}{{DeviceID}}{{Labels.a}}{{/Alerts}}{{Receiver}}", tocsin::Escape::kHtml);
  Require(plain.has_value());
  Require(plain->Expand(Make(text), 1000, "").find_first_of("<>\"'") == std::string::npos);
  return 0;
}
