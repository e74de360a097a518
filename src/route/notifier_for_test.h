#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_text.h"
#include "base/time_text.h"
#include "route/notifier.h"

// Alerts, configurations and keyed state for the tests of the notifier.
namespace tocsin {

inline constexpr std::int64_t kSecond = 1'000'000;
inline constexpr std::int64_t kMinute = 60 * kSecond;
inline constexpr std::int64_t kStart = 1'767'225'600 * kSecond;  // 2026-01-01T00:00:00Z

struct AlertText {
  std::string rule = "hot";
  std::string device = "a";
  std::string severity = "warning";
  bool firing = true;
  bool flapping = false;
  std::int64_t time_us = kStart;  // of the record, and the start of its episode
  std::string labels = "{}";
};

inline AlertMessage MakeAlert(const AlertText& from) {
  std::string json = R"({"id":"e-)" + from.rule + "-" + from.device + R"(","fingerprint":"f-)" +
                     from.rule + "-" + from.device + R"(","rule":")" + from.rule +
                     R"(","severity":")" + from.severity + R"(","state":")" +
                     (from.firing ? "firing" : "resolved") + R"(","device_id":")" + from.device +
                     R"(","timestamp":")" + FormatTime(from.time_us) + R"(","starts_at":")" +
                     FormatTime(from.time_us) + R"(","ends_at":)";
  json += from.firing ? "null" : "\"" + FormatTime(from.time_us) + "\"";
  json += R"(,"flapping":)";
  json += from.flapping ? "true" : "false";
  json += R"(,"labels":)" + from.labels + "}";
  return ParseAlertMessage(json).value();
}

inline RouteConfig MakeConfig(std::string_view yaml) {
  std::vector<Diagnostic> diagnostics;
  Result<RouteConfig> config = ParseRouteConfig(yaml, "routes.yml", diagnostics);
  if (!config) std::abort();
  return *config;
}

// One line a notification: receiver, cause and the alerts, "desk first a+ b+ c-".
inline std::string Show(const Notification& notification) {
  static constexpr const char* kCauses[] = {"first", "update", "repeat", "resolved"};
  std::string text = notification.receiver + " ";
  if (notification.digest) text += notification.backlog ? "backlog" : "digest";
  if (!notification.digest) text += kCauses[static_cast<int>(notification.cause)];
  for (const AlertMessage& alert : notification.alerts) {
    text += " " + alert.device_id + (alert.firing ? "+" : "-") + (alert.flapping ? "~" : "");
  }
  return text;
}

inline std::string Show(const std::vector<Notification>& notifications) {
  std::string text;
  for (const Notification& notification : notifications) text += Show(notification) + ";";
  return text;
}

// Where the keyed state goes.
class StateStore {
 public:
  void SaveFrom(Notifier& notifier, bool everything = false) {
    notifier.Save(everything, [this](std::string_view key, std::string_view value) {
      if (value.empty()) {
        entries_.erase(std::string(key));
      } else {
        entries_[std::string(key)] = value;
      }
    });
  }
  bool LoadInto(Notifier& notifier) const {
    bool good = true;
    for (const auto& [key, value] : entries_) good = notifier.Load(key, value) && good;
    return good;
  }
  const std::map<std::string, std::string>& entries() const { return entries_; }

 private:
  std::map<std::string, std::string> entries_;
};

}  // namespace tocsin
