#include <algorithm>
#include <utility>

#include "route/notifier_parts.h"

namespace tocsin {
namespace {

constexpr std::int64_t kMinuteUs = 60'000'000;
constexpr std::int64_t kFirstDigestUs = 10'000'000;
// With group_interval 0 nothing but time tells that a silence or a mute interval ended.
constexpr std::int64_t kRecheckUs = 15'000'000;

}  // namespace

bool Notifier::Parts::Muted(const Route& route, std::int64_t now_us) const {
  const auto within = [this, now_us](const std::string& name) {
    const auto at = config.time_intervals.find(name);
    return at != config.time_intervals.end() &&
           std::ranges::any_of(at->second, [now_us](const TimeInterval& interval) {
             return interval.Contains(now_us);
           });
  };
  if (std::ranges::any_of(route.mute_time_intervals, within)) return true;
  return !route.active_time_intervals.empty() &&
         std::ranges::none_of(route.active_time_intervals, within);
}

std::string Notifier::Parts::SilencedBy(const HeldAlert& held, std::int64_t now_us) const {
  if (silences.all().empty()) return "";
  const Result<AlertMessage> alert = ParseAlertMessage(held.json);
  return alert ? silences.CatchesNow(*alert, now_us) : "";
}

bool Notifier::Parts::Suppressed(const HeldAlert& held, std::int64_t now_us) const {
  return inhibition.Inhibits(held.marks) || !SilencedBy(held, now_us).empty();
}

bool Notifier::Parts::ShouldSend(const AlertGroup& group, const std::vector<Member*>& shown,
                                 std::int64_t now_us) const {
  const bool fires = std::ranges::any_of(shown, &Member::firing);
  if (group.sent_us == 0) {
    return fires || std::ranges::any_of(shown, [&](const Member* member) {
             return member->told != Told::kNothing && group.Pending(*member, now_us);
           });
  }
  const auto pending = [&](const Member* member) { return group.Pending(*member, now_us); };
  if (std::ranges::any_of(shown, pending)) return true;
  const std::int64_t repeat = group.route->repeat_interval_us;
  return fires && repeat > 0 && now_us - group.sent_us >= repeat;
}

void Notifier::Parts::FlushGroup(AlertGroup& group, std::int64_t now_us) {
  const bool muted = Muted(*group.route, now_us);
  std::vector<Member*> shown;
  std::vector<HeldAlert*> forgotten;
  for (auto& [fingerprint, member] : group.members) {
    if (!muted && !Suppressed(*member.alert, now_us)) {
      shown.push_back(&member);
    } else if (!member.firing() && member.told == Told::kNothing && !member.holds(now_us)) {
      forgotten.push_back(member.alert);
    }
  }
  if (!group.flushed) {
    group.flushed = true;
    group.anchor_us = now_us;
    --unflushed;
  }
  dirty.insert("g/" + group.key);
  SetNext(group, kNever);
  if (ShouldSend(group, shown, now_us)) Send(group, shown, now_us);
  for (Member* member : shown) {
    if (!member->firing() && !member->holds(now_us)) forgotten.push_back(member->alert);
  }
  if (forgotten.size() < group.members.size()) {
    for (HeldAlert* held : forgotten) {
      Leave(*held, group);
      ForgetIfDone(*held);
    }
    ScheduleAfterFlush(group, now_us);
    return;
  }
  // The last Leave ends the group.
  for (HeldAlert* held : forgotten) {
    Leave(*held, group);
    ForgetIfDone(*held);
  }
}

void Notifier::Parts::ScheduleAfterFlush(AlertGroup& group, std::int64_t now_us) {
  const std::int64_t recheck =
      group.route->group_interval_us > 0 ? group.TickAtOrAfter(now_us + 1) : now_us + kRecheckUs;
  std::int64_t next = kNever;
  bool fires = false;
  for (const auto& [fingerprint, member] : group.members) {
    fires |= member.firing();
    if (group.Pending(member, now_us) || (!member.firing() && !member.holds(now_us))) {
      next = std::min(next, recheck);
    } else if (member.holds(now_us)) {
      next = std::min(next, group.TickAtOrAfter(member.hold_until_us));
    }
  }
  const std::int64_t repeat = group.route->repeat_interval_us;
  if (fires && group.sent_us != 0 && repeat > 0) {
    const std::int64_t due = group.sent_us + repeat;
    next = std::min(next, due > now_us ? group.TickAtOrAfter(due) : recheck);
  }
  SetNext(group, next);
}

void Notifier::Parts::Send(AlertGroup& group, const std::vector<Member*>& shown,
                           std::int64_t now_us) {
  Notification out;
  out.receiver = group.route->receiver;
  out.route_id = group.route->id;
  out.group_key = group.key;
  out.group_labels = group.labels;
  out.flush = ++group.flush;
  out.decided_us = now_us;
  const bool news = std::ranges::any_of(
      shown, [&](const Member* member) { return group.Pending(*member, now_us); });
  for (const Member* member : shown) ++(member->firing() ? out.firing_count : out.resolved_count);
  using Cause = Notification::Cause;
  if (out.firing_count == 0) {
    out.cause = Cause::kResolved;
  } else if (group.sent_us == 0) {
    out.cause = Cause::kFirst;
  } else {
    out.cause = news ? Cause::kUpdate : Cause::kRepeat;
  }
  out.firing_news = out.cause == Cause::kFirst || out.cause == Cause::kRepeat ||
                    std::ranges::any_of(shown, [&](const Member* member) {
                      return member->firing() && group.Pending(*member, now_us);
                    });
  Emit(group, shown, std::move(out), now_us);
  for (Member* member : shown) {
    member->told = member->firing() ? Told::kFiring : Told::kResolved;
    member->told_severity = member->alert->severity;
    if (member->holds(now_us)) member->flapping_told = true;
    dirty.insert("a/" + member->alert->fingerprint);
  }
  group.sent_us = now_us;
}

void Notifier::Parts::RollWindow(ReceiverState& state, std::int64_t now_us) {
  if (now_us - state.window_us < kMinuteUs) return;
  state.window_us = now_us;
  state.decided = 0;
}

void Notifier::Parts::StartStorm(const std::string& receiver, ReceiverState& state,
                                 std::int64_t now_us) {
  dirty.insert("r/" + receiver);
  if (state.storm) return;
  state.storm = true;
  state.storm_gap_us = kFirstDigestUs;
  state.storm_due_us = now_us + kFirstDigestUs;
}

void Notifier::Parts::Emit(AlertGroup& group, const std::vector<Member*>& shown,
                           Notification notification, std::int64_t now_us) {
  const std::string& receiver = group.route->receiver;
  ReceiverState& state = receivers[receiver];
  dirty.insert("r/" + receiver);
  // A storm's minute is closed by its digests.
  if (!state.storm) RollWindow(state, now_us);
  ++state.decided;
  const auto own = options.storm_per_minute_of.find(receiver);
  const std::uint32_t limit =
      own == options.storm_per_minute_of.end() ? options.storm_per_minute : own->second;
  if (limit > 0 && state.decided > limit) StartStorm(receiver, state, now_us);
  if (state.storm) {
    for (const Member* member : shown) {
      // What did not change since it was told is no part of the storm.
      if (group.Pending(*member, now_us) || notification.cause == Notification::Cause::kRepeat) {
        state.storm_digest.Add(*member->alert, member->firing());
      }
    }
    return;
  }
  std::vector<Member*> first = shown;
  const std::size_t keep = std::min(first.size(), Notification::kMaxAlerts);
  std::ranges::partial_sort(
      first, first.begin() + static_cast<std::ptrdiff_t>(keep), {},
      [](const Member* member) { return member->alert->Order(member->firing()); });
  for (std::size_t i = 0; i < keep; ++i) {
    Result<AlertMessage> alert = ParseAlertMessage(first[i]->alert->json);
    if (!alert) continue;  // was read when it came: cannot happen
    if (first[i]->left && alert->firing) {
      alert->firing = false;
      alert->ends_at_us = alert->time_us;
    }
    alert->flapping = first[i]->holds(now_us);
    notification.alerts.push_back(std::move(*alert));
  }
  ready.push_back(std::move(notification));
}

void Notifier::Parts::SendDigest(const std::string& receiver, ReceiverState& state, bool backlog,
                                 std::int64_t now_us) {
  Digest& digest = backlog ? state.backlog_digest : state.storm_digest;
  dirty.insert("r/" + receiver);
  if (digest.empty()) return;
  Notification out;
  out.receiver = receiver;
  out.group_key = (backlog ? "backlog:" : "digest:") + receiver;
  out.flush = ++state.digests;
  out.decided_us = now_us;
  out.backlog = backlog;
  digest.MoveTo(out);
  using Cause = Notification::Cause;
  out.cause = out.firing_count == 0 ? Cause::kResolved : Cause::kUpdate;
  ready.push_back(std::move(out));
}

void Notifier::Parts::FlushDigests(const std::string& receiver, ReceiverState& state,
                                   std::int64_t now_us) {
  if (state.backlog_due_us <= now_us) {
    SendDigest(receiver, state, true, now_us);
    state.backlog_due_us = kNever;
  }
  if (state.storm_due_us > now_us) return;
  SendDigest(receiver, state, false, now_us);
  state.storm_gap_us = std::min(state.storm_gap_us * 2, kMinuteUs);
  state.storm_due_us = now_us + state.storm_gap_us;
  if (now_us - state.window_us < kMinuteUs) return;
  const auto own = options.storm_per_minute_of.find(receiver);
  const std::uint32_t limit =
      own == options.storm_per_minute_of.end() ? options.storm_per_minute : own->second;
  if (state.decided <= limit || limit == 0) {
    state.storm = false;
    state.storm_due_us = kNever;
  }
  RollWindow(state, now_us);
}

std::vector<Notification> Notifier::Parts::Flush(std::int64_t now_us) {
  FinishLoad();
  while (!timers.empty() && (*timers.begin())->next_us <= now_us) {
    FlushGroup(**timers.begin(), now_us);
  }
  for (auto& [receiver, state] : receivers) FlushDigests(receiver, state, now_us);
  silences.Sweep(now_us);
  return std::exchange(ready, {});
}

}  // namespace tocsin
