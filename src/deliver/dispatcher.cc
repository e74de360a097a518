#include "deliver/dispatcher.h"

#include <xxhash.h>

#include <algorithm>
#include <cstdio>
#include <limits>
#include <utility>

#include "base/bytes.h"
#include "base/error_list.h"
#include "base/logging.h"
#include "deliver/backoff.h"
#include "deliver/sample_notification.h"

namespace tocsin {
namespace {

constexpr std::string_view kComponent = "notify";
constexpr std::string_view kLanePrefix = "c/";
constexpr const char* kDisabledReason = "the channel is disabled";
constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kMaxPauseUs = 3'600'000'000;
constexpr std::int64_t kTellEveryUs = 300'000'000;  // meta-alerts about one channel
constexpr std::int64_t kTrimEveryUs = 1'000'000;
constexpr int kTooManyRequests = 429;
constexpr int kServiceUnavailable = 503;

std::string Hex(std::uint64_t value) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(value));
  return text;
}

bool SameTemplates(const ChannelConfig& a, const ChannelConfig& b) {
  if (a.templates == nullptr || b.templates == nullptr) return a.templates == b.templates;
  return *a.templates == *b.templates;
}

std::uint64_t MessageBytes(const RenderedMessage& message) {
  return Outbox::kRowBytes + message.body.size();
}

}  // namespace

Dispatcher::Dispatcher(ChannelEnvironment environment, ChannelFactory factory,
                       std::int64_t max_age_us, std::uint64_t outbox_bytes, const Clock& clock,
                       RandomSource& random, Metrics& metrics)
    : environment_(std::move(environment)),
      factory_(std::move(factory)),
      max_age_us_(max_age_us),
      outbox_bytes_(outbox_bytes),
      clock_(clock),
      random_(random),
      metrics_(metrics),
      counters_(metrics) {}

// The workers first: they use the queue.
Dispatcher::~Dispatcher() {
  for (auto& [name, lane] : lanes_) lane.worker.reset();
  retired_.clear();
  FailTests(Error(Code::kUnavailable, "the delivery ends"));
}

void Dispatcher::SetWaker(std::function<void()> wake) {
  const std::lock_guard lock(mutex_);
  wake_ = std::move(wake);
}

Status Dispatcher::MakeLanes(const RouteConfig& routes, std::map<std::string, Lane>& lanes) {
  ErrorList errors;
  errors.Check(CheckTemplates(routes));
  for (const Receiver& receiver : routes.receivers) {
    for (const ChannelConfig& config : receiver.channels) {
      auto made = factory_(config, environment_);
      errors.Check(made);
      if (!made) continue;
      Lane& lane = lanes[config.name];
      lane.config = config;
      lane.receiver = receiver.name;
      lane.made = std::move(*made);
    }
  }
  return errors.Finish();
}

Status Dispatcher::Configure(const RouteConfig& routes) {
  std::map<std::string, Lane> lanes;
  TOCSIN_TRY(MakeLanes(routes, lanes));
  for (auto& [name, old] : lanes_) {
    const auto found = lanes.find(name);
    const bool same = found != lanes.end() && found->second.config.kind == old.config.kind &&
                      found->second.config.options == old.config.options &&
                      SameTemplates(found->second.config, old.config);
    if (same) {
      found->second.made = std::move(old.made);
      found->second.worker = std::move(old.worker);
      found->second.tests = old.tests;
    } else if (old.worker != nullptr) {
      // What it is sending may end as it was; what it has not begun comes back.
      old.worker->Close();
      retired_.push_back(std::move(old.worker));
    }
  }
  lanes_ = std::move(lanes);
  root_receiver_ = routes.route.receiver;
  for (const auto& [name, lane] : lanes_) StateOf(name).pace.SetRate(lane.made.rate_per_minute);
  return {};
}

Dispatcher::LaneState& Dispatcher::StateOf(const std::string& channel) {
  const auto lane = lanes_.find(channel);
  const std::uint32_t rate = lane == lanes_.end() ? 0 : lane->second.made.rate_per_minute;
  return states_.try_emplace(channel, rate).first->second;
}

