#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "deliver/channel_counters.h"
#include "deliver/channel_pace.h"
#include "deliver/channel_worker.h"
#include "deliver/outbox.h"
#include "metrics/metrics.h"
#include "route/notifier.h"

namespace tocsin {

// A channel and how fast it may go.
struct MadeChannel {
  std::shared_ptr<Channel> channel;
  std::uint32_t rate_per_minute = 600;
};
using ChannelFactory =
    std::function<Result<MadeChannel>(const ChannelConfig&, const ChannelEnvironment&)>;
// The kinds of src/channels; the option `rate_per_minute` of a channel overrides its kind's rate.
ChannelFactory ProductionChannels();
// kConfiguration with the mistakes of the template files, one a line.
Status CheckTemplates(const RouteConfig& routes);
// kConfiguration with those and every mistake of every channel.
Status CheckChannels(const RouteConfig& routes, const ChannelEnvironment& environment);

// From notifications to attempts: owns the outbox, the pace of each channel and the workers.
//
// Everything that Step() decides is state to commit; the jobs it starts go to the workers in
// Committed(), and what the workers answer is taken up by the next Step().
//
// Threads: none but the owner's; the workers only put outcomes into a queue and call `wake`.
class Dispatcher {
 public:
  // Attempts of one channel that may be under way; 1 where the service does not deduplicate, so
  // that a crash leaves at most one message in doubt.
  static constexpr std::size_t kWindow = 8;
  // Rows of a disabled channel that one Step ends, so that its commit stays small.
  static constexpr std::size_t kBuryAtOnce = 1000;

  Dispatcher(ChannelEnvironment environment, ChannelFactory factory, std::int64_t max_age_us,
             std::uint64_t outbox_bytes, const Clock& clock, RandomSource& random,
             Metrics& metrics);
  ~Dispatcher();
  void SetWaker(std::function<void()> wake);

  // The channels from now on. kConfiguration with the mistakes of all: nothing has changed. Rows of
  // a channel that is gone stay until it comes back or their age is over.
  Status Configure(const RouteConfig& routes);

  // Each receiver that is not in `limits` gets the rate of its slowest channel.
  void LimitStorms(std::map<std::string, std::uint32_t>& limits) const;

  void Enqueue(const Notification& notification, std::int64_t now_us);
  // Takes up outcomes, ends what is too old, picks what is due. Returns the wall time of the next
  // Step that may be needed.
  std::int64_t Step(std::int64_t now_us);
  void Committed();
  // Ends the workers: what is under way may take `grace_us`, then it is cancelled; what came of it
  // is in the state.
  void Finish(std::int64_t grace_us, std::int64_t now_us);
  // No row of a channel that exists waits for its first attempt since the start, is being sent or
  // waits to be ended because its channel is.
  bool Idle() const;
  bool changed() const { return outbox_.changed() || !changed_lanes_.empty(); }

  // The desk.
  std::string ListJson(std::string_view state, std::string_view channel, std::size_t max) const;
  Result<std::string> ShowJson(std::string_view id) const;
  Status Redeliver(std::string_view id, std::int64_t now_us);
  std::string ChannelsJson(std::int64_t now_us) const;
  Status Enable(std::string_view channel);
  // One message of a sample notification to the channel. `done` gets the outcome; by Step(), or
  // before this returns when `here` (no worker then).
  using TestDone = std::function<void(Result<SendResult>)>;
  void Test(std::string_view channel, std::int64_t now_us, bool here, TestDone done);
  void FailTests(const Error& error);

  // Keyed state: the outbox's and "c/" (one entry a channel).
  void Save(bool everything, const Outbox::Put& put);
  bool Load(std::string_view key, std::string_view value);
  void Loaded();
  void Clear();

  const Outbox& outbox() const { return outbox_; }
  // Channels of `receiver`, by name.
  std::vector<std::string> ChannelsOf(std::string_view receiver) const;

 private:
  // Of a channel, durable.
  struct LaneState {
    explicit LaneState(std::uint32_t rate_per_minute) : pace(rate_per_minute) {}
    ChannelPace pace;
    bool disabled = false;
    // Not queued because the channel's share of the outbox was full; told by a digest.
    std::uint64_t left_out = 0, left_out_firing = 0, left_out_resolved = 0;
    // Dead letters that no meta-alert has told of.
    std::uint64_t untold_dead = 0;
    std::int64_t told_us = 0;
    std::string last_reason;
    std::uint64_t delivered = 0, failed_attempts = 0, dead = 0;
  };
  struct Lane {
    ChannelConfig config;
    std::string receiver;
    MadeChannel made;
    std::unique_ptr<ChannelWorker> worker;  // made with the first job
    std::size_t tests = 0;
  };

  LaneState& StateOf(const std::string& channel);
  ChannelWorker& WorkerOf(const std::string& name, Lane& lane);
  Status MakeLanes(const RouteConfig& routes, std::map<std::string, Lane>& lanes);
  void EnqueueOn(const std::string& name, Lane& lane, const Notification& notification, bool meta,
                 std::int64_t now_us);
  bool HasRoom(const std::string& name, std::uint64_t bytes) const;
  std::string NewId(const Notification& notification, std::string_view channel) const;
  void TakeOutcomes(std::int64_t now_us);
  void Apply(const SendOutcome& outcome, std::int64_t now_us);
  void ApplyTest(const SendOutcome& outcome);
  void Retry(const Delivery& row, const SendOutcome& outcome, std::int64_t now_us);
  void Bury(const std::string& id, const std::string& reason, std::int64_t now_us);
  void EndAsDead(const Delivery& row, const std::string& reason, std::int64_t now_us);
  void Disable(const std::string& channel);
  std::int64_t BuryDisabled(std::int64_t now_us);
  std::int64_t Expire(std::int64_t now_us);
  std::int64_t TellOfTheDead(std::int64_t now_us);
  void TellOfTheLeftOut(std::int64_t now_us);
  std::vector<std::string> HealthyChannels(const std::string& except) const;
  std::int64_t Pick(const std::string& name, Lane& lane, std::int64_t now_us);
  void SetGauges();

  const ChannelEnvironment environment_;
  const ChannelFactory factory_;
  const std::int64_t max_age_us_;
  const std::uint64_t outbox_bytes_;
  const Clock& clock_;
  RandomSource& random_;
  Metrics& metrics_;
  ChannelCounters counters_;
  Outbox outbox_;
  std::map<std::string, Lane> lanes_;  // by channel name
  std::string root_receiver_;
  std::map<std::string, LaneState> states_;
  std::set<std::string> changed_lanes_;
  std::set<std::string> attempted_;  // ids that had an attempt since the start
  std::vector<std::pair<std::string, SendJob>> handover_;  // by channel; after the commit
  std::vector<std::unique_ptr<ChannelWorker>> retired_;    // of channels that were changed
  std::map<std::string, TestDone> tests_;                  // by id
  std::uint64_t next_test_ = 0;
  std::int64_t trim_us_ = 0;

  std::mutex mutex_;  // guards what follows
  std::vector<SendOutcome> outcomes_;
  std::function<void()> wake_;
};

}  // namespace tocsin
