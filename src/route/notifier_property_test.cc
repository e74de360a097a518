// Random alerts against a second, naive model of grouping, and against a run that is stopped and
// started from its keyed state at random points.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <functional>
#include <set>

#include "base/random.h"
#include "route/notifier.h"
#include "route/notifier_for_test.h"

namespace tocsin {
namespace {

constexpr std::string_view kConfig = R"(
route:
  receiver: all
  group_by: [site]
  group_wait: 30s
  group_interval: 2m
  repeat_interval: 7m
  routes:
  - {matchers: [severity=critical], receiver: pager, group_by: ['...'], group_wait: 0s, continue: true}
  - {matchers: [site=n], receiver: quiet, group_by: [alertname], group_interval: 5m}
receivers:
- {name: all, webhook_configs: [{url: 'http://x'}]}
- {name: pager, webhook_configs: [{url: 'http://x'}]}
- {name: quiet, webhook_configs: [{url: 'http://x', send_resolved: false}]}
inhibit_rules:
- {source_matchers: [alertname=gateway], target_matchers: [alertname!=gateway], equal: [site]}
)";

struct Change {
  std::int64_t at_us;
  AlertText text;
};

// Alerts of a few devices at times that no tick falls on.
std::vector<Change> RandomChanges(std::uint64_t seed, std::size_t count, bool levels) {
  SeededRandom random(seed);
  std::vector<Change> changes;
  std::int64_t now = kStart;
  std::map<std::string, std::string> severities;
  for (std::size_t i = 0; i < count; ++i) {
    now += static_cast<std::int64_t>(random.NextBelow(80)) * kSecond + 1;
    AlertText text;
    text.rule = std::vector<std::string>{"hot", "wet", "gateway"}[random.NextBelow(3)];
    text.device = std::string(1, static_cast<char>('a' + random.NextBelow(4)));
    text.labels = text.device < "c" ? R"({"site":"n"})" : R"({"site":"s"})";
    std::string& severity = severities[text.rule + text.device];
    if (severity.empty() || (levels && random.NextBelow(4) == 0)) {
      severity = random.NextBelow(3) == 0 ? "critical" : "warning";
    }
    text.severity = severity;
    text.firing = random.NextBelow(5) < 3;
    text.time_us = now - static_cast<std::int64_t>(random.NextBelow(40)) * kSecond;
    changes.push_back({now, text});
  }
  return changes;
}

// Alertmanager's documentation taken word by word: every group looks at all its alerts at every
// tick. Nothing is scheduled, indexed or remembered beyond what was said.
class NaiveModel {
 public:
  explicit NaiveModel(RouteConfig config) : config_(std::move(config)) {}

  void OnAlert(const AlertMessage& alert, std::int64_t now) {
    if (!alert.firing && !alerts_.contains(alert.fingerprint)) return;
    alerts_[alert.fingerprint] = alert;
    if (!alert.firing) return;
    const LabelMap labels = alert.RouteLabels();
    for (const Route* route : MatchRoutes(config_.route, labels)) {
      LabelMap by = labels;
      if (!route->group_by_all) {
        std::erase_if(by, [route](const auto& label) {
          return std::ranges::find(route->group_by, label.first) == route->group_by.end();
        });
      }
      const auto [at, added] = groups_.try_emplace({route->id, by});
      Group& group = at->second;
      group.route = route;
      if (added) group.next = now + route->group_wait_us;
      if (!group.flushed && alert.starts_at_us + route->group_wait_us < now) group.next = now;
      group.alerts.insert(alert.fingerprint);
    }
  }

  std::int64_t Next() const {
    std::int64_t next = INT64_MAX;
    for (const auto& [key, group] : groups_) next = std::min(next, group.next);
    return next;
  }

  std::multiset<std::string> Tick(std::int64_t now) {
    std::multiset<std::string> out;
    for (auto at = groups_.begin(); at != groups_.end();) {
      Group& group = at->second;
      if (group.next <= now) Flush(group, now, out);
      at = group.alerts.empty() ? groups_.erase(at) : std::next(at);
    }
    for (auto at = alerts_.begin(); at != alerts_.end();) {
      const auto& fingerprint = at->first;
      const bool held = std::ranges::any_of(groups_, [&fingerprint](const auto& item) {
        return item.second.alerts.contains(fingerprint);
      });
      at = held ? std::next(at) : alerts_.erase(at);
    }
    return out;
  }

