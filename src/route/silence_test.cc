#include "route/silence.h"

#include <gtest/gtest.h>

namespace tocsin {
namespace {

AlertMessage Alert(const std::string& device, bool firing = true) {
  AlertMessage alert;
  alert.fingerprint = "fp-" + device;
  alert.rule = "hot";
  alert.severity = "warning";
  alert.device_id = device;
  alert.firing = firing;
  return alert;
}

Silence Make(Silence::Kind kind, std::string_view matchers, std::int64_t from, std::int64_t to) {
  Silence silence;
  silence.kind = kind;
  silence.id = "00000000000000aa";
  silence.matchers = ParseMatchers(matchers).value();
  silence.starts_at_us = from;
  silence.ends_at_us = to;
  return silence;
}

TEST(SilenceTest, CatchesMatchingAlertsFromItsStartToBeforeItsEnd) {
  SilenceSet set;
  ASSERT_TRUE(set.Add(Make(Silence::Kind::kSilence, "device_id=a", 10, 20)));
  EXPECT_EQ(set.Catches(Alert("a"), 9), "");
  EXPECT_EQ(set.Catches(Alert("a"), 10), "00000000000000aa");
  EXPECT_EQ(set.Catches(Alert("a"), 19), "00000000000000aa");
  EXPECT_EQ(set.Catches(Alert("a"), 20), "");
  EXPECT_EQ(set.Catches(Alert("b"), 15), "");
  EXPECT_EQ(set.Catches(Alert("a", false), 15), "00000000000000aa");
  ASSERT_TRUE(set.Expire("00000000000000aa", 15));
  EXPECT_EQ(set.Catches(Alert("a"), 15), "");
  EXPECT_EQ(set.Expire("nope", 15).error().code(), Code::kNotFound);
}

TEST(SilenceTest, AnAcknowledgementHoldsOneAlertUntilItResolves) {
  SilenceSet set;
  Silence acknowledged;
  acknowledged.kind = Silence::Kind::kAcknowledge;
  acknowledged.id = "1";
  acknowledged.caught = "fp-a";
  ASSERT_TRUE(set.Add(acknowledged));
  EXPECT_EQ(set.Catches(Alert("a"), 100), "1");
  EXPECT_EQ(set.Catches(Alert("b"), 100), "");
  EXPECT_EQ(set.Catches(Alert("a", false), 100), "") << "the resolution is told";
  set.OnResolved(Alert("a", false), 200);
  EXPECT_EQ(set.Catches(Alert("a"), 201), "") << "the next episode is a new one";
}

TEST(SilenceTest, AShelveEndsWhenTheAlertItFirstCaughtResolves) {
  SilenceSet set;
  ASSERT_TRUE(set.Add(Make(Silence::Kind::kShelve, "alertname=hot", 1, 0)));
  EXPECT_EQ(set.CatchesNow(Alert("a"), 5), "00000000000000aa");
  EXPECT_EQ(set.all().begin()->second.caught, "") << "looking binds nothing";
  EXPECT_EQ(set.Catches(Alert("a"), 5), "00000000000000aa");
  EXPECT_EQ(set.Catches(Alert("b"), 6), "00000000000000aa");
  set.OnResolved(Alert("b", false), 7);
  EXPECT_EQ(set.Catches(Alert("c"), 8), "00000000000000aa");
  set.OnResolved(Alert("a", false), 9);
  EXPECT_EQ(set.Catches(Alert("c"), 10), "");
}

TEST(SilenceTest, WhatWouldSilenceEverythingByMistakeIsRefused) {
  SilenceSet set;
  EXPECT_FALSE(set.Add(Make(Silence::Kind::kSilence, "", 1, 2)));
  EXPECT_FALSE(set.Add(Make(Silence::Kind::kSilence, "site=~\".*\"", 1, 2)));
  EXPECT_FALSE(set.Add(Make(Silence::Kind::kSilence, "site=a", 2, 2)));
  EXPECT_FALSE(set.Add(Make(Silence::Kind::kSilence, "site=a", 2, 0)));
  EXPECT_FALSE(set.Add(Make(Silence::Kind::kAcknowledge, "", 1, 0)));
  Silence nameless = Make(Silence::Kind::kSilence, "site=a", 1, 2);
  nameless.id.clear();
  EXPECT_FALSE(set.Add(nameless));
}

TEST(SilenceTest, TheSetIsBounded) {
  SilenceSet set;
  Silence silence = Make(Silence::Kind::kSilence, "site=a", 1, 2);
  for (std::size_t i = 0; i < SilenceSet::kMaxSilences; ++i) {
    silence.id = std::to_string(i);
    ASSERT_TRUE(set.Add(silence));
  }
  EXPECT_TRUE(set.Add(silence)) << "replacing one is always possible";
  silence.id = "one more";
  EXPECT_EQ(set.Add(silence).error().code(), Code::kResourceExhausted);
  set.Sweep(5LL * 24 * 3600 * 1'000'000 + 2);
  EXPECT_EQ(set.all().size(), SilenceSet::kMaxSilences);
  set.Sweep(5LL * 24 * 3600 * 1'000'000 + 3);
  EXPECT_TRUE(set.all().empty());
}

TEST(SilenceTest, ReadsBackFromItsJsonAndItsState) {
  Silence silence = Make(Silence::Kind::kShelve, R"(a="b",c!~"d|e")", 1'000'000, 0);
  silence.created_by = "Ann \"A\"";
  silence.comment = "until Monday\n";
  SilenceSet set;
  ASSERT_TRUE(set.Add(silence));
  SilenceSet back;
  set.Save(false, [&back](std::string_view key, std::string_view value) {
    EXPECT_EQ(key, "s/00000000000000aa");
    EXPECT_TRUE(back.Load(key, value));
  });
  ASSERT_EQ(back.all().size(), 1u);
  EXPECT_EQ(back.all().begin()->second.ToJson(), silence.ToJson());
  int calls = 0;
  set.Save(false, [&calls](std::string_view, std::string_view) { ++calls; });
  EXPECT_EQ(calls, 0) << "nothing changed since";
  EXPECT_FALSE(back.Load("s/x", "{"));
  EXPECT_FALSE(back.Load("s/other", silence.ToJson()));
  EXPECT_FALSE(Silence::FromJson(R"({"kind":"nap"})"));
  EXPECT_FALSE(Silence::FromJson(R"({"matchers":[{"name":"a","value":"(","isRegex":true}]})"));
}

}  // namespace
}  // namespace tocsin
