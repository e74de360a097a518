#include "deliver/outbox.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace tocsin {
namespace {

Delivery Row(const std::string& id, const std::string& channel, const std::string& group) {
  Delivery row;
  row.id = id;
  row.channel = channel;
  row.group_key = group;
  row.message = {.content_type = "text/plain", .body = "body of " + id, .headers = {{"X", id}}};
  row.queued_us = row.due_us = 100;
  return row;
}

using StateMap = std::map<std::string, std::string>;
Outbox::Put Into(StateMap& state) {
  return [&state](std::string_view key, std::string_view value) {
    if (value.empty()) {
      state.erase(std::string(key));
    } else {
      state[std::string(key)] = value;
    }
  };
}

TEST(OutboxTest, RowsOfOneGroupLeaveInTheirOrder) {
  Outbox outbox;
  outbox.Add(Row("fired", "c", "g"));
  outbox.Add(Row("resolved", "c", "g"));
  outbox.StartSending("fired");
  EXPECT_EQ(outbox.Next("c"), nullptr);
  outbox.Requeue("fired", 9'000, true, false);
  EXPECT_EQ(outbox.Next("c")->id, "fired");  // though the other is due earlier
  outbox.StartSending("fired");
  outbox.End("fired", Delivery::State::kDone, 10'000);
  EXPECT_EQ(outbox.Next("c")->id, "resolved");
}

TEST(OutboxTest, AGroupThatWaitsDoesNotHoldAnother) {
  Outbox outbox;
  outbox.Add(Row("a", "c", "g1"));
  outbox.Add(Row("b", "c", "g2"));
  outbox.Requeue("a", 9'000, true, false);
  EXPECT_EQ(outbox.Next("c")->id, "b");
}

TEST(OutboxTest, WhatWasBeingSentIsQueuedAgainAndMarkedAfterARestart) {
  Outbox outbox;
  outbox.Add(Row("a", "c", "g"));
  outbox.StartSending("a");
  StateMap state;
  outbox.Save(false, Into(state));
  Outbox again;
  for (const auto& [key, value] : state) ASSERT_TRUE(again.Load(key, value));
  EXPECT_EQ(again.Loaded(), 1u);
  const Delivery& row = *again.Find("a");
  EXPECT_EQ(row.state, Delivery::State::kQueued);
  EXPECT_TRUE(row.maybe_sent);
  EXPECT_EQ(row.attempts, 1u);
  EXPECT_EQ(row.message.body, "body of a");
}

TEST(OutboxTest, AChangeOfStateDoesNotWriteTheMessageAgain) {
  Outbox outbox;
  outbox.Add(Row("a", "c", "g"));
  StateMap state;
  outbox.Save(false, Into(state));
  EXPECT_TRUE(state.contains("m/a"));
  state.clear();
  outbox.StartSending("a");
  outbox.Save(false, Into(state));
  EXPECT_TRUE(state.contains("d/a"));
  EXPECT_FALSE(state.contains("m/a"));
}

TEST(OutboxTest, TheHistoryIsBoundedAndLosesItsMessagesFirst) {
  Outbox outbox;
  for (std::size_t i = 0; i < Outbox::kKeepEnded + 50; ++i) {
    const std::string id = std::to_string(i);
    outbox.Add(Row(id, "c", id));
    outbox.End(id, Delivery::State::kDone, 200);
  }
  outbox.Trim(300);
  EXPECT_EQ(outbox.CountsOf("c").done, Outbox::kKeepEnded);
  std::size_t with_message = 0;
  outbox.VisitNewest([&](const Delivery& row) {
    with_message += row.has_message ? 1 : 0;
    return true;
  });
  EXPECT_EQ(with_message, Outbox::kKeepMessages);
  outbox.Trim(300 + Outbox::kKeepUs);
  EXPECT_EQ(outbox.CountsOf("c").done, 0u);
  EXPECT_EQ(outbox.CountsOf("c").bytes, 0u);
}

TEST(OutboxTest, RedeliveryTakesOnlyWhatHasEndedAndHasItsMessage) {
  Outbox outbox;
  outbox.Add(Row("a", "c", "g"));
  EXPECT_EQ(outbox.Redeliver("a", 500).error().code(), Code::kFailedPrecondition);
  EXPECT_EQ(outbox.Redeliver("b", 500).error().code(), Code::kNotFound);
  outbox.End("a", Delivery::State::kDone, 400);
  ASSERT_TRUE(outbox.Redeliver("a", 500));
  EXPECT_EQ(outbox.Next("c")->id, "a");
  EXPECT_TRUE(outbox.Find("a")->maybe_sent);
  EXPECT_EQ(outbox.Find("a")->queued_us, 500);
}

TEST(OutboxTest, DamagedBytesAreRefusedAndNeverCrash) {
  const std::string good = EncodeDelivery(Row("a", "c", "g"));
  Delivery read;
  ASSERT_TRUE(DecodeDelivery(good, read));
  for (std::size_t size = 0; size < good.size(); ++size) {
    Delivery part;
    EXPECT_FALSE(DecodeDelivery(good.substr(0, size), part)) << size;
  }
}

RC_GTEST_PROP(OutboxTest, DeltasAndSnapshotGiveTheSameRows, ()) {
  Outbox outbox;
  StateMap deltas;
  std::vector<std::string> ids;
  const auto steps = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 6));
  for (const int step : steps) {
    if (step == 0 || ids.empty()) {
      ids.push_back("id" + std::to_string(ids.size()));
      outbox.Add(Row(ids.back(), "c" + std::to_string(ids.size() % 2),
                     "g" + std::to_string(ids.size() % 3)));
      continue;
    }
    const std::string id = *rc::gen::elementOf(ids);
    const Delivery::State state = outbox.Find(id)->state;
    if (step == 1 && state == Delivery::State::kQueued) outbox.StartSending(id);
    if (step == 2 && state == Delivery::State::kSending) outbox.Requeue(id, 777, true, false);
    if (step == 3 && state == Delivery::State::kSending) {
      outbox.End(id, Delivery::State::kDone, 888);
    }
    if (step == 4) static_cast<void>(outbox.Redeliver(id, 999));
    if (step == 5) outbox.Save(false, Into(deltas));
  }
  outbox.Save(false, Into(deltas));
  StateMap snapshot;
  outbox.Save(true, Into(snapshot));
  RC_ASSERT(deltas == snapshot);
  const Outbox::Counts counts = outbox.Total();
  RC_ASSERT(counts.queued + counts.sending + counts.done + counts.dead == ids.size());
}

}  // namespace
}  // namespace tocsin
