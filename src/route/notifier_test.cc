#include "route/notifier.h"

#include <gtest/gtest.h>

#include "route/notifier_for_test.h"

namespace tocsin {
namespace {

constexpr std::string_view kOne = R"(
route: {receiver: desk, group_by: [alertname], group_wait: 30s, group_interval: 5m, repeat_interval: 1h}
receivers: [{name: desk, webhook_configs: [{url: 'http://x'}]}]
)";

class NotifierTest : public testing::Test {
 protected:
  void Use(std::string_view yaml, NotifierOptions options = {}) {
    notifier_ = std::make_unique<Notifier>(MakeConfig(yaml), std::move(options));
  }
  void At(std::int64_t seconds, AlertText text) {
    if (text.time_us == kStart) text.time_us = kStart + seconds * kSecond;
    notifier_->OnAlert(MakeAlert(text), kStart + seconds * kSecond);
  }
  std::string FlushAt(std::int64_t seconds) {
    return Show(notifier_->Flush(kStart + seconds * kSecond));
  }
  std::int64_t Next() const { return (notifier_->NextFlushUs() - kStart) / kSecond; }
  static AlertText Fires(std::string device) { return {.device = std::move(device)}; }
  static AlertText Resolves(std::string device) {
    return {.device = std::move(device), .firing = false};
  }

