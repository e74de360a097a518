#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/alert_message.h"
#include "route/route_config.h"
#include "route/silence.h"

namespace tocsin {

// Alerts that go to one receiver together.
struct Notification {
  std::string receiver;
  std::string route_id;
  std::string group_key;  // stable: Alertmanager's, `{}/{site="a"}:{alertname="hot"}`; of a digest
                          // "digest:<receiver>" or "backlog:<receiver>"
  LabelMap group_labels;
  enum class Cause : std::uint8_t { kFirst, kUpdate, kRepeat, kResolved } cause = Cause::kFirst;
  std::uint64_t flush = 0;  // with group_key the identity: rises by one from notification to
                            // notification of a group; a group that comes to life again starts at a
                            // number made from the alert that opened it, never at one it had
  std::vector<AlertMessage>
      alerts;                      // firing first, by severity, then starts_at; at most kMaxAlerts
  bool firing_news = true;         // false: it is told for its resolved alerts alone
  std::uint64_t firing_count = 0;  // of all, also those cut off
  std::uint64_t resolved_count = 0;
  std::vector<std::pair<std::string, std::uint64_t>> top_rules;  // of a digest: notifications, the
  std::vector<std::pair<std::string, std::uint64_t>> top_devices;  // most first, at most ten
  bool digest = false;          // a storm or a backlog: counts stand for alerts
  bool backlog = false;         // its readings are older than BACKLOG_AGE
  std::int64_t decided_us = 0;  // wall time of the flush

  static constexpr std::size_t kMaxAlerts = 100;
};

struct NotifierOptions {
  std::int64_t backlog_age_us = 0;  // alerts older than this at arrival go in one digest; 0 off
  // Notifications decided within a minute for one receiver beyond which they are collapsed into
  // digests; 0 = off. Receivers that are not in the map have the default.
  std::uint32_t storm_per_minute = 1000;
  std::map<std::string, std::uint32_t> storm_per_minute_of;
  // Alerts held. Beyond it the oldest resolved one that waits to be told goes, and when there is
  // none the new one is not held: both are then in a digest of their receivers only.
  std::size_t max_alerts = 1'000'000;
};

// Routing, grouping, inhibition, muting, silencing and repeating: from alert records to
// notifications. Pure: time comes in, notifications go out; what it must remember goes out as keyed
// state. Alertmanager's semantics (docs/specs/delivery.md): a new group waits group_wait; a group
// is looked at every group_interval; it is sent again when something fired or resolved that was
// not told, or after repeat_interval; resolved alerts are forgotten once told.
//
// Threads: none but the owner's.
class Notifier {
 public:
  Notifier(RouteConfig config, NotifierOptions options);
  ~Notifier();

  // With `hold` nothing is decided by the record's coming, though its group is due: for a backlog
  // that is read to its end before anything is told.
  void OnAlert(AlertMessage alert, std::int64_t now_us, bool hold = false);
  // The notifications that are due.
  std::vector<Notification> Flush(std::int64_t now_us);
  // What was decided already, without deciding more: to be taken before every Save.
  std::vector<Notification> TakeReady();
  // Wall time of the next flush that may be due; INT64_MAX = none, INT64_MIN = at once.
  std::int64_t NextFlushUs() const;
  // No group waits for its first flush, and no digest or notification waits to be fetched.
  bool Idle() const;

  // Another configuration: alerts are routed anew; groups that exist in both keep what they told.
  void Reconfigure(RouteConfig config, std::int64_t now_us);
  const RouteConfig& config() const;
  // In place of NotifierOptions::storm_per_minute_of.
  void LimitStorms(std::map<std::string, std::uint32_t> per_minute_of);

  // Silences, acknowledgements and one-shot shelves (silence.h).
  SilenceSet& silences();

  // Whether the alert with this fingerprint fires; nothing when none is held.
  std::optional<bool> Fires(const std::string& fingerprint) const;

  // Why an alert is not told at this moment.
  struct AlertView {
    const AlertMessage* alert;
    bool inhibited = false;
    std::string silenced_by;  // id of the silence, "" = none
    bool muted = false;
    std::vector<std::string> receivers;
  };
  // Calls back for every alert held, by fingerprint.
  void VisitAlerts(std::int64_t now_us, const std::function<void(const AlertView&)>& visit) const;

  // Keyed state: Put is called for what changed since the last Save (or all); an empty value
  // deletes. Notifications that were decided but not fetched by Flush are not in it: call Flush
  // before Save. Load before the first OnAlert, in any order; false for an entry that cannot be
  // read. Keys: a/<fingerprint>, g/<group key>, r/<receiver>, s/<silence>.
  using Put = std::function<void(std::string_view key, std::string_view value)>;
  void Save(bool everything, const Put& put);
  bool Load(std::string_view key, std::string_view value);

 private:
  struct Parts;  // notifier_parts.h
  std::unique_ptr<Parts> parts_;
};

}  // namespace tocsin
