#include "deliver/notify_stage.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <utility>

#include "base/json_text.h"
#include "base/logging.h"
#include "base/time_text.h"
#include "deliver/desk_queue.h"
#include "model/alert_message.h"

namespace tocsin {
namespace {

constexpr std::string_view kComponent = "notify";
constexpr std::int64_t kHoldLookUs = 10'000;
constexpr std::int64_t kLeastWaitUs = 1'000;
constexpr std::int64_t kAnswerUs = 10'000'000;
constexpr std::int64_t kTestAnswerUs = 120'000'000;
constexpr std::size_t kMaxAlertsListed = 10'000;

bool OfDispatcher(std::string_view key) {
  return key.starts_with("c/") || key.starts_with("d/") || key.starts_with("m/");
}

std::string TestJson(const std::string& name, const SendResult& result) {
  std::string out = "{\"channel\":";
  AppendJsonString(out, name);
  out += ",\"outcome\":";
  AppendJsonString(out, SendOutcomeName(result.outcome));
  out += ",\"status\":" + std::to_string(result.status) + ",\"message\":";
  AppendJsonString(out, result.message);
  return out + "}";
}

void AppendAlertView(std::string& out, const Notifier::AlertView& view) {
  const AlertMessage& alert = *view.alert;
  out += "{\"fingerprint\":";
  AppendJsonString(out, alert.fingerprint);
  const std::pair<std::string_view, const std::string*> texts[] = {
      {"rule", &alert.rule}, {"severity", &alert.severity}, {"device_id", &alert.device_id}};
  for (const auto& [key, value] : texts) {
    out += ",\"" + std::string(key) + "\":";
    AppendJsonString(out, *value);
  }
  out += alert.firing ? ",\"state\":\"firing\"" : ",\"state\":\"resolved\"";
  out += ",\"starts_at\":";
  AppendJsonString(out, FormatTime(alert.starts_at_us));
  out += std::string(",\"inhibited\":") + (view.inhibited ? "true" : "false");
  out += std::string(",\"muted\":") + (view.muted ? "true" : "false");
  out += ",\"silenced_by\":";
  AppendJsonString(out, view.silenced_by);
  out += ",\"receivers\":[";
  for (const std::string& receiver : view.receivers) {
    if (out.back() != '[') out += ',';
    AppendJsonString(out, receiver);
  }
  out += "]}";
}

class NotifyStageImpl final : public NotifyStage {
 public:
  NotifyStageImpl(NotifyOptions options, const Clock& clock, RandomSource& random, Metrics& metrics)
      : options_(std::move(options)),
        clock_(clock),
        metrics_(metrics),
        dispatcher_(options_.environment,
                    options_.channels ? options_.channels : ProductionChannels(),
                    options_.max_age_us, options_.outbox_bytes, clock, random, metrics) {}
  ~NotifyStageImpl() override { desk_.Close(Error(Code::kUnavailable, "the delivery has ended")); }

  Status Open() {
    TOCSIN_TRY(dispatcher_.Configure(options_.routes));
    dispatcher_.LimitStorms(options_.notifier.storm_per_minute_of);
    MakeNotifier();
    return {};
  }

  std::string_view name() const override { return kName; }
  Status Restore(std::int32_t partition, const StateReader& read_state) override;
  void Drop(std::int32_t partition) override;
  Status Process(const PolledBatch& polled, Collector& collector) override;
  Status Flush(Collector& collector) override;
  Result<TickResult> Tick(const Now& now, Collector& collector) override;
  void Committed() override {
    dispatcher_.Committed();
    desk_.Committed();
  }
  void SetWaker(std::function<void()> wake) override {
    dispatcher_.SetWaker(wake);
    desk_.SetWaker(std::move(wake));
  }
  Result<bool> Finish(Collector& collector) override;
  bool Idle() const override {
    return !holding_ && !dirty_ && notifier_->Idle() && dispatcher_.Idle();
  }
  Status Quarantine(const PolledBatch& /*single_record*/, std::string_view /*why*/,
                    Collector& /*collector*/) override {
    metrics_.Add(Metric::kNotifyBadRecords, 1);
    return {};
  }