  std::unique_ptr<Notifier> notifier_;
};

TEST_F(NotifierTest, AReloadKeepsTheSilencesInKeyedState) {
  Use(kOne);
  Silence silence;
  silence.id = "0123456789abcdef";
  silence.matchers = ParseMatchers("device_id=a").value();
  silence.starts_at_us = kStart;
  silence.ends_at_us = kStart + 3600 * kSecond;
  ASSERT_TRUE(notifier_->silences().Add(silence));
  std::map<std::string, std::string, std::less<>> stored;
  const auto save = [&] {
    notifier_->Save(false, [&](std::string_view key, std::string_view value) {
      if (value.empty()) {
        stored.erase(std::string(key));
      } else {
        stored[std::string(key)] = value;
      }
    });
  };
  save();
  notifier_->Reconfigure(MakeConfig(kOne), kStart + kSecond);
  save();
  Use(kOne);
  for (const auto& [key, value] : stored) ASSERT_TRUE(notifier_->Load(key, value));
  EXPECT_EQ(notifier_->silences().all().size(), 1u);
}

TEST_F(NotifierTest, WhatComesWhileItHoldsIsDecidedAfterwards) {
  Use(kOne);
  At(0, Fires("a"));
  At(1, Fires("b"));
  notifier_->OnAlert(MakeAlert(Resolves("a")), kStart + 40 * kSecond, true);
  EXPECT_TRUE(notifier_->TakeReady().empty());
  EXPECT_EQ(FlushAt(41), "desk first b+ a-;");
}

TEST_F(NotifierTest, ANewGroupWaitsGroupWaitAndThenSpeaksEveryGroupInterval) {
  Use(kOne);
  EXPECT_TRUE(notifier_->Idle());
  At(0, Fires("a"));
  EXPECT_FALSE(notifier_->Idle());
  EXPECT_EQ(Next(), 30);
  At(10, Fires("b"));
  EXPECT_EQ(FlushAt(29), "");
  EXPECT_EQ(FlushAt(30), "desk first a+ b+;");
  EXPECT_TRUE(notifier_->Idle());
  At(40, Fires("c"));
  At(50, Resolves("a"));
  EXPECT_EQ(Next(), 330);
  EXPECT_EQ(FlushAt(329), "");
  EXPECT_EQ(FlushAt(330), "desk update b+ c+ a-;");
  EXPECT_EQ(FlushAt(630), "") << "nothing new";
  At(640, Resolves("b"));
  At(641, Resolves("c"));
  EXPECT_EQ(FlushAt(930), "desk resolved b- c-;");
  EXPECT_EQ(notifier_->NextFlushUs(), INT64_MAX) << "the group has ended";
}

TEST_F(NotifierTest, AGroupThatResolvedBeforeItsFirstFlushSaysNothing) {
  Use(kOne);
  At(0, Fires("a"));
  At(10, Resolves("a"));
  EXPECT_EQ(FlushAt(30), "");
  EXPECT_EQ(notifier_->NextFlushUs(), INT64_MAX);
  At(40, Resolves("never seen"));
  EXPECT_EQ(FlushAt(1000), "");
}

TEST_F(NotifierTest, AnAlertOlderThanGroupWaitIsToldAtOnce) {
  Use(kOne);
  AlertText old = Fires("a");
  old.time_us = kStart - kMinute;
  At(0, old);
  EXPECT_EQ(FlushAt(0), "desk first a+;");
}

TEST_F(NotifierTest, RepeatsAfterRepeatIntervalAtTheNextTick) {
  Use(kOne);
  At(0, Fires("a"));
  EXPECT_EQ(FlushAt(30), "desk first a+;");
  EXPECT_EQ(Next(), 3630);
  EXPECT_EQ(FlushAt(3629), "");
  EXPECT_EQ(FlushAt(3630), "desk repeat a+;");
  EXPECT_EQ(Next(), 7230);
}

TEST_F(NotifierTest, AChangeOfSeverityIsToldAndOneThatWentBackIsNot) {
  Use(kOne);
  At(0, Fires("a"));
  EXPECT_EQ(FlushAt(30), "desk first a+;");
  AlertText worse = Fires("a");
  worse.severity = "critical";
  At(40, worse);
  At(50, Fires("a"));
  EXPECT_EQ(FlushAt(330), "");
  At(340, worse);
  EXPECT_EQ(FlushAt(630), "desk update a+;");
}

TEST_F(NotifierTest, AlertsAreOrderedFiringFirstThenBySeverityThenByStart) {
  Use(kOne);
  AlertText critical = Fires("late");
  critical.severity = "critical";
  At(0, Fires("b"));
  At(0, Fires("gone"));
  At(1, Fires("a"));
  At(2, critical);
  At(3, Resolves("gone"));
  EXPECT_EQ(FlushAt(30), "desk first late+ b+ a+ gone-;");
}

TEST_F(NotifierTest, OnlyKMaxAlertsAreCarriedAndAllAreCounted) {
  Use(kOne);
  for (int i = 0; i < 250; ++i) At(0, Fires("d" + std::to_string(i)));
  const std::vector<Notification> sent = notifier_->Flush(kStart + 30 * kSecond);
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].alerts.size(), Notification::kMaxAlerts);
  EXPECT_EQ(sent[0].firing_count, 250u);
}

TEST_F(NotifierTest, IntervalsOfZeroTellEachChangeAtOnceAndEachOfOneBatch) {
  Use("route: {receiver: desk, group_by: ['...'], group_wait: 0s, group_interval: 0s}\n"
      "receivers: [{name: desk, webhook_configs: [{url: 'http://x'}]}]\n");
  At(0, Fires("a"));
  At(0, Fires("b"));
  At(0, Resolves("a"));
  At(0, Fires("a"));
  EXPECT_EQ(FlushAt(0), "desk first a+;desk resolved a-;desk first a+;desk first b+;");
  At(5, Resolves("a"));
  EXPECT_EQ(Next(), 5);
  EXPECT_EQ(FlushAt(5), "desk resolved a-;");
}

TEST_F(NotifierTest, EveryLifeOfAGroupHasOtherIdentities) {
  Use("route: {receiver: desk, group_wait: 0s, group_interval: 0s}\n"
      "receivers: [{name: desk, webhook_configs: [{url: 'http://x'}]}]\n");
  At(0, Fires("a"));
  const std::vector<Notification> one = notifier_->Flush(kStart);
  At(1, Resolves("a"));
  const std::vector<Notification> two = notifier_->Flush(kStart + kSecond);
  At(2, Fires("b"));
  const std::vector<Notification> three = notifier_->Flush(kStart + 2 * kSecond);
  ASSERT_EQ(one.size() + two.size() + three.size(), 3u);
  EXPECT_EQ(one[0].group_key, three[0].group_key);
  EXPECT_EQ(one[0].flush + 1, two[0].flush);
  EXPECT_NE(one[0].flush, three[0].flush);
}