ChannelWorker& Dispatcher::WorkerOf(const std::string& name, Lane& lane) {
  if (lane.worker == nullptr) {
    lane.worker = std::make_unique<ChannelWorker>(name, lane.made.channel, environment_.policy,
                                                  clock_, [this](SendOutcome outcome) {
                                                    const std::lock_guard lock(mutex_);
                                                    outcomes_.push_back(std::move(outcome));
                                                    if (wake_) wake_();
                                                  });
  }
  return *lane.worker;
}

std::vector<std::string> Dispatcher::ChannelsOf(std::string_view receiver) const {
  std::vector<std::string> names;
  for (const auto& [name, lane] : lanes_) {
    if (lane.receiver == receiver) names.push_back(name);
  }
  return names;
}

// More notifications a minute than this are a storm, however fast a channel is: nobody reads them.
constexpr std::uint32_t kMostPerMinute = 6'000;

void Dispatcher::LimitStorms(std::map<std::string, std::uint32_t>& limits) const {
  std::map<std::string, std::uint32_t> slowest;
  for (const auto& [name, lane] : lanes_) {
    if (lane.made.rate_per_minute == 0) continue;
    std::uint32_t& limit = slowest.try_emplace(lane.receiver, kMostPerMinute).first->second;
    limit = std::min(limit, lane.made.rate_per_minute);
  }
  limits.merge(slowest);
}

void Dispatcher::Enqueue(const Notification& notification, std::int64_t now_us) {
  for (auto& [name, lane] : lanes_) {
    if (lane.receiver == notification.receiver) {
      EnqueueOn(name, lane, notification, false, now_us);
    }
  }
}

// No channel can fill the room of another.
bool Dispatcher::HasRoom(const std::string& name, std::uint64_t bytes) const {
  const std::uint64_t share = outbox_bytes_ / std::max<std::size_t>(1, lanes_.size());
  return outbox_.CountsOf(name).open_bytes + bytes <= share;
}

std::string Dispatcher::NewId(const Notification& notification, std::string_view channel) const {
  std::string text = notification.group_key;
  text += '\0' + std::to_string(notification.flush) + '\0';
  text += std::to_string(notification.decided_us) + '\0';
  text += channel;
  for (std::uint64_t seed = 0;; ++seed) {
    const XXH128_hash_t hash = XXH3_128bits_withSeed(text.data(), text.size(), seed);
    std::string id = Hex(hash.high64);
    if (outbox_.Find(id) == nullptr) return id;
  }
}

void Dispatcher::EnqueueOn(const std::string& name, Lane& lane, const Notification& original,
                           bool meta, std::int64_t now_us) {
  const Notification* notification = &original;
  Notification without;
  if (!lane.config.send_resolved && original.resolved_count > 0) {
    if (original.firing_count == 0 || !original.firing_news) return;
    without = original;
    std::erase_if(without.alerts, [](const AlertMessage& alert) { return !alert.firing; });
    without.resolved_count = 0;
    notification = &without;
  }
  LaneState& state = StateOf(name);
  Delivery row;
  row.id = NewId(*notification, name);
  row.channel = name;
  row.kind = lane.config.kind;
  row.receiver = notification->receiver;
  row.group_key = notification->group_key;
  row.summary = SummaryOf(*notification);
  row.meta = meta;
  row.queued_us = row.due_us = now_us;
  row.firing = notification->firing_count;
  row.resolved = notification->resolved_count;
  auto rendered = lane.made.channel->Render(*notification);
  row.has_message = rendered.has_value();
  if (rendered) row.message = std::move(*rendered);
  if (!HasRoom(name, MessageBytes(row.message))) {
    ++state.left_out;
    state.left_out_firing += row.firing;
    state.left_out_resolved += row.resolved;
    changed_lanes_.insert(name);
    metrics_.Add(Metric::kNotificationsLeftOut, 1);
    counters_.Ended(row.kind, ChannelResult::kLeftOut, 0);
    return;
  }
  const std::string id = outbox_.Add(std::move(row)).id;
  metrics_.Add(Metric::kNotificationsQueued, 1);
  if (!rendered) Bury(id, "cannot be written as a message: " + rendered.error().message(), now_us);
  if (state.disabled) Bury(id, kDisabledReason, now_us);
}