  Result<std::string> DeliveriesJson(DeliveryQuery query) override {
    return Read([this, query = std::move(query)](std::int64_t) -> Result<std::string> {
      return dispatcher_.ListJson(query.state, query.channel, query.max);
    });
  }
  Result<std::string> DeliveryJson(std::string id) override {
    return Read([this, id = std::move(id)](std::int64_t) { return dispatcher_.ShowJson(id); });
  }
  Status Redeliver(std::string id) override {
    return Change([this, id = std::move(id)](std::int64_t now_us) {
      return dispatcher_.Redeliver(id, now_us);
    });
  }
  Result<std::string> ChannelsJson() override {
    return Read([this](std::int64_t now_us) -> Result<std::string> {
      return dispatcher_.ChannelsJson(now_us);
    });
  }
  Status EnableChannel(std::string name) override {
    return Change(
        [this, name = std::move(name)](std::int64_t) { return dispatcher_.Enable(name); });
  }
  Result<std::string> TestChannel(std::string name) override;
  Status AddSilence(Silence silence) override {
    return Change([this, silence = std::move(silence)](std::int64_t) -> Status {
      TOCSIN_TRY(CheckAcknowledged(silence));
      return notifier_->silences().Add(silence);
    });
  }
  Status ExpireSilence(std::string id) override {
    return Change([this, id = std::move(id)](std::int64_t now_us) {
      return notifier_->silences().Expire(id, now_us);
    });
  }
  Result<std::string> SilencesJson() override;
  Result<std::string> AlertsJson() override;
  Status Reconfigure(RouteConfig routes) override {
    return Change([this, routes = std::move(routes)](std::int64_t now_us) -> Status {
      TOCSIN_TRY(dispatcher_.Configure(routes));
      options_.routes = routes;
      notifier_->Reconfigure(routes, now_us);
      std::map<std::string, std::uint32_t> limits;
      dispatcher_.LimitStorms(limits);
      notifier_->LimitStorms(std::move(limits));
      return {};
    });
  }

 private:
  void MakeNotifier() {
    notifier_ = std::make_unique<Notifier>(options_.routes, options_.notifier);
  }
  Status CheckAcknowledged(const Silence& silence) const;
  void FlushNotifier(std::int64_t now_us);
  void Enqueue(const std::vector<Notification>& decided, std::int64_t now_us);
  bool Holding(const Now& now);

  using Reader = std::function<Result<std::string>(std::int64_t)>;
  Result<std::string> Read(const Reader& work) {
    if (options_.desk_only) return work(clock_.WallUs());
    return desk_.Ask<std::string>(
        [work](std::int64_t now_us, const DeskQueue::Answer<std::string>& answer) {
          answer(work(now_us));
        },
        kAnswerUs);
  }
  // Done by the owner; the answer comes when it is committed.
  Status Change(const std::function<Status(std::int64_t)>& work) {
    if (options_.desk_only) return work(clock_.WallUs());
    return desk_.Ask<void>(
        [this, work](std::int64_t now_us, const DeskQueue::Answer<void>& answer) {
          Status done = work(now_us);
          if (!done) return answer(std::move(done));
          dirty_ = true;
          desk_.AfterCommit([answer] { answer({}); });
        },
        kAnswerUs);
  }