TEST_F(NotifierTest, WithoutSendResolvedResolutionsAreForgottenSilently) {
  Use("route: {receiver: desk, group_wait: 0s, group_interval: 1m}\n"
      "receivers: [{name: desk, webhook_configs: [{url: 'http://x', send_resolved: false}]}]\n");
  At(0, Fires("a"));
  EXPECT_EQ(FlushAt(0), "desk first a+;");
  At(10, Resolves("a"));
  EXPECT_EQ(FlushAt(60), "");
  EXPECT_EQ(notifier_->NextFlushUs(), INT64_MAX);
}

TEST_F(NotifierTest, AnAlertWhoseSeverityLeadsElsewhereResolvesWhereItWas) {
  Use(R"(
route:
  receiver: desk
  group_by: [alertname]
  group_wait: 0s
  group_interval: 1m
  routes: [{matchers: [severity=critical], receiver: pager}]
receivers:
- {name: desk, webhook_configs: [{url: 'http://x'}]}
- {name: pager, webhook_configs: [{url: 'http://y'}]}
)");
  At(0, Fires("a"));
  EXPECT_EQ(FlushAt(0), "desk first a+;");
  AlertText worse = Fires("a");
  worse.severity = "critical";
  At(10, worse);
  EXPECT_EQ(FlushAt(10), "pager first a+;");
  EXPECT_EQ(FlushAt(60), "desk resolved a-;");
  AlertText over = worse;
  over.firing = false;
  over.time_us = kStart;
  At(61, over);
  EXPECT_EQ(FlushAt(70), "pager resolved a-;");
  EXPECT_EQ(notifier_->NextFlushUs(), INT64_MAX);
}

TEST_F(NotifierTest, TheSourceInhibitsTheTargetWithEqualLabelsAndNotItself) {
  Use(R"(
route: {receiver: desk, group_by: ['...'], group_wait: 0s, group_interval: 1m}
receivers: [{name: desk, webhook_configs: [{url: 'http://x'}]}]
inhibit_rules: [{source_matchers: [severity=~"critical|warning"], target_matchers: [severity=warning], equal: [site]}]
)");
  AlertText source = Fires("gateway");
  source.severity = "critical";
  source.labels = R"({"site":"n"})";
  AlertText target = Fires("child");
  target.labels = R"({"site":"n"})";
  AlertText other = Fires("other");
  other.labels = R"({"site":"s"})";
  At(0, source);
  At(0, target);
  At(0, other);
  EXPECT_EQ(FlushAt(0), "desk first gateway+;desk first other+;");
  int inhibited = 0;
  notifier_->VisitAlerts(kStart, [&inhibited](const Notifier::AlertView& view) {
    if (view.inhibited) ++inhibited;
    EXPECT_EQ(view.inhibited, view.alert->device_id == "child");
  });
  EXPECT_EQ(inhibited, 1);
  source.firing = false;
  At(30, source);
  EXPECT_EQ(FlushAt(60), "desk first child+;desk resolved gateway-;");
}

TEST_F(NotifierTest, AMutedRouteSpeaksWhenTheIntervalEnds) {
  Use(R"(
route:
  receiver: desk
  group_wait: 0s
  group_interval: 1m
  routes: [{matchers: [alertname=hot], mute_time_intervals: [early]}]
receivers: [{name: desk, webhook_configs: [{url: 'http://x'}]}]
time_intervals: [{name: early, time_intervals: [{times: [{start_time: '00:00', end_time: '01:00'}]}]}]
)");
  At(10, Fires("a"));
  At(10, Fires("b"));
  EXPECT_EQ(FlushAt(10), "");
  At(20, Resolves("b"));
  EXPECT_EQ(FlushAt(3550), "");
  EXPECT_EQ(Next(), 3610);
  EXPECT_EQ(FlushAt(3610), "desk first a+;");
}

