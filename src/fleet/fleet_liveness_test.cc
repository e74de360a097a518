#include "fleet/fleet_liveness.h"

#include <gtest/gtest.h>

#include <map>

namespace tocsin {
namespace {

constexpr std::int64_t kSecond = 1'000'000;

// One partition of devices by number: times in seconds.
class FleetLivenessTest : public testing::Test, protected FleetSink {
 protected:
  void Start(const std::string& devices_yaml, FleetOptions options = {}) {
    std::vector<Diagnostic> diagnostics;
    auto directory = FleetDirectory::Parse(devices_yaml, "fleet.yaml", diagnostics);
    ASSERT_TRUE(directory) << directory.error().message();
    directory_ = std::move(*directory);
    options_ = options;
    Open();
  }
  // A new process: only the state that was put is left.
  void Open() {
    fleet_ = std::make_unique<FleetLiveness>(*directory_, watched_ ? &options_ : nullptr);
    part_ = &fleet_->Add(0);
  }
  void Restart() {
    Flush();
    RestoreInto([this] { Open(); });
  }
  template <class Reopen>
  void RestoreInto(const Reopen& reopen) {
    std::map<std::uint32_t, std::pair<std::int64_t, float>> devices;
    for (const auto& [code, last] : last_) devices[code] = {last, part_->cadence(code)};
    reopen();
    for (const auto& [key, value] : state_) {
      ASSERT_TRUE(part_->Restore(key, value, [this](std::string_view& id) {
        const std::uint32_t code = CodeOf(std::string(id));
        id = ids_[code];
        return code;
      }));
    }
    for (const auto& [code, device] : devices) {
      part_->RestoreDevice(code, ids_[code], device.first, device.second);
    }
  }
  void Flush() {
    part_->Flush(false, [this](std::string_view key, std::string_view value) {
      if (value.empty()) {
        state_.erase(std::string(key));
      } else {
        state_[std::string(key)] = value;
      }
    });
  }
  std::uint32_t CodeOf(const std::string& id) {
    for (std::uint32_t code = 0; code < ids_.size(); ++code) {
      if (ids_[code] == id) return code;
    }
    ids_.push_back(id);
    return static_cast<std::uint32_t>(ids_.size() - 1);
  }
  void Event(const std::string& id, std::int64_t seconds) {
    part_->Advance(seconds * kSecond, *this);
    const std::uint32_t code = CodeOf(id);
    last_[code] = seconds * kSecond;
    part_->OnEvent(code, ids_[code], seconds * kSecond, *this);
  }
  void Expect(const std::string& id) {
    const std::uint32_t code = CodeOf(id);
    part_->Expect(code, ids_[code]);
  }
  void Time(std::int64_t seconds) { part_->Advance(seconds * kSecond, *this); }
  void OnFleetChange(const FleetChange& change) override {
    changes_.push_back((change.firing ? "firing " : "resolved ") + std::string(change.rule) + " " +
                       std::string(change.name) + " " + std::to_string(change.t_us / kSecond));
  }
  std::vector<std::string> Changes() { return std::exchange(changes_, {}); }

  using Strings = std::vector<std::string>;
  bool watched_ = true;
  FleetOptions options_;
  std::unique_ptr<FleetDirectory> directory_;
  std::unique_ptr<FleetLiveness> fleet_;
  FleetPartition* part_ = nullptr;
  std::deque<std::string> ids_;
  std::map<std::uint32_t, std::int64_t> last_;
  std::map<std::string, std::string> state_;
  Strings changes_;
};

constexpr std::string_view kTwoGateways =
    "devices:\n"
    "  - {match: \"a.*\", labels: {gateway: ga, site: s}}\n"
    "  - {match: \"b.*\", labels: {gateway: gb, site: s}}\n"
    "  - {match: \"lone.*\", labels: {}}\n";

TEST_F(FleetLivenessTest, ADeviceIsSilentAfterThreeCadencesAndBackWithItsNextEvent) {
  Start("devices: []");
  for (int i = 0; i <= 4; ++i) Event("lone", i * 100);
  Time(699);
  EXPECT_EQ(Changes(), Strings{});
  Time(700);
  EXPECT_EQ(Changes(), Strings{"firing device_silent lone 700"});
  Time(5000);
  EXPECT_EQ(Changes(), Strings{}) << "once";
  Event("lone", 5001);
  EXPECT_EQ(Changes(), Strings{"resolved device_silent lone 5001"});
  EXPECT_EQ(fleet_->silent(), 0);
}

TEST_F(FleetLivenessTest, TheTimeOfAnAlertIsItsDueTimeHoweverLateTheClockIs) {
  Start("devices: []");
  Event("lone", 0);
  Time(4000);
  EXPECT_EQ(Changes(), Strings{"firing device_silent lone 600"});
}

TEST_F(FleetLivenessTest, FiveHundredDevicesBehindASilentGatewayAreOneAlert) {
  Start(std::string(kTwoGateways));
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < 500; ++i) Event("a" + std::to_string(i), round * 60 + i / 10);
    for (int i = 0; i < 3; ++i) Event("b" + std::to_string(i), round * 60 + 50 + i);
  }
  for (int t = 300; t <= 1200; t += 20) {
    for (int i = 0; i < 3; ++i) Event("b" + std::to_string(i), t + i);
  }
  const Strings changes = Changes();
  ASSERT_EQ(changes.size(), 1u) << changes[1];
  EXPECT_TRUE(changes[0].starts_with("firing gateway_silent ga ")) << changes[0];
  // All of them come back, one after the other: one end.
  for (int i = 0; i < 500; ++i) {
    Event("a" + std::to_string(i), 1230 + i / 10);
    if (i % 100 == 0) {
      for (int b = 0; b < 3; ++b) Event("b" + std::to_string(b), 1230 + i / 10);
    }
  }
  EXPECT_EQ(Changes(), Strings{"resolved gateway_silent ga 1230"});
  Time(1300);
  EXPECT_EQ(Changes(), Strings{});
}

