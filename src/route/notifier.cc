#include "route/notifier.h"

#include <algorithm>
#include <utility>

#include "base/json_text.h"
#include "route/notifier_parts.h"

namespace tocsin {
namespace {

constexpr std::int64_t kMinuteUs = 60'000'000;
constexpr std::int64_t kLeastQuietUs = 15 * kMinuteUs;

std::string GroupKey(const Route& route, const LabelMap& labels) {
  std::string key = route.key + ":{";
  bool first = true;
  for (const auto& [name, value] : labels) {
    if (!first) key += ", ";
    first = false;
    key += name + "=";
    AppendJsonString(key, value);
  }
  return key + "}";
}

LabelMap GroupLabels(const Route& route, const LabelMap& labels) {
  if (route.group_by_all) return labels;
  LabelMap group;
  for (const std::string& name : route.group_by) {
    const auto at = labels.find(name);
    if (at != labels.end()) group.insert(*at);
  }
  return group;
}

// FNV-1a, 64 bits, of the opener's identity with room for 65,536 flushes: the same after a crash,
// another in the group's next life. Below 2^53, so that it is exact in any JSON reader.
std::uint64_t FirstFlushNumber(const HeldAlert& opener) {
  std::uint64_t hash = 14695981039346656037ull;
  for (const std::string* text : {&opener.id, &opener.fingerprint}) {
    for (const char c : *text) {
      hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ull;
    }
  }
  return (hash >> 27) << 16;
}

void IndexRoutes(const Route& route, std::unordered_map<std::string, const Route*>& routes) {
  routes.emplace(route.key, &route);
  for (const Route& child : route.routes) IndexRoutes(child, routes);
}

}  // namespace

int SeverityRank(std::string_view severity) {
  if (severity == "critical") return 4;
  if (severity == "error") return 3;
  if (severity == "warning") return 2;
  return severity == "info" ? 1 : 0;
}

Notifier::Parts::Parts(RouteConfig config_in, NotifierOptions options_in)
    : config(std::move(config_in)),
      options(std::move(options_in)),
      inhibition(config.inhibit_rules) {
  for (const Receiver& receiver : config.receivers) {
    send_resolved[receiver.name] =
        std::ranges::any_of(receiver.channels, &ChannelConfig::send_resolved);
  }
  IndexRoutes(config.route, routes);
}

bool Notifier::Parts::SendsResolved(const std::string& receiver) const {
  const auto at = send_resolved.find(receiver);
  return at != send_resolved.end() && at->second;
}

void Notifier::Parts::SetNext(AlertGroup& group, std::int64_t next_us) {
  if (group.next_us == next_us) return;
  timers.erase(&group);
  group.next_us = next_us;
  if (next_us != kNever) timers.insert(&group);
  dirty.insert("g/" + group.key);
}

void Notifier::Parts::Erase(AlertGroup& group) {
  timers.erase(&group);
  if (!group.flushed) --unflushed;
  dirty.insert("g/" + group.key);
  groups.erase(std::string(group.key));
}

void Notifier::Parts::Leave(HeldAlert& held, AlertGroup& group) {
  group.members.erase(held.fingerprint);
  std::erase(held.groups, &group);
  dirty.insert("a/" + held.fingerprint);
  if (group.members.empty()) Erase(group);
}

void Notifier::Parts::ForgetIfDone(HeldAlert& held) {
  if (held.firing || !held.groups.empty()) return;
  dirty.insert("a/" + held.fingerprint);
  resolved.erase({held.changed_us, held.fingerprint});
  alerts.erase(std::string(held.fingerprint));
}

AlertGroup& Notifier::Parts::GroupFor(const Route& route, const LabelMap& labels,
                                      const HeldAlert& opener) {
  LabelMap group_labels = GroupLabels(route, labels);
  std::string key = GroupKey(route, group_labels);
  std::unique_ptr<AlertGroup>& group = groups[key];
  if (group == nullptr) {
    group = std::make_unique<AlertGroup>();
    group->key = std::move(key);
    group->route = &route;
    group->send_resolved = SendsResolved(route.receiver);
    group->labels = std::move(group_labels);
    group->flush = FirstFlushNumber(opener);
    ++unflushed;
    dirty.insert("g/" + group->key);
  }
  return *group;
}

Member& Notifier::Parts::Join(HeldAlert& held, AlertGroup& group) {
  const auto [at, added] = group.members.try_emplace(held.fingerprint);
  if (added) {
    at->second.alert = &held;
    held.groups.push_back(&group);
  }
  return at->second;
}

// A group that is due and has news of this alert speaks before the news is overwritten.
void Notifier::Parts::FlushWhatIsDue(const std::string& fingerprint, std::int64_t now_us) {
  const auto at = alerts.find(fingerprint);
  if (at == alerts.end()) return;
  std::vector<AlertGroup*> due;
  for (AlertGroup* group : at->second->groups) {
    if (group->next_us <= now_us && group->Pending(group->members.at(fingerprint), now_us)) {
      due.push_back(group);
    }
  }
  for (AlertGroup* group : due) FlushGroup(*group, now_us);
}

HeldAlert* Notifier::Parts::Hold(const AlertMessage& alert, std::int64_t now_us) {
  if (alerts.size() >= options.max_alerts) {
    if (resolved.empty()) {
      HeldAlert passing;
      passing.fingerprint = alert.fingerprint;
      passing.json = alert.json;
      passing.rule = alert.rule;
      passing.severity = alert.severity;
      passing.device_id = alert.device_id;
      passing.starts_at_us = alert.starts_at_us;
      CountOnly(passing, alert.RouteLabels(), now_us);
      return nullptr;
    }
    Evict(*alerts.at(resolved.begin()->second), now_us);
  }
  std::unique_ptr<HeldAlert>& held = alerts[alert.fingerprint];
  held = std::make_unique<HeldAlert>();
  held->fingerprint = alert.fingerprint;
  held->firing = false;  // until the record is taken
  return held.get();
}

void Notifier::Parts::CountOnly(const HeldAlert& alert, const LabelMap& labels,
                                std::int64_t now_us) {
  for (const Route* route : MatchRoutes(config.route, labels)) {
    ReceiverState& state = receivers[route->receiver];
    StartStorm(route->receiver, state, now_us);
    state.storm_digest.Add(alert, alert.firing);
  }
}

void Notifier::Parts::Evict(HeldAlert& held, std::int64_t now_us) {
  std::set<std::string> told;
  const std::vector<AlertGroup*> in = held.groups;
  for (AlertGroup* group : in) {
    const std::string& receiver = group->route->receiver;
    if (group->Pending(group->members.at(held.fingerprint), now_us) &&
        told.insert(receiver).second) {
      StartStorm(receiver, receivers[receiver], now_us);
      receivers[receiver].storm_digest.Add(held, false);
    }
    Leave(held, *group);
  }
  ForgetIfDone(held);
}

void Notifier::Parts::Take(HeldAlert& held, const AlertMessage& alert, std::int64_t now_us) {
  if (held.firing) inhibition.Remove(held.marks);
  resolved.erase({held.changed_us, held.fingerprint});
  held.json = alert.json;
  held.id = alert.id;
  held.rule = alert.rule;
  held.severity = alert.severity;
  held.device_id = alert.device_id;
  held.firing = alert.firing;
  held.starts_at_us = alert.starts_at_us;
  held.time_us = alert.time_us;
  held.changed_us = now_us;
  if (!held.firing) resolved.insert({held.changed_us, held.fingerprint});
  dirty.insert("a/" + held.fingerprint);
}

// True when a silence, shelve or acknowledgement held the alert back up to now.
bool Notifier::Parts::Caught(const AlertMessage& alert, std::int64_t now_us) {
  if (silences.all().empty()) return false;
  if (alert.firing) return !silences.Catches(alert, now_us).empty();
  AlertMessage before = alert;
  before.firing = true;
  const bool caught = !silences.CatchesNow(before, now_us).empty();
  silences.OnResolved(alert, now_us);
  return caught;
}

void Notifier::Parts::RouteFiring(HeldAlert& held, const LabelMap& labels, std::int64_t now_us) {
  std::set<const AlertGroup*> targets;
  for (const Route* route : MatchRoutes(config.route, labels)) {
    AlertGroup& group = GroupFor(*route, labels, held);
    Join(held, group).left = false;
    targets.insert(&group);
    if (group.flushed) continue;
    const std::int64_t wait = route->group_wait_us;
    if (held.starts_at_us + wait < now_us) {
      SetNext(group, std::min(group.next_us, now_us));
    } else if (group.next_us == kNever) {
      SetNext(group, now_us + wait);
    }
  }
  for (AlertGroup* group : held.groups) {
    if (!targets.contains(group)) group->members.at(held.fingerprint).left = true;
  }
}

// Looks at every group of an alert that changed: flapping, and the next flush.
void Notifier::Parts::Touch(HeldAlert& held, bool flapping, std::int64_t now_us) {
  for (AlertGroup* group : held.groups) {
    Member& member = group->members.at(held.fingerprint);
    if (flapping && !member.holds(now_us)) member.flapping_told = false;
    if (flapping || member.holds(now_us)) {
      member.hold_until_us = now_us + std::max(group->route->group_interval_us, kLeastQuietUs);
    }
    if (!group->flushed) continue;
    std::int64_t want = kNever;
    if (group->Pending(member, now_us) || (!member.firing() && !member.holds(now_us))) {
      want = group->route->group_interval_us > 0 ? group->TickAtOrAfter(now_us + 1) : now_us;
    } else if (member.holds(now_us)) {
      want = group->TickAtOrAfter(member.hold_until_us);
    }
    SetNext(*group, std::min(group->next_us, want));
  }
}

void Notifier::Parts::TakeBacklog(HeldAlert& held, std::int64_t now_us) {
  if (Suppressed(held, now_us)) return;  // told with the others when that ends
  std::set<std::string_view> told;
  const std::vector<AlertGroup*> in = held.groups;
  for (AlertGroup* group : in) {
    Member& member = group->members.at(held.fingerprint);
    const std::string& receiver = group->route->receiver;
    if (Muted(*group->route, now_us) || !group->Pending(member, now_us)) continue;
    ReceiverState& state = receivers[receiver];
    if (state.backlog_due_us == kNever) {
      const std::int64_t interval = group->route->group_interval_us;
      state.backlog_due_us = now_us + (interval > 0 ? interval : kMinuteUs);
    }
    if (told.insert(receiver).second) state.backlog_digest.Add(held, member.firing());
    dirty.insert("r/" + receiver);
    dirty.insert("g/" + group->key);
    if (!member.firing()) {
      Leave(held, *group);
      continue;
    }
    member.told = Told::kFiring;
    member.told_severity = held.severity;
    member.flapping_told = true;
    if (group->members.size() > 1) continue;  // the others' news go their own way
    if (!group->flushed) {
      group->flushed = true;
      group->anchor_us = now_us;
      --unflushed;
    }
    group->sent_us = now_us;
    const std::int64_t repeat = group->route->repeat_interval_us;
    SetNext(*group, repeat > 0 ? group->TickAtOrAfter(now_us + repeat) : kNever);
  }
}

void Notifier::Parts::OnAlert(const AlertMessage& alert, std::int64_t now_us, bool hold) {
  FinishLoad();
  if (!hold) FlushWhatIsDue(alert.fingerprint, now_us);
  const auto at = alerts.find(alert.fingerprint);
  HeldAlert* held = at == alerts.end() ? nullptr : at->second.get();
  const bool caught = Caught(alert, now_us);
  if (held == nullptr) {
    if (!alert.firing) return;  // nobody heard of it
    held = Hold(alert, now_us);
    if (held == nullptr) return;
  }
  Take(*held, alert, now_us);
  const LabelMap labels = alert.RouteLabels();
  held->marks = inhibition.MarksOf(labels);
  if (alert.firing) {
    inhibition.Add(held->marks);
    RouteFiring(*held, labels, now_us);
  } else if (caught) {
    const std::vector<AlertGroup*> in = held->groups;
    for (AlertGroup* group : in) {
      if (group->members.at(held->fingerprint).told == Told::kNothing) Leave(*held, *group);
    }
  }
  Touch(*held, alert.flapping, now_us);
  if (options.backlog_age_us > 0 && alert.time_us < now_us - options.backlog_age_us) {
    TakeBacklog(*held, now_us);
  }
  ForgetIfDone(*held);
}

Notifier::Notifier(RouteConfig config, NotifierOptions options)
    : parts_(std::make_unique<Parts>(std::move(config), std::move(options))) {}
Notifier::~Notifier() = default;

void Notifier::OnAlert(AlertMessage alert, std::int64_t now_us, bool hold) {
  parts_->OnAlert(alert, now_us, hold);
}
std::vector<Notification> Notifier::TakeReady() {
  return std::exchange(parts_->ready, {});
}
void Notifier::LimitStorms(std::map<std::string, std::uint32_t> per_minute_of) {
  parts_->options.storm_per_minute_of = std::move(per_minute_of);
}
std::vector<Notification> Notifier::Flush(std::int64_t now_us) {
  return parts_->Flush(now_us);
}
const RouteConfig& Notifier::config() const {
  return parts_->config;
}
SilenceSet& Notifier::silences() {
  return parts_->silences;
}
void Notifier::Save(bool everything, const Put& put) {
  parts_->Save(everything, put);
}
bool Notifier::Load(std::string_view key, std::string_view value) {
  return parts_->Load(key, value);
}

std::int64_t Notifier::NextFlushUs() const {
  parts_->FinishLoad();
  if (!parts_->ready.empty()) return std::numeric_limits<std::int64_t>::min();
  std::int64_t next = parts_->timers.empty() ? kNever : (*parts_->timers.begin())->next_us;
  for (const auto& [name, state] : parts_->receivers) {
    next = std::min({next, state.storm_due_us, state.backlog_due_us});
  }
  return next;
}

bool Notifier::Idle() const {
  parts_->FinishLoad();
  const auto waits = [](const auto& item) {
    return !item.second.storm_digest.empty() || !item.second.backlog_digest.empty();
  };
  return parts_->unflushed == 0 && parts_->ready.empty() &&
         std::ranges::none_of(parts_->receivers, waits);
}

// The new configuration reads the state of the old one as after a restart.
void Notifier::Reconfigure(RouteConfig config, std::int64_t now_us) {
  for (Notification& notification : parts_->Flush(now_us)) {
    parts_->ready.push_back(std::move(notification));
  }
  auto next = std::make_unique<Parts>(std::move(config), parts_->options);
  next->dirty = parts_->dirty;
  // Not by way of Save: what of them is not saved yet must stay so.
  next->silences = std::exchange(parts_->silences, SilenceSet());
  parts_->Save(true, [&next](std::string_view key, std::string_view value) {
    next->dirty.insert(std::string(key));
    if (!value.empty()) next->Load(key, value);
  });
  next->ready = std::move(parts_->ready);
  parts_ = std::move(next);
  parts_->FinishLoad();
}

std::optional<bool> Notifier::Fires(const std::string& fingerprint) const {
  parts_->FinishLoad();
  const auto held = parts_->alerts.find(fingerprint);
  if (held == parts_->alerts.end()) return std::nullopt;
  return held->second->firing;
}

void Notifier::VisitAlerts(std::int64_t now_us,
                           const std::function<void(const AlertView&)>& visit) const {
  parts_->FinishLoad();
  std::vector<const HeldAlert*> all;
  for (const auto& [fingerprint, held] : parts_->alerts) all.push_back(held.get());
  std::ranges::sort(all, {}, &HeldAlert::fingerprint);
  for (const HeldAlert* held : all) {
    const Result<AlertMessage> alert = ParseAlertMessage(held->json);
    if (!alert) continue;
    AlertView view{&*alert,
                   parts_->inhibition.Inhibits(held->marks),
                   parts_->silences.CatchesNow(*alert, now_us),
                   !held->groups.empty(),
                   {}};
    for (const AlertGroup* group : held->groups) {
      view.muted = view.muted && parts_->Muted(*group->route, now_us);
      view.receivers.push_back(group->route->receiver);
    }
    visit(view);
  }
}

}  // namespace tocsin