TEST_F(NotifierTest, ASilencedAlertIsNotToldAndAnAcknowledgedOneIsNotRepeated) {
  Use(kOne);
  Silence silence;
  silence.id = "1";
  silence.matchers = ParseMatchers("device_id=b").value();
  silence.starts_at_us = kStart;
  silence.ends_at_us = kStart + 10 * kMinute;
  ASSERT_TRUE(notifier_->silences().Add(silence));
  At(0, Fires("a"));
  At(0, Fires("b"));
  EXPECT_EQ(FlushAt(30), "desk first a+;");
  EXPECT_EQ(FlushAt(630), "desk update a+ b+;") << "still firing when the silence ends";
  for (const char* device : {"a", "b"}) {
    Silence acknowledged;
    acknowledged.kind = Silence::Kind::kAcknowledge;
    acknowledged.id = device;
    acknowledged.caught = std::string("f-hot-") + device;
    ASSERT_TRUE(notifier_->silences().Add(acknowledged));
  }
  EXPECT_EQ(FlushAt(4230), "") << "no repeat";
  At(4240, Resolves("a"));
  EXPECT_EQ(FlushAt(4530), "desk resolved a-;") << "its resolution is told";
}

TEST_F(NotifierTest, FlappingIsToldOnceAndTheStateAfterItIsQuiet) {
  Use("route: {receiver: desk, group_wait: 0s, group_interval: 1m}\n"
      "receivers: [{name: desk, webhook_configs: [{url: 'http://x'}]}]\n");
  At(0, Fires("a"));
  EXPECT_EQ(FlushAt(0), "desk first a+;");
  for (int i = 1; i <= 20; ++i) {
    AlertText text = i % 2 == 0 ? Fires("a") : Resolves("a");
    text.flapping = true;
    At(i * 60 + 1, text);
    EXPECT_EQ(FlushAt(i * 60 + 60), i == 1 ? "desk resolved a-~;" : "") << i;
  }
  EXPECT_EQ(FlushAt(20 * 60 + 15 * 60), "") << "15 minutes after the last record less a second";
  EXPECT_EQ(FlushAt(20 * 60 + 16 * 60), "desk update a+;");
}

TEST_F(NotifierTest, OldReadingsMakeOneDigestAndTheirEndIsToldAsUsual) {
  NotifierOptions options;
  options.backlog_age_us = kMinute;
  Use(kOne, options);
  for (const char* device : {"a", "b", "c"}) {
    AlertText text = Fires(device);
    text.time_us = kStart - 2 * kMinute;
    At(0, text);
  }
  AlertText over = Resolves("c");
  over.time_us = kStart - 2 * kMinute;
  At(1, over);
  At(2, Fires("live"));
  const std::vector<Notification> sent = notifier_->Flush(kStart + 300 * kSecond);
  ASSERT_EQ(Show(sent), "desk update a+ b+ live+;desk backlog a+ b+ c-;");
  EXPECT_EQ(sent[1].firing_count, 3u);
  EXPECT_EQ(sent[1].resolved_count, 1u);
  At(400, Resolves("a"));
  EXPECT_EQ(FlushAt(600), "desk update b+ live+ a-;");
}