std::int64_t Dispatcher::Step(std::int64_t now_us) {
  TakeOutcomes(now_us);
  std::int64_t next_us = std::min(Expire(now_us), BuryDisabled(now_us));
  next_us = std::min(next_us, TellOfTheDead(now_us));
  TellOfTheLeftOut(now_us);
  for (auto& [name, lane] : lanes_) next_us = std::min(next_us, Pick(name, lane, now_us));
  if (now_us >= trim_us_) {
    outbox_.Trim(now_us);
    trim_us_ = now_us + kTrimEveryUs;
  }
  SetGauges();
  return next_us;
}

// Starts what may go; the rest says when.
std::int64_t Dispatcher::Pick(const std::string& name, Lane& lane, std::int64_t now_us) {
  LaneState& state = StateOf(name);
  if (state.disabled) return kNever;
  const std::size_t window = lane.made.channel->deduplicates() && state.pace.closed() ? kWindow : 1;
  while (outbox_.CountsOf(name).sending < window) {
    const Delivery* next = outbox_.Next(name);
    if (next == nullptr) return kNever;
    // A probe does not wait for the row's own time: it asks whether the service is back.
    const std::int64_t due_us = state.pace.HalfOpen(now_us) ? 0 : next->due_us;
    const std::int64_t start_us = std::max(due_us, state.pace.ReadyUs(now_us));
    if (start_us > now_us) return start_us;
    state.pace.Started(now_us);
    outbox_.StartSending(next->id);
    SendJob job{.id = next->id, .message = {}, .context = {}};
    job.context.delivery_id = job.id;
    job.context.attempt = next->attempts;
    job.context.possible_repeat = next->maybe_sent;
    attempted_.insert(job.id);
    handover_.emplace_back(name, std::move(job));
    if (!state.pace.closed()) return kNever;
  }
  return kNever;
}

void Dispatcher::Committed() {
  for (auto& [name, job] : std::exchange(handover_, {})) {
    const auto lane = lanes_.find(name);
    const Delivery* row = outbox_.Find(job.id);
    if (lane == lanes_.end() || row == nullptr) continue;
    job.message = row->message;
    WorkerOf(name, lane->second).Push(std::move(job));
  }
}

void Dispatcher::TakeOutcomes(std::int64_t now_us) {
  std::vector<SendOutcome> outcomes;
  {
    const std::lock_guard lock(mutex_);
    outcomes.swap(outcomes_);
  }
  for (const SendOutcome& outcome : outcomes) {
    if (outcome.test) {
      ApplyTest(outcome);
    } else {
      Apply(outcome, now_us);
    }
  }
  if (!retired_.empty()) {
    std::erase_if(retired_, [](const auto& worker) { return worker->WaitIdle(0); });
  }
}

void Dispatcher::Apply(const SendOutcome& outcome, std::int64_t now_us) {
  const Delivery* row = outbox_.Find(outcome.id);
  if (row == nullptr || row->state != Delivery::State::kSending) return;
  LaneState& state = StateOf(outcome.channel);
  changed_lanes_.insert(outcome.channel);
  if (!outcome.attempted) {
    state.pace.NotAttempted();
    outbox_.Requeue(outcome.id, now_us, false, false);
    return;
  }
  outbox_.Record(outcome.id, outcome.attempt);
  const SendResult& result = outcome.attempt.result;
  metrics_.Add(Metric::kNotificationAttempts, 1, static_cast<std::size_t>(result.outcome));
  counters_.Attempted(row->kind, result.outcome, outcome.attempt.took_us);
  if (result.outcome == SendResult::Outcome::kRetry) {
    Retry(*row, outcome, now_us);
    return;
  }
  // Any answer but "later" shows that the service is there.
  if (state.pace.Succeeded()) outbox_.BringForward(outcome.channel, now_us);
  switch (result.outcome) {
    case SendResult::Outcome::kDelivered:
      ++state.delivered;
      attempted_.erase(outcome.id);
      counters_.Ended(row->kind, ChannelResult::kDone, now_us - row->queued_us);
      outbox_.End(outcome.id, Delivery::State::kDone, now_us);
      break;
    case SendResult::Outcome::kDisabled:
      Bury(outcome.id, result.message, now_us);
      Disable(outcome.channel);
      break;
    default:
      Bury(outcome.id, result.message, now_us);
  }
}