  NotifyOptions options_;
  const Clock& clock_;
  Metrics& metrics_;
  DeskQueue desk_;
  Dispatcher dispatcher_;
  std::unique_ptr<Notifier> notifier_;
  bool dirty_ = false;   // the notifier has state to commit
  bool holding_ = true;  // what waited in the log is not read yet
  std::int64_t hold_until_us_ = 0;
};

Status NotifyStageImpl::Restore(std::int32_t partition, const StateReader& read_state) {
  if (partition != 0) return {};
  MakeNotifier();
  dispatcher_.Clear();
  bool readable = true;
  TOCSIN_TRY(read_state([&](std::string_view key, std::string_view value) {
    const bool loaded =
        OfDispatcher(key) ? dispatcher_.Load(key, value) : notifier_->Load(key, value);
    readable = readable && loaded;
  }));
  if (!readable) {
    return Fail(Code::kDataLoss,
                "the stored state of the delivery cannot be read; run `tocsin doctor`");
  }
  dispatcher_.Loaded();
  return {};
}

void NotifyStageImpl::Drop(std::int32_t partition) {
  if (partition != 0) return;
  MakeNotifier();
  dispatcher_.Clear();
}

Status NotifyStageImpl::Process(const PolledBatch& polled, Collector& /*collector*/) {
  const std::int64_t now_us = clock_.WallUs();
  RecordBatch::Cursor cursor(*polled.batch);
  cursor.Skip(polled.first);
  Record record;
  bool told = false;
  for (std::uint32_t i = 0; i < polled.count && cursor.Next(record); ++i) {
    auto alert = ParseAlertMessage(record.value);
    if (alert) {
      notifier_->OnAlert(std::move(*alert), now_us, holding_);
      continue;
    }
    metrics_.Add(Metric::kNotifyBadRecords, 1);
    if (std::exchange(told, true)) continue;
    LogError(kComponent, "a record of the alert topic is no alert; it is passed over",
             {{"topic", polled.partition.topic},
              {"partition", std::to_string(polled.partition.partition)},
              {"offset", std::to_string(record.offset)},
              {"reason", alert.error().message()}});
  }
  dirty_ = true;
  return {};
}

void NotifyStageImpl::FlushNotifier(std::int64_t now_us) {
  if (notifier_->NextFlushUs() > now_us) return;
  dirty_ = true;
  Enqueue(notifier_->Flush(now_us), now_us);
}

void NotifyStageImpl::Enqueue(const std::vector<Notification>& decided, std::int64_t now_us) {
  for (const Notification& notification : decided) {
    metrics_.Add(Metric::kNotificationsDecided, 1);
    dispatcher_.Enqueue(notification, now_us);
  }
}

bool NotifyStageImpl::Holding(const Now& now) {
  if (!holding_) return false;
  if (hold_until_us_ == 0) hold_until_us_ = now.wall_us + kCatchUpUs;
  holding_ = !now.caught_up && now.wall_us < hold_until_us_;
  return holding_;
}

Result<Stage::TickResult> NotifyStageImpl::Tick(const Now& now, Collector& /*collector*/) {
  desk_.Run(now.wall_us);
  std::int64_t next_us = std::numeric_limits<std::int64_t>::max();
  if (Holding(now)) {
    next_us = now.wall_us + kHoldLookUs;
  } else {
    FlushNotifier(now.wall_us);
    next_us = std::max(notifier_->NextFlushUs(), now.wall_us + kLeastWaitUs);
  }
  next_us = std::min(next_us, dispatcher_.Step(now.wall_us));
  return TickResult{.next_us = next_us, .changed = dirty_ || dispatcher_.changed()};
}

Status NotifyStageImpl::Flush(Collector& collector) {
  // A commit in the middle of a poll: what is decided must be in the outbox to be saved.
  const std::int64_t now_us = clock_.WallUs();
  if (holding_) {
    Enqueue(notifier_->TakeReady(), now_us);
  } else {
    FlushNotifier(now_us);
  }
  const bool everything = collector.wants_snapshot(0);
  if (everything) collector.ReplaceState(0);
  const auto put = [&](std::string_view key, std::string_view value) {
    if (!everything || !value.empty()) collector.PutState(0, key, value);
  };
  notifier_->Save(everything, put);
  dispatcher_.Save(everything, put);
  dirty_ = false;
  return {};
}

Result<bool> NotifyStageImpl::Finish(Collector& /*collector*/) {
  const std::int64_t now_us = clock_.WallUs();
  desk_.Close(Error(Code::kUnavailable, "the delivery is ending"));
  dispatcher_.Finish(options_.stop_grace_us, now_us);
  dispatcher_.FailTests(Error(Code::kUnavailable, "the delivery is ending"));
  return dirty_ || dispatcher_.changed();
}

Result<std::string> NotifyStageImpl::TestChannel(std::string name) {
  Result<SendResult> outcome = Fail(Code::kInternal, "no outcome");
  if (options_.desk_only) {
    dispatcher_.Test(name, clock_.WallUs(), true,
                     [&](Result<SendResult> result) { outcome = std::move(result); });
  } else {
    outcome = desk_.Ask<SendResult>(
        [this, name](std::int64_t now_us, const DeskQueue::Answer<SendResult>& answer) {
          dispatcher_.Test(name, now_us, false, answer);
        },
        kTestAnswerUs);
  }
  if (!outcome) return std::unexpected(std::move(outcome).error());
  return TestJson(name, *outcome);
}

// An acknowledgement ends when its alert resolves: of one that does not fire it would never end.
Status NotifyStageImpl::CheckAcknowledged(const Silence& silence) const {
  if (silence.kind != Silence::Kind::kAcknowledge || silence.caught.empty()) return {};
  const std::optional<bool> fires = notifier_->Fires(silence.caught);
  if (fires && *fires) return {};
  constexpr std::string_view kRemedy = "; `tocsin silence alerts` lists those that can be";
  if (fires) {
    return Fail(Code::kFailedPrecondition, "the alert '" + silence.caught +
                                               "' has resolved and cannot be acknowledged" +
                                               std::string(kRemedy));
  }
  return Fail(Code::kNotFound, "there is no alert with the fingerprint '" + silence.caught + "'" +
                                   std::string(kRemedy));
}

Result<std::string> NotifyStageImpl::SilencesJson() {
  return Read([this](std::int64_t) -> Result<std::string> {
    std::string out = "[";
    for (const auto& [id, silence] : notifier_->silences().all()) {
      if (out.size() > 1) out += ',';
      out += silence.ToJson();
    }
    return out + "]";
  });
}

Result<std::string> NotifyStageImpl::AlertsJson() {
  return Read([this](std::int64_t now_us) -> Result<std::string> {
    std::string out = "[";
    std::size_t listed = 0;
    notifier_->VisitAlerts(now_us, [&](const Notifier::AlertView& view) {
      if (listed++ >= kMaxAlertsListed) return;
      if (out.size() > 1) out += ',';
      AppendAlertView(out, view);
    });
    return out + "]";
  });
}

}  // namespace

Result<std::unique_ptr<NotifyStage>> NotifyStage::Make(NotifyOptions options, const Clock& clock,
                                                       RandomSource& random, Metrics& metrics) {
  auto stage = std::make_unique<NotifyStageImpl>(std::move(options), clock, random, metrics);
  TOCSIN_TRY(stage->Open());
  return stage;
}

}  // namespace tocsin
