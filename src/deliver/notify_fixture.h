#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/time_text.h"
#include "deliver/notify_stage.h"
#include "log_backends/memory_log.h"
#include "stage/runner.h"
#include "stage/test_log.h"

namespace tocsin::test {

// A service with fault switches: remembers what arrived.
class FakeService {
 public:
  struct Arrival {
    std::string id;
    std::string body;
    std::uint32_t attempt = 0;
    bool possible_repeat = false;
  };
  // The answer to a request, by its context; delivered when not set.
  std::function<SendResult(const SendContext&)> answer;
  bool deduplicates = true;
  bool refuses_to_render = false;

  SendResult Receive(const RenderedMessage& message, const SendContext& context) {
    const SendResult result = answer ? answer(context) : SendResult{};
    const std::lock_guard lock(mutex_);
    arrivals_.push_back(
        {context.delivery_id, message.body, context.attempt, context.possible_repeat});
    changed_.notify_all();
    return result;
  }
  std::vector<Arrival> arrivals() {
    const std::lock_guard lock(mutex_);
    return arrivals_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Arrival> arrivals_;
};

class FakeChannel final : public Channel {
 public:
  explicit FakeChannel(FakeService& service) : service_(service) {}
  Result<RenderedMessage> Render(const Notification& notification) const override {
    if (service_.refuses_to_render) return Fail(Code::kInvalidArgument, "no such field");
    std::string body = notification.digest ? "digest" : "";
    for (const AlertMessage& alert : notification.alerts) {
      body += alert.rule + (alert.firing ? "+" : "-") + alert.device_id + " ";
    }
    return RenderedMessage{.content_type = "text/plain", .body = body, .headers = {}};
  }
  SendResult Send(const RenderedMessage& message, const SendContext& context,
                  HttpClient&) override {
    return service_.Receive(message, context);
  }
  bool deduplicates() const override { return service_.deduplicates; }

 private:
  FakeService& service_;
};

inline std::string AlertJson(const std::string& device, bool firing, std::int64_t at_us,
                             const std::string& fingerprint) {
  const std::string at = FormatTime(at_us);
  std::string json = R"({"id":"id)" + fingerprint + R"(","fingerprint":")" + fingerprint +
                     R"(","rule":"hot","severity":"warning","state":")" +
                     (firing ? "firing" : "resolved") + R"(","device_id":")" + device +
                     R"(","timestamp":")" + at + R"(","active_at":")" + at + R"(","starts_at":")" +
                     at + R"(","ends_at":)" + (firing ? "null" : "\"" + at + "\"") +
                     R"(,"event_count":1,"value":60.0,"labels":{},"annotations":{}})";
  return json;
}

// One receiver `default` with the named channels, each alert by itself and at once.
inline RouteConfig RoutesWith(const std::vector<std::string>& channels,
                              const std::string& kind = "fake") {
  RouteConfig routes;
  routes.route.id = "0";
  routes.route.receiver = "default";
  routes.route.group_by_all = true;
  routes.route.group_wait_us = routes.route.group_interval_us = 0;
  Receiver receiver{.name = "default", .channels = {}};
  for (const std::string& name : channels) {
    ChannelConfig config;
    config.kind = kind;
    config.name = name;
    receiver.channels.push_back(config);
  }
  routes.receivers.push_back(std::move(receiver));
  return routes;
}

// A stage with fake services on a memory log, its clock set by hand. Step() is what a runner does
// once: tick, commit, hand over.
class NotifyTest : public testing::Test {
 protected:
  NotifyTest() {
    Must(log_->EnsureTopic("iot.alerts", {.partitions = 1}));
    options_.channels = [this](const ChannelConfig& config,
                               const ChannelEnvironment&) -> Result<MadeChannel> {
      return MadeChannel{.channel = std::make_shared<FakeChannel>(services_[config.name]),
                         .rate_per_minute = rate_};
    };
    options_.stop_grace_us = 60'000'000;
  }