void Dispatcher::Retry(const Delivery& row, const SendOutcome& outcome, std::int64_t now_us) {
  LaneState& state = StateOf(outcome.channel);
  const SendResult& result = outcome.attempt.result;
  if (outcome.interrupted) {
    state.pace.NotAttempted();
    outbox_.Requeue(outcome.id, now_us, true, true);
    return;
  }
  ++state.failed_attempts;
  if (state.disabled) return Bury(outcome.id, kDisabledReason, now_us);
  // A wish of no time at all is none: the service is not well, so the usual backoff holds.
  const bool asked = result.retry_after_us > 0 &&
                     (result.status == kTooManyRequests || result.status == kServiceUnavailable);
  if (asked) {
    state.pace.PauseUntil(now_us + std::min(result.retry_after_us, kMaxPauseUs));
    state.pace.NotAttempted();
  } else {
    state.pace.Failed(now_us);
  }
  const std::int64_t due_us = now_us + BackoffUs(row.attempts, result.retry_after_us, random_);
  outbox_.Requeue(outcome.id, due_us, true, false);
}

void Dispatcher::Bury(const std::string& id, const std::string& reason, std::int64_t now_us) {
  const Delivery& row = *outbox_.Find(id);
  if (row.state == Delivery::State::kDead) return;
  EndAsDead(row, reason, now_us);
  LogError(kComponent, "a notification could not be delivered",
           {{"channel", row.channel}, {"delivery", id}, {"reason", reason}});
}

void Dispatcher::EndAsDead(const Delivery& row, const std::string& reason, std::int64_t now_us) {
  if (row.log.empty() || row.log.back().result.message != reason) {
    Delivery::Attempt note;
    note.at_us = now_us;
    note.result = {.outcome = SendResult::Outcome::kDead, .message = reason.substr(0, 512)};
    outbox_.Record(row.id, std::move(note));
  }
  outbox_.End(row.id, Delivery::State::kDead, now_us);
  attempted_.erase(row.id);
  LaneState& state = StateOf(row.channel);
  ++state.dead;
  state.last_reason = reason.substr(0, 512);
  if (!row.meta) ++state.untold_dead;
  changed_lanes_.insert(row.channel);
  metrics_.Add(Metric::kNotificationsDead, 1);
  counters_.Ended(row.kind, ChannelResult::kDead, 0);
}

void Dispatcher::Disable(const std::string& channel) {
  // Those that were under way beside the first one are answered by 410 as well.
  if (std::exchange(StateOf(channel).disabled, true)) return;
  changed_lanes_.insert(channel);
  LogError(kComponent, "the service has ended this channel (410); it is disabled",
           {{"channel", channel}, {"remedy", "tocsin channels enable " + channel}});
  // What its worker has not begun comes back and ends with the rest.
  const auto lane = lanes_.find(channel);
  if (lane != lanes_.end() && lane->second.worker != nullptr) lane->second.worker->TakeBack();
}

// The queued rows of channels that a service has ended.
std::int64_t Dispatcher::BuryDisabled(std::int64_t now_us) {
  std::int64_t next_us = kNever;
  for (const auto& [name, state] : states_) {
    if (!state.disabled || outbox_.CountsOf(name).queued == 0) continue;
    const std::vector<std::string> ids = outbox_.QueuedOf(name, kBuryAtOnce);
    for (const std::string& id : ids) EndAsDead(*outbox_.Find(id), kDisabledReason, now_us);
    LogError(kComponent, "notifications of a disabled channel could not be delivered",
             {{"channel", name}, {"count", std::to_string(ids.size())}});
    if (outbox_.CountsOf(name).queued > 0) next_us = now_us;
  }
  return next_us;
}

