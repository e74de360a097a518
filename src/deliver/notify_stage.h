#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "deliver/dispatcher.h"
#include "metrics/metrics.h"
#include "route/notifier.h"
#include "stage/stage.h"

namespace tocsin {

struct NotifyOptions {
  RouteConfig routes;
  NotifierOptions notifier;
  ChannelEnvironment environment;
  std::int64_t max_age_us = 72LL * 3600 * 1'000'000;  // then dead
  // Cap of the rows that have not ended, in equal shares for the channels.
  std::uint64_t outbox_bytes = 256ull << 20;
  std::int64_t stop_grace_us = 2'000'000;  // for what is being sent when the runner ends
  ChannelFactory channels;                 // empty = ProductionChannels()
  // No runner stands behind the stage: the desk is answered by the caller's thread, and the caller
  // commits what Flush() gives.
  bool desk_only = false;
};

// Alerts out of the log to people: iot.alerts in, messages out. Routing and grouping
// (route/notifier.h) and the outbox are keyed state of this stage, committed with the offsets; a
// message leaves only after the commit that marked its row `sending`, and its outcome is in the
// next one. So a crash repeats at most what was under way, with the same id, and loses nothing.
//
// One worker thread a channel: a dead channel delays no other. Workers never touch the stage's
// state: they take jobs and give outcomes back through bounded queues.
//
// All state is that of partition 0, whatever partition an alert came from: one group reads them
// all. After a start nothing is told before the alerts that waited in the log are read (at most
// kCatchUpUs), so that what fired and resolved meanwhile is not told as news.
class NotifyStage : public Stage {
 public:
  static constexpr std::string_view kName =
      "notify";  // of its state and, but for a cluster, its consumer group
  static constexpr std::int64_t kCatchUpUs = 30'000'000;

  // kConfiguration for a channel that cannot be made. The references must outlive the stage.
  static Result<std::unique_ptr<NotifyStage>> Make(NotifyOptions options, const Clock& clock,
                                                   RandomSource& random, Metrics& metrics);

  // The desk. Any thread; taken up by the runner's thread, and what changes is durable on return.
  // kUnavailable when the runner has ended or does not answer within ten seconds.
  struct DeliveryQuery {
    std::string state;    // "" = all
    std::string channel;  // "" = all
    std::size_t max = 100;
  };
  virtual Result<std::string> DeliveriesJson(DeliveryQuery query) = 0;  // newest first
  virtual Result<std::string> DeliveryJson(std::string id) = 0;
  virtual Status Redeliver(std::string id) = 0;
  virtual Result<std::string> ChannelsJson() = 0;
  virtual Status EnableChannel(std::string name) = 0;
  // Sends a sample notification and waits for the outcome; success enables a disabled channel.
  virtual Result<std::string> TestChannel(std::string name) = 0;
  // An acknowledgement takes an alert that fires: kNotFound for a fingerprint that none has,
  // kFailedPrecondition for one that has resolved.
  virtual Status AddSilence(Silence silence) = 0;
  virtual Status ExpireSilence(std::string id) = 0;
  virtual Result<std::string> SilencesJson() = 0;
  // At most 10,000 held alerts with inhibited, silenced_by, muted and receivers.
  virtual Result<std::string> AlertsJson() = 0;
  // kConfiguration: the old routes stay.
  virtual Status Reconfigure(RouteConfig routes) = 0;
};

}  // namespace tocsin
