#include <gtest/gtest.h>

#include "deliver/notify_fixture.h"

namespace tocsin {
namespace {

using test::NotifyTest;

class NotifyDeskTest : public NotifyTest {
 protected:
  std::string FirstId() {
    const std::string listed = List();
    const std::size_t at = listed.find(R"("id":")") + 6;
    return listed.substr(at, 16);
  }
};

SendResult Refused() {
  return {.outcome = SendResult::Outcome::kDead, .status = 400, .message = "bad"};
}

TEST_F(NotifyDeskTest, ADeadDeliveryIsSentAgainWithItsId) {
  bool refuse = true;
  services_["a"].answer = [&](const SendContext&) { return refuse ? Refused() : SendResult{}; };
  Start({"a"});
  Alert("dev_1");
  Settle();
  const std::string id = FirstId();
  refuse = false;
  Ask([&] { EXPECT_TRUE(stage_->Redeliver(id)); });
  Settle();
  const auto arrivals = services_["a"].arrivals();
  ASSERT_EQ(arrivals.size(), 2u);
  EXPECT_EQ(arrivals[0].id, arrivals[1].id);
  Ask([&] {
    const std::string shown = stage_->DeliveryJson(id).value_or("");
    EXPECT_NE(shown.find(R"("state":"done")"), std::string::npos) << shown;
    EXPECT_NE(shown.find(R"("body":"hot+dev_1 ")"), std::string::npos) << shown;
    EXPECT_EQ(Count(shown, R"("outcome":)"), 2u) << shown;
    EXPECT_EQ(stage_->Redeliver("nope").error().code(), Code::kNotFound);
  });
}

TEST_F(NotifyDeskTest, ATestTellsTheOutcomeAndEnablesADisabledChannel) {
  bool gone = true;
  services_["a"].answer = [&](const SendContext&) {
    return gone
               ? SendResult{.outcome = SendResult::Outcome::kDisabled, .status = 410, .message = {}}
               : SendResult{};
  };
  Start({"a"});
  Alert("dev_1");
  Settle();
  gone = false;
  Ask([&] {
    const std::string outcome = stage_->TestChannel("a").value_or("");
    EXPECT_NE(outcome.find(R"("outcome":"delivered")"), std::string::npos) << outcome;
    EXPECT_EQ(stage_->TestChannel("b").error().code(), Code::kNotFound);
    const std::string channels = stage_->ChannelsJson().value_or("");
    EXPECT_NE(channels.find(R"("disabled":false)"), std::string::npos) << channels;
  });
}

TEST_F(NotifyDeskTest, ASilenceHoldsOnceItIsAnsweredEvenOverACrash) {
  Start({"a"});
  Silence silence;
  silence.id = "0123456789abcdef";
  silence.matchers = ParseMatchers("device_id=dev_1").value();
  silence.starts_at_us = clock_.WallUs();
  silence.ends_at_us = clock_.WallUs() + 3'600'000'000;
  Ask([&] { EXPECT_TRUE(stage_->AddSilence(silence)); });
  Crash({"a"});
  Alert("dev_1");
  Alert("dev_2");
  Settle();
  ASSERT_EQ(services_["a"].arrivals().size(), 1u);
  EXPECT_EQ(services_["a"].arrivals()[0].body, "hot+dev_2 ");
  Ask([&] {
    EXPECT_EQ(Count(stage_->AlertsJson().value_or(""), R"("silenced_by":"0123456789abcdef")"), 1u);
    EXPECT_EQ(Count(stage_->SilencesJson().value_or(""), R"("0123456789abcdef")"), 1u);
    EXPECT_TRUE(stage_->ExpireSilence(silence.id));
    EXPECT_EQ(stage_->ExpireSilence("none").error().code(), Code::kNotFound);
  });
}

TEST_F(NotifyDeskTest, OnlyAnAlertThatFiresCanBeAcknowledged) {
  Start({"a"});
  Alert("dev_1");
  Alert("dev_2");
  Settle();
  const auto acknowledge = [&](const std::string& fingerprint) {
    Silence silence;
    silence.kind = Silence::Kind::kAcknowledge;
    silence.id = "id_" + fingerprint;
    silence.starts_at_us = clock_.WallUs();
    silence.caught = fingerprint;
    Status status;
    Ask([&] { status = stage_->AddSilence(silence); });
    return status;
  };
  EXPECT_TRUE(acknowledge("fdev_1"));
  const Status unknown = acknowledge("fdev_9");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code(), Code::kNotFound);
  EXPECT_NE(unknown.error().message().find("'fdev_9'"), std::string::npos);
  EXPECT_NE(unknown.error().message().find("silence alerts"), std::string::npos);
  Ask([&] { EXPECT_EQ(Count(stage_->SilencesJson().value_or(""), R"("acknowledge")"), 1u); });

  // One that has resolved is held until its end is told.
  RouteConfig slower = test::RoutesWith({"a"});
  slower.route.group_interval_us = 300'000'000;
  Ask([&] { EXPECT_TRUE(stage_->Reconfigure(slower)); });
  Alert("dev_3");
  Settle();
  Alert("dev_3", false);
  Step();
  EXPECT_EQ(acknowledge("fdev_3").error().code(), Code::kFailedPrecondition);
}

TEST_F(NotifyDeskTest, AReloadKeepsRowsAndReachesNewChannels) {
  Start({"a"});
  Alert("dev_1");
  Settle();
  Ask([&] { EXPECT_TRUE(stage_->Reconfigure(test::RoutesWith({"a", "b"}))); });
  Alert("dev_2");
  Settle();
  EXPECT_EQ(services_["a"].arrivals().size(), 2u);
  EXPECT_EQ(services_["b"].arrivals().size(), 1u);
}

TEST_F(NotifyDeskTest, AfterTheEndEveryRequestIsRefused) {
  Start({"a"});
  Step();
  Collector collector;
  test::Must(stage_->Finish(collector));
  EXPECT_EQ(stage_->ChannelsJson().error().code(), Code::kUnavailable);
}

TEST_F(NotifyDeskTest, WithoutARunnerTheCallerIsAnsweredAtOnce) {
  options_.desk_only = true;
  Start({"a"});
  EXPECT_EQ(stage_->DeliveriesJson({}).value_or(""), "[]");
  const std::string outcome = stage_->TestChannel("a").value_or("");
  EXPECT_NE(outcome.find(R"("outcome":"delivered")"), std::string::npos) << outcome;
}

}  // namespace
}  // namespace tocsin