std::int64_t Dispatcher::Expire(std::int64_t now_us) {
  std::vector<std::string> old;
  std::int64_t next_us = kNever;
  outbox_.VisitOpen([&](const Delivery& row) {
    if (now_us - row.queued_us < max_age_us_) {
      next_us = row.queued_us + max_age_us_;
      return false;
    }
    if (row.state == Delivery::State::kQueued) old.push_back(row.id);
    return true;
  });
  for (const std::string& id : old) Bury(id, "not delivered within ALERT_MAX_AGE", now_us);
  return next_us;
}

std::vector<std::string> Dispatcher::HealthyChannels(const std::string& except) const {
  const auto failed = lanes_.find(except);
  const auto healthy = [&](const std::string& name) {
    const auto state = states_.find(name);
    return name != except && state != states_.end() && !state->second.disabled &&
           state->second.pace.closed();
  };
  for (const std::string& receiver :
       {failed == lanes_.end() ? std::string() : failed->second.receiver, root_receiver_}) {
    std::vector<std::string> names = ChannelsOf(receiver);
    std::erase_if(names, [&](const std::string& name) { return !healthy(name); });
    if (!names.empty()) return names;
  }
  return {};
}

std::int64_t Dispatcher::TellOfTheDead(std::int64_t now_us) {
  std::int64_t next_us = kNever;
  for (auto& [name, state] : states_) {
    if (state.untold_dead == 0) continue;
    // One that is being emptied is told of once, with the whole count.
    if (state.disabled && outbox_.CountsOf(name).queued > 0) continue;
    if (state.told_us != 0 && now_us - state.told_us < kTellEveryUs) {
      next_us = std::min(next_us, state.told_us + kTellEveryUs);
      continue;
    }
    const std::vector<std::string> others = HealthyChannels(name);
    for (const std::string& other : others) {
      Lane& lane = lanes_[other];
      Notification notice =
          FailureNotification(lane.receiver, name, state.untold_dead, state.last_reason, now_us);
      EnqueueOn(other, lane, notice, true, now_us);
    }
    state.told_us = now_us;
    changed_lanes_.insert(name);
    // With nobody to tell, the count waits: a channel may come back.
    if (!others.empty()) state.untold_dead = 0;
  }
  return next_us;
}

void Dispatcher::TellOfTheLeftOut(std::int64_t now_us) {
  constexpr std::uint64_t kDigestRoom = 64 * 1024;
  for (auto& [name, lane] : lanes_) {
    LaneState& state = StateOf(name);
    const bool empty = outbox_.CountsOf(name).open_bytes == 0;
    if (state.left_out == 0 || state.disabled || !(empty || HasRoom(name, kDigestRoom))) continue;
    const std::uint64_t count = std::exchange(state.left_out, 0);
    const std::uint64_t firing = std::exchange(state.left_out_firing, 0);
    const std::uint64_t resolved = std::exchange(state.left_out_resolved, 0);
    changed_lanes_.insert(name);
    const Notification digest = LeftOutNotification(lane.receiver, count, firing, resolved, now_us);
    EnqueueOn(name, lane, digest, false, now_us);
  }
}

void Dispatcher::Finish(std::int64_t grace_us, std::int64_t now_us) {
  for (auto& [name, job] : std::exchange(handover_, {}))
    outbox_.Requeue(job.id, now_us, false, false);
  std::vector<std::unique_ptr<ChannelWorker>> workers = std::move(retired_);
  retired_.clear();
  for (auto& [name, lane] : lanes_) {
    if (lane.worker != nullptr) workers.push_back(std::move(lane.worker));
  }
  for (const auto& worker : workers) worker->Close();
  const std::int64_t end_us = clock_.SteadyUs() + grace_us;
  for (const auto& worker : workers) {
    if (!worker->WaitIdle(std::clamp<std::int64_t>(end_us - clock_.SteadyUs(), 0, grace_us))) {
      worker->Cancel();
    }
  }
  workers.clear();  // waits for their threads
  TakeOutcomes(now_us);
  SetGauges();
}