  void Start(const std::vector<std::string>& channels) {
    stage_.reset();
    options_.routes = RoutesWith(channels, kind_);
    stage_ = Must(NotifyStage::Make(options_, clock_, random_, metrics_));
    stage_->SetWaker([this] {
      const std::lock_guard lock(mutex_);
      woken_ = true;
      wake_.notify_all();
    });
    Must(stage_->Restore(
        0, [&](const Stage::StateVisitor& visit) { return log_->ReadState("notify", 0, visit); }));
  }

  void Alert(const std::string& device, bool firing = true) {
    AppendValues(*log_, "iot.alerts", 0,
                 {AlertJson(device, firing, clock_.WallUs(), "f" + device)});
  }
  // Reads what is new in the topic.
  void Read() {
    Collector collector;
    const PartitionOffsets offsets = Must(log_->Offsets({"iot.alerts", 0}));
    while (next_ < offsets.latest) {
      for (const auto& batch : Must(log_->Fetch({"iot.alerts", 0}, next_, 1 << 20))) {
        const auto first = static_cast<std::uint32_t>(next_ - batch->base_offset());
        Must(stage_->Process({{"iot.alerts", 0}, batch, first, batch->count() - first}, collector));
        next_ = batch->end_offset();
      }
    }
  }
  void Commit() {
    Collector collector;
    Must(stage_->Flush(collector));
    const auto transaction = Must(log_->Begin());
    transaction->CommitOffset("notify", {"iot.alerts", 0}, next_);
    Must(collector.MoveInto(*transaction, "notify"));
    Must(transaction->Commit());
    committed_ = next_;
  }
  Stage::TickResult Step(bool hand_over = true) {
    Read();
    Collector collector;
    const auto ticked =
        Must(stage_->Tick({.wall_us = clock_.WallUs(), .caught_up = true}, collector));
    if (ticked.changed) {
      Commit();
      if (hand_over) stage_->Committed();
    }
    return ticked;
  }
  // Steps, in step with the workers, until `done`; fails after a minute of real time.
  void StepUntil(const std::function<bool()>& done) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    for (;;) {
      const Stage::TickResult ticked = Step();
      if (done()) return;
      if (ticked.next_us <= clock_.WallUs()) continue;  // as the runner does
      std::unique_lock lock(mutex_);
      ASSERT_TRUE(wake_.wait_until(lock, deadline, [this] { return std::exchange(woken_, false); }))
          << "nothing happened within a minute";
    }
  }
  void Settle() {
    StepUntil([this] { return stage_->Idle(); });
  }
  // The process dies: what is not committed is gone.
  void Crash(const std::vector<std::string>& channels) {
    stage_.reset();
    next_ = committed_;
    Start(channels);
  }
  std::string List() {
    Result<std::string> listed = Fail(Code::kInternal, "");
    Ask([&] { listed = stage_->DeliveriesJson({}); });
    return listed.value_or("");
  }
  // Runs a desk call in another thread while this one steps.
  void Ask(const std::function<void()>& call) {
    std::atomic<bool> done{false};
    std::jthread asker([&] {
      call();
      done = true;
      const std::lock_guard lock(mutex_);
      woken_ = true;
      wake_.notify_all();
    });
    StepUntil([&] { return done.load(); });
  }
  static std::size_t Count(const std::string& text, const std::string& part) {
    std::size_t count = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
      ++count;
    }
    return count;
  }

  ManualClock clock_{1'800'000'000'000'000};
  SeededRandom random_{7};
  Metrics metrics_;
  std::unique_ptr<MemoryLog> log_ = MemoryLog::Make(clock_);
  std::map<std::string, FakeService> services_;
  std::uint32_t rate_ = 0;
  std::string kind_ = "fake";
  NotifyOptions options_;
  std::int64_t next_ = 0;
  std::int64_t committed_ = 0;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool woken_ = false;
  std::unique_ptr<NotifyStage> stage_;  // last: its workers use the above
};

}  // namespace tocsin::test