 private:
  struct Group {
    const Route* route = nullptr;
    std::set<std::string> alerts;
    std::set<std::string> told;  // as firing
    std::int64_t next = 0;
    std::int64_t sent = 0;
    bool flushed = false;
  };

  bool Inhibited(const AlertMessage& target) const {
    if (target.rule == "gateway") return false;
    return std::ranges::any_of(alerts_, [&target](const auto& item) {
      const AlertMessage& source = item.second;
      return source.firing && source.rule == "gateway" && source.labels == target.labels;
    });
  }

  void Flush(Group& group, std::int64_t now, std::multiset<std::string>& out) {
    std::set<std::string> firing;
    std::set<std::string> resolved;
    std::set<std::string> waits;  // told as firing, resolved and inhibited
    for (const std::string& fingerprint : group.alerts) {
      const AlertMessage& alert = alerts_.at(fingerprint);
      if (Inhibited(alert)) {
        if (alert.firing || group.told.contains(fingerprint)) waits.insert(fingerprint);
        continue;
      }
      (alert.firing ? firing : resolved).insert(fingerprint);
    }
    const bool send_resolved = group.route->receiver != "quiet";
    bool send = false;
    if (group.sent == 0) {
      send = !firing.empty();
    } else {
      send = !std::ranges::includes(group.told, firing) || (send_resolved && !resolved.empty()) ||
             (!firing.empty() && now - group.sent >= group.route->repeat_interval_us);
    }
    if (send) {
      std::string line = group.route->receiver;
      for (const std::string& fingerprint : firing) line += " " + fingerprint + "+";
      for (const std::string& fingerprint : resolved) line += " " + fingerprint + "-";
      out.insert(line);
      group.sent = now;
      group.told.insert(firing.begin(), firing.end());
    }
    for (const std::string& fingerprint : resolved) group.told.erase(fingerprint);
    group.alerts = firing;
    group.alerts.insert(waits.begin(), waits.end());
    group.flushed = true;
    group.next = now + group.route->group_interval_us;
  }