TEST_F(NotifierTest, AStormIsCollapsedIntoDigestsAndEndsAfterAQuietMinute) {
  NotifierOptions options;
  options.storm_per_minute_of["desk"] = 3;
  Use("route: {receiver: desk, group_by: ['...'], group_wait: 0s, group_interval: 0s}\n"
      "receivers: [{name: desk, webhook_configs: [{url: 'http://x'}]}]\n",
      options);
  for (int i = 0; i < 10; ++i) At(0, Fires("d" + std::to_string(i)));
  EXPECT_EQ(notifier_->Flush(kStart).size(), 3u);
  EXPECT_EQ(Next(), 10);
  const std::vector<Notification> digest = notifier_->Flush(kStart + 10 * kSecond);
  ASSERT_EQ(digest.size(), 1u);
  EXPECT_TRUE(digest[0].digest);
  EXPECT_EQ(digest[0].firing_count, 7u);
  EXPECT_EQ(digest[0].top_rules, (std::vector<std::pair<std::string, std::uint64_t>>{{"hot", 7}}));
  EXPECT_EQ(digest[0].top_devices.size(), 7u);
  At(20, Fires("late"));
  EXPECT_EQ(FlushAt(30), "desk digest late+;");
  EXPECT_EQ(Next(), 70);
  EXPECT_EQ(FlushAt(70), "");
  EXPECT_EQ(FlushAt(130), "") << "a minute below the limit";
  At(131, Fires("calm"));
  EXPECT_EQ(FlushAt(131), "desk first calm+;");
}

TEST_F(NotifierTest, BeyondMaxAlertsTheRestIsCounted) {
  NotifierOptions options;
  options.max_alerts = 2;
  Use(kOne, options);
  for (const char* device : {"a", "b", "c", "d"}) At(0, Fires(device));
  EXPECT_EQ(FlushAt(30), "desk digest a+ b+ c+ d+;");
}

TEST_F(NotifierTest, AnotherConfigurationKeepsWhatWasToldWhereTheRouteStayed) {
  Use(kOne);
  At(0, Fires("a"));
  EXPECT_EQ(FlushAt(30), "desk first a+;");
  std::string changed(kOne);
  changed.replace(changed.find("repeat_interval: 1h"), 19,
                  "repeat_interval: 2h, routes: [{matchers: [device_id=b], receiver: desk}]");
  notifier_->Reconfigure(MakeConfig(changed), kStart + 60 * kSecond);
  EXPECT_EQ(FlushAt(330), "");
  At(340, Resolves("a"));
  EXPECT_EQ(FlushAt(630), "desk resolved a-;");
  At(640, Fires("b"));
  EXPECT_EQ(FlushAt(670), "desk first b+;");
  notifier_->Reconfigure(MakeConfig(kOne), kStart + 700 * kSecond);
  EXPECT_EQ(FlushAt(700), "desk first b+;") << "its route is gone: another group tells it";
}

TEST_F(NotifierTest, AHundredThousandDevicesStayBounded) {
  Use(kOne);
  std::size_t sent = 0;
  AlertMessage alert = MakeAlert({});
  const std::string json = alert.json;
  const auto all_fire = [&] {
    for (int i = 0; i < 100'000; ++i) {
      alert.device_id = std::to_string(100'000 + i);
      alert.fingerprint = "f" + alert.device_id;
      alert.json = json;
      alert.json.replace(json.find("f-hot-a"), 7, alert.fingerprint);
      notifier_->OnAlert(alert, kStart);
    }
  };
  all_fire();
  const std::vector<Notification> first = notifier_->Flush(kStart + 30 * kSecond);
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0].firing_count, 100'000u);
  EXPECT_EQ(first[0].alerts.size(), Notification::kMaxAlerts);
  Use("route: {receiver: desk, group_by: ['...'], group_wait: 0s, group_interval: 0s}\n"
      "receivers: [{name: desk, webhook_configs: [{url: 'http://x'}]}]\n");
  std::uint64_t told = 0;
  all_fire();
  for (int second = 0; second <= 200; second += 10) {
    for (const Notification& one : notifier_->Flush(kStart + second * kSecond)) {
      ++sent;
      told += one.firing_count;
    }
  }
  EXPECT_EQ(told, 100'000u) << "every alert is in a notification or a digest";
  EXPECT_LE(sent, 1010u);
}

}  // namespace
}  // namespace tocsin