bool Dispatcher::Idle() const {
  const std::int64_t now_us = clock_.WallUs();
  for (const auto& [name, lane] : lanes_) {
    if (outbox_.CountsOf(name).sending > 0 || lane.tests > 0) return false;
    const auto state = states_.find(name);
    if (state == states_.end()) continue;
    if (state->second.disabled) {
      if (outbox_.CountsOf(name).queued > 0) return false;
      continue;
    }
    const ChannelPace& pace = state->second.pace;
    if (pace.paused_until_us() > now_us || pace.BreakerName(now_us) == "open") continue;
    bool fresh = state->second.left_out > 0;
    outbox_.VisitNext(name, [&](const Delivery& row) {
      fresh = fresh || !attempted_.contains(row.id);
      return !fresh;
    });
    if (fresh) return false;
  }
  return true;
}

void Dispatcher::SetGauges() {
  const Outbox::Counts total = outbox_.Total();
  metrics_.Set(Metric::kNotificationsOpen, static_cast<std::int64_t>(total.queued + total.sending));
  metrics_.Set(Metric::kOutboxBytes, static_cast<std::int64_t>(total.bytes));
  counters_.BeginGauges();
  for (const auto& [name, lane] : lanes_) {
    const LaneState& state = StateOf(name);
    const Outbox::Counts counts = outbox_.CountsOf(name);
    counters_.Channel(lane.config.kind, counts.queued + counts.sending, !state.pace.closed(),
                      state.disabled);
  }
  counters_.EndGauges();
}

void Dispatcher::Save(bool everything, const Outbox::Put& put) {
  outbox_.Save(everything, put);
  for (const auto& [name, state] : states_) {
    if (!everything && !changed_lanes_.contains(name)) continue;
    std::string entry(1, '\1');
    state.pace.EncodeTo(entry);
    PutVarint(entry, state.disabled ? 1 : 0);
    for (const std::uint64_t value :
         {state.left_out, state.left_out_firing, state.left_out_resolved, state.untold_dead,
          static_cast<std::uint64_t>(state.told_us), state.delivered, state.failed_attempts,
          state.dead}) {
      PutVarint(entry, value);
    }
    PutBytes(entry, state.last_reason);
    put(std::string(kLanePrefix) + name, entry);
  }
  changed_lanes_.clear();
}

bool Dispatcher::Load(std::string_view key, std::string_view value) {
  if (!key.starts_with(kLanePrefix)) return outbox_.Load(key, value);
  if (value.empty() || value[0] != '\1') return false;
  LaneState& state = StateOf(std::string(key.substr(kLanePrefix.size())));
  const char* at = value.data() + 1;
  const char* end = value.data() + value.size();
  if (!state.pace.Decode(at, end)) return false;
  std::uint64_t disabled = 0;
  std::uint64_t told = 0;
  for (std::uint64_t* number :
       {&disabled, &state.left_out, &state.left_out_firing, &state.left_out_resolved,
        &state.untold_dead, &told, &state.delivered, &state.failed_attempts, &state.dead}) {
    at = at == nullptr ? nullptr : ReadVarint(at, end, *number);
  }
  std::string_view reason;
  if (at != nullptr) at = ReadBytes(at, end, reason);
  state.disabled = disabled != 0;
  state.told_us = static_cast<std::int64_t>(told);
  state.last_reason = reason;
  return at != nullptr;
}

// A start is a reason to try again: nobody waits for a back-off that a dead process chose.
void Dispatcher::Loaded() {
  const std::size_t interrupted = outbox_.Loaded();
  const std::int64_t now_us = clock_.WallUs();
  for (const std::string& channel : outbox_.Channels()) outbox_.BringForward(channel, now_us);
  for (auto& [name, state] : states_) state.pace.ProbeNow();
  if (interrupted > 0) {
    LogWarning(kComponent, "notifications were being sent when the last run ended; sent again",
               {{"count", std::to_string(interrupted)}});
  }
}

void Dispatcher::Clear() {
  outbox_.Clear();
  states_.clear();
  changed_lanes_.clear();
  attempted_.clear();
  handover_.clear();
  for (const auto& [name, lane] : lanes_) StateOf(name);
}

}  // namespace tocsin