TEST_F(FleetLivenessTest, OneSilentDeviceOfALiveGatewayHasItsOwnAlert) {
  Start(std::string(kTwoGateways));
  for (int t = 0; t <= 1000; t += 20) {
    Event("a1", t);
    Event("a2", t + 5);
    if (t < 400) Event("a3", t + 10);
  }
  EXPECT_EQ(Changes(), Strings{"firing device_silent a3 450"});
}

TEST_F(FleetLivenessTest, WhoStaysAwayWhenTheGatewayReturnsHasItsOwnAlertThen) {
  Start(std::string(kTwoGateways));
  for (int t = 0; t <= 300; t += 20) {
    Event("a1", t);
    Event("a2", t + 5);
    Event("lone", t + 7);
  }
  for (int t = 320; t <= 1000; t += 20) Event("lone", t);
  EXPECT_EQ(Changes(), Strings{"firing site_silent s 365"});
  for (int t = 1000; t <= 1200; t += 20) {
    Event("a1", t);
    Event("lone", t + 1);
  }
  EXPECT_EQ(Changes(), (Strings{"resolved site_silent s 1000", "firing device_silent a2 1060"}));
}

TEST_F(FleetLivenessTest, ASilentSiteIsOneAlertWithoutItsGateways) {
  Start(std::string(kTwoGateways));
  for (int t = 0; t <= 300; t += 20) {
    for (const char* id : {"a1", "a2", "b1", "b2", "lone"}) Event(id, t);
  }
  for (int t = 320; t <= 1000; t += 20) Event("lone", t);
  EXPECT_EQ(Changes(), Strings{"firing site_silent s 360"});
  for (const char* id : {"a1", "a2", "b1"}) Event(id, 1000);
  EXPECT_EQ(Changes(), Strings{"resolved site_silent s 1000"});
}

TEST_F(FleetLivenessTest, AnExpectedDeviceThatNeverCameCountsFromTheFirstStart) {
  FleetOptions fixed;
  fixed.cadences = 0;
  fixed.fixed_us = 60 * kSecond;
  Start("devices: [{id: ghost}]", fixed);
  Expect("ghost");
  Event("lone", 1000);
  Event("lone", 1030);
  EXPECT_EQ(Changes(), Strings{});
  Restart();
  Expect("ghost");
  Event("lone", 1060);
  EXPECT_EQ(Changes(), Strings{"firing device_silent ghost 1060"});
  Restart();
  Expect("ghost");
  Event("lone", 1100);
  EXPECT_EQ(Changes(), Strings{});
  Event("ghost", 1110);
  EXPECT_EQ(Changes(), Strings{"resolved device_silent ghost 1110"});
}

TEST_F(FleetLivenessTest, ARestartAnywhereChangesNothing) {
  const auto run = [this](int restart_at) {
    state_.clear();
    last_.clear();
    ids_.clear();
    Start(std::string(kTwoGateways));
    int step = 0;
    const auto event = [&](const char* id, std::int64_t t) {
      if (step++ == restart_at) Restart();
      Event(id, t);
    };
    for (int t = 0; t <= 1500; t += 20) {
      event("lone", t + 7);
      if (t <= 300 || t >= 900) event("a1", t);
      if (t <= 300) event("a2", t + 3);
      if (t <= 500 || t >= 1200) event("b1", t + 4);
      event("b2", t + 5);
    }
    return Changes();
  };
  const Strings whole = run(-1);
  EXPECT_GT(whole.size(), 3u);
  for (int step = 0; step < 330; step += 1) {
    EXPECT_EQ(run(step), whole) << "restart before event " << step;
  }
}

TEST_F(FleetLivenessTest, WhatIsSilentIsResolvedWhenNothingIsWatchedAnyMore) {
  Start(std::string(kTwoGateways));
  Event("lone", 0);
  Event("a1", 1);
  Event("a2", 1);
  Time(700);
  EXPECT_EQ(Changes().size(), 2u);
  watched_ = false;
  Restart();
  Time(701);
  EXPECT_EQ(Changes().size(), 2u) << "both are resolved";
  EXPECT_EQ(fleet_->silent(), 0);
}

TEST_F(FleetLivenessTest, WhatWasNotStoredIsForgottenWithItsPartition) {
  FleetOptions options;
  options.levels = {"gateway"};
  Start(std::string(kTwoGateways), options);
  for (int t = 0; t <= 300; t += 60) {
    for (const char* id : {"a1", "a2", "b1", "b2"}) Event(id, t);
  }
  for (int t = 360; t <= 420; t += 60) {
    for (const char* id : {"b1", "b2"}) Event(id, t);
  }
  Flush();
  Time(500);
  const Strings once = {"firing gateway_silent ga 480"};
  EXPECT_EQ(Changes(), once);
  // Another process took the partition before this was stored, and gave it back.
  RestoreInto([this] {
    fleet_->Remove(0);
    EXPECT_EQ(fleet_->silent(), 0);
    part_ = &fleet_->Add(0);
  });
  Time(500);
  EXPECT_EQ(Changes(), once);
}

}  // namespace
}  // namespace tocsin