  RouteConfig config_;
  std::map<std::string, AlertMessage> alerts_;
  std::map<std::pair<std::string, LabelMap>, Group> groups_;
};

std::multiset<std::string> Lines(const std::vector<Notification>& notifications) {
  std::multiset<std::string> lines;
  for (const Notification& one : notifications) {
    std::set<std::string> firing;
    std::set<std::string> resolved;
    for (const AlertMessage& alert : one.alerts) {
      (alert.firing ? firing : resolved).insert(alert.fingerprint);
    }
    std::string line = one.receiver;
    for (const std::string& fingerprint : firing) line += " " + fingerprint + "+";
    for (const std::string& fingerprint : resolved) line += " " + fingerprint + "-";
    lines.insert(line);
  }
  return lines;
}

TEST(NotifierPropertyTest, SaysWhatANaiveModelOfAlertmanagersGroupingSays) {
  std::size_t sent = 0;
  EXPECT_TRUE(rc::check([&sent](std::uint64_t seed) {
    Notifier notifier(MakeConfig(kConfig), {});
    NaiveModel model(MakeConfig(kConfig));
    const auto run_to = [&](std::int64_t until) {
      while (std::min(model.Next(), notifier.NextFlushUs()) <= until) {
        const std::int64_t now = std::min(model.Next(), notifier.NextFlushUs());
        const std::multiset<std::string> got = Lines(notifier.Flush(now));
        RC_ASSERT(got == model.Tick(now));
        sent += got.size();
      }
    };
    for (const Change& change : RandomChanges(seed, 40, false)) {
      run_to(change.at_us - 1);
      const AlertMessage alert = MakeAlert(change.text);
      notifier.OnAlert(alert, change.at_us);
      model.OnAlert(alert, change.at_us);
      run_to(change.at_us);
    }
    run_to(kStart + 7200 * kSecond);
  }));
  EXPECT_GT(sent, 500u);
}

std::string Whole(const std::vector<Notification>& notifications) {
  std::string text;
  for (const Notification& one : notifications) {
    text += Show(one) + " " + one.group_key + "#" + std::to_string(one.flush) + " " +
            std::to_string(one.firing_count) + "/" + std::to_string(one.resolved_count) + " @" +
            std::to_string(one.decided_us);
    for (const auto& [device, count] : one.top_devices) text += device + std::to_string(count);
    text += ";\n";
  }
  return text;
}

// Flapping, storms, backlogs, silences and changes of severity together.
std::string Play(std::uint64_t seed, bool interrupted) {
  NotifierOptions options;
  options.storm_per_minute = 3;
  options.backlog_age_us = 35 * kSecond;
  auto notifier = std::make_unique<Notifier>(MakeConfig(kConfig), options);
  StateStore store;
  SeededRandom choice(seed ^ 77);
  std::string told;
  const auto run_to = [&](std::int64_t until) {
    while (notifier->NextFlushUs() <= until) {
      const std::int64_t now = notifier->NextFlushUs();
      told += Whole(notifier->Flush(now));
    }
  };
  for (Change& change : RandomChanges(seed, 50, true)) {
    run_to(change.at_us);
    change.text.flapping = choice.NextBelow(12) == 0;
    notifier->OnAlert(MakeAlert(change.text), change.at_us);
    if (choice.NextBelow(15) == 0) {
      Silence silence;
      silence.id = std::to_string(change.at_us);
      silence.kind = choice.NextBelow(2) == 0 ? Silence::Kind::kSilence : Silence::Kind::kShelve;
      silence.matchers = ParseMatchers("device_id=" + change.text.device).value();
      silence.starts_at_us = change.at_us;
      silence.ends_at_us = change.at_us + 5 * kMinute;
      RC_ASSERT(notifier->silences().Add(silence).has_value());
    }
    told += Whole(notifier->Flush(change.at_us));
    if (choice.NextBelow(4) == 0 && interrupted) {
      store.SaveFrom(*notifier);
      notifier = std::make_unique<Notifier>(MakeConfig(kConfig), options);
      RC_ASSERT(store.LoadInto(*notifier));
    }
  }
  run_to(kStart + 7200 * kSecond);
  return told;
}

TEST(NotifierPropertyTest, StoppedAndStartedAnywhereItSaysTheSameWithTheSameIdentities) {
  EXPECT_TRUE(rc::check([](std::uint64_t seed) {
    const std::string whole = Play(seed, false);
    RC_ASSERT(Play(seed, true) == whole);
    RC_ASSERT(!whole.empty());
  }));
}

TEST(NotifierPropertyTest, NothingIsLeftInTheStateWhenEverythingIsOver) {
  Notifier notifier(MakeConfig(kConfig), {});
  StateStore store;
  std::int64_t now = kStart;
  for (const bool firing : {true, false}) {
    for (const Change& change : RandomChanges(5, 60, true)) {
      AlertText text = change.text;
      text.firing = firing;
      notifier.OnAlert(MakeAlert(text), now);
    }
    store.SaveFrom(notifier);
    EXPECT_GT(store.entries().size(), 3u);
    now += 60 * kMinute;
    notifier.Flush(now);
  }
  store.SaveFrom(notifier);
  for (const auto& [key, value] : store.entries()) EXPECT_TRUE(key.starts_with("r/")) << key;
}

TEST(NotifierPropertyTest, DamagedStateIsRefused) {
  Notifier notifier(MakeConfig(kConfig), {});
  notifier.OnAlert(MakeAlert({}), kStart);
  notifier.Flush(kStart + kMinute);
  StateStore store;
  store.SaveFrom(notifier, true);
  for (const auto& [key, value] : store.entries()) {
    for (std::size_t size = 0; size < value.size(); ++size) {
      Notifier other(MakeConfig(kConfig), {});
      EXPECT_FALSE(other.Load(key, std::string_view(value).substr(0, size))) << key << " " << size;
      other.Flush(kStart);
    }
  }
  EXPECT_FALSE(notifier.Load("x/y", "z"));
}

}  // namespace
}  // namespace tocsin
