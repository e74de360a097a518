#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "route/notifier_parts.h"

// Keyed state. Every value starts with the version byte; numbers are varints, texts are prefixed by
// their length.
//   a/<fingerprint>  changed_us, record, count, then per group: key, told, told severity, left,
//                    hold_until_us, flapping_told
//   g/<group key>    route key, receiver, labels, flushed, anchor_us, next_us, sent_us, flush
//   r/<receiver>     window_us, decided, storm, storm_due_us, storm_gap_us, backlog_due_us,
//   digests,
//                    the two digests
namespace tocsin {
namespace {

constexpr char kVersion = 1;

class Reader {
 public:
  explicit Reader(std::string_view value) : at_(value.data()), end_(value.data() + value.size()) {
    if (value.empty() || *at_++ != kVersion) at_ = nullptr;
  }
  std::uint64_t Number() {
    std::uint64_t number = 0;
    if (at_ != nullptr) at_ = ReadVarint(at_, end_, number);
    return number;
  }
  std::int64_t Time() { return static_cast<std::int64_t>(Number()); }
  std::string Text() {
    std::string_view text;
    if (at_ != nullptr) at_ = ReadBytes(at_, end_, text);
    return std::string(text);
  }
  void Read(Digest& digest) {
    if (at_ != nullptr) at_ = digest.Decode(at_, end_);
  }
  bool ok() const { return at_ != nullptr; }
  bool done() const { return at_ == end_; }

 private:
  const char* at_;
  const char* end_;
};

void PutTime(std::string& out, std::int64_t time_us) {
  PutVarint(out, static_cast<std::uint64_t>(time_us));
}

std::string EncodeAlert(const HeldAlert& held) {
  std::string out(1, kVersion);
  PutTime(out, held.changed_us);
  PutBytes(out, held.json);
  PutVarint(out, held.groups.size());
  for (const AlertGroup* group : held.groups) {
    const Member& member = group->members.at(held.fingerprint);
    PutBytes(out, group->key);
    PutVarint(out, static_cast<std::uint64_t>(member.told));
    PutBytes(out, member.told_severity);
    PutVarint(out, member.left ? 1 : 0);
    PutTime(out, member.hold_until_us);
    PutVarint(out, member.flapping_told ? 1 : 0);
  }
  return out;
}

std::string EncodeGroup(const AlertGroup& group) {
  std::string out(1, kVersion);
  PutBytes(out, group.route->key);
  PutBytes(out, group.route->receiver);
  PutVarint(out, group.labels.size());
  for (const auto& [name, value] : group.labels) {
    PutBytes(out, name);
    PutBytes(out, value);
  }
  PutVarint(out, group.flushed ? 1 : 0);
  PutTime(out, group.anchor_us);
  PutTime(out, group.next_us);
  PutTime(out, group.sent_us);
  PutVarint(out, group.flush);
  return out;
}

}  // namespace

std::string Notifier::Parts::Encode(std::string_view key) const {
  const std::string name(key.substr(2));
  if (key.starts_with("a/")) {
    const auto at = alerts.find(name);
    return at == alerts.end() ? "" : EncodeAlert(*at->second);
  }
  if (key.starts_with("g/")) {
    const auto at = groups.find(name);
    return at == groups.end() ? "" : EncodeGroup(*at->second);
  }
  const auto at = receivers.find(name);
  if (at == receivers.end()) return "";
  const ReceiverState& state = at->second;
  std::string out(1, kVersion);
  PutTime(out, state.window_us);
  PutVarint(out, state.decided);
  PutVarint(out, state.storm ? 1 : 0);
  PutTime(out, state.storm_due_us);
  PutTime(out, state.storm_gap_us);
  PutTime(out, state.backlog_due_us);
  PutVarint(out, state.digests);
  state.storm_digest.Encode(out);
  state.backlog_digest.Encode(out);
  return out;
}

void Notifier::Parts::Save(bool everything, const Put& put) {
  FinishLoad();
  if (everything) {
    for (const auto& [fingerprint, held] : alerts) dirty.insert("a/" + fingerprint);
    for (const auto& [key, group] : groups) dirty.insert("g/" + key);
    for (const auto& [receiver, state] : receivers) dirty.insert("r/" + receiver);
  }
  for (const std::string& key : dirty) put(key, Encode(key));
  dirty.clear();
  silences.Save(everything, put);
}

bool Notifier::Parts::Load(std::string_view key, std::string_view value) {
  if (key.starts_with("a/")) return LoadAlert(key.substr(2), value);
  if (key.starts_with("g/")) return LoadGroup(key.substr(2), value);
  if (key.starts_with("r/")) return LoadReceiver(key.substr(2), value);
  return silences.Load(key, value);
}

bool Notifier::Parts::LoadReceiver(std::string_view key, std::string_view value) {
  Reader reader(value);
  ReceiverState state;
  state.window_us = reader.Time();
  state.decided = reader.Number();
  state.storm = reader.Number() != 0;
  state.storm_due_us = reader.Time();
  state.storm_gap_us = reader.Time();
  state.backlog_due_us = reader.Time();
  state.digests = reader.Number();
  reader.Read(state.storm_digest);
  reader.Read(state.backlog_digest);
  if (!reader.ok() || !reader.done()) return false;
  // A receiver that the configuration has no more gets nothing more.
  if (send_resolved.contains(std::string(key))) {
    receivers[std::string(key)] = std::move(state);
  } else {
    dirty.insert("r/" + std::string(key));
  }
  return true;
}

bool Notifier::Parts::LoadGroup(std::string_view key, std::string_view value) {
  Reader reader(value);
  const auto route = routes.find(reader.Text());
  const std::string receiver = reader.Text();
  auto group = std::make_unique<AlertGroup>();
  group->key = key;
  const std::uint64_t labels = reader.Number();
  for (std::uint64_t i = 0; i < labels && reader.ok(); ++i) {
    std::string name = reader.Text();
    group->labels[std::move(name)] = reader.Text();
  }
  group->flushed = reader.Number() != 0;
  group->anchor_us = reader.Time();
  group->next_us = reader.Time();
  group->sent_us = reader.Time();
  group->flush = reader.Number();
  if (!reader.ok() || !reader.done() || groups.contains(group->key)) return false;
  if (route == routes.end() || route->second->receiver != receiver) {
    dirty.insert("g/" + group->key);  // its route is gone: the alerts are routed anew
    return true;
  }
  group->route = route->second;
  group->send_resolved = SendsResolved(receiver);
  if (!group->flushed) ++unflushed;
  AlertGroup* const raw = group.get();
  groups.emplace(group->key, std::move(group));
  if (raw->next_us != kNever) timers.insert(raw);
  loaded_groups = true;
  return true;
}

bool Notifier::Parts::LoadAlert(std::string_view key, std::string_view value) {
  Reader reader(value);
  auto held = std::make_unique<HeldAlert>();
  const std::int64_t changed_us = reader.Time();
  const Result<AlertMessage> alert = ParseAlertMessage(reader.Text());
  std::vector<LoadedMember> members;
  const std::uint64_t count = reader.Number();
  for (std::uint64_t i = 0; i < count && reader.ok(); ++i) {
    LoadedMember loaded_member;
    loaded_member.group_key = reader.Text();
    const std::uint64_t told = std::min<std::uint64_t>(reader.Number(), 2);
    loaded_member.member.told = static_cast<Told>(told);
    loaded_member.member.told_severity = reader.Text();
    loaded_member.member.left = reader.Number() != 0;
    loaded_member.member.hold_until_us = reader.Time();
    loaded_member.member.flapping_told = reader.Number() != 0;
    members.push_back(std::move(loaded_member));
  }
  const std::string fingerprint(key);
  if (!reader.ok() || !reader.done() || !alert || alert->fingerprint != fingerprint ||
      alerts.contains(fingerprint)) {
    return false;
  }
  held->fingerprint = fingerprint;
  Take(*held, *alert, changed_us);
  held->marks = inhibition.MarksOf(alert->RouteLabels());
  if (held->firing) inhibition.Add(held->marks);
  dirty.erase("a/" + fingerprint);
  loaded.emplace_back(held.get(), std::move(members));
  alerts.emplace(fingerprint, std::move(held));
  return true;
}

void Notifier::Parts::Attach(HeldAlert& held, const std::vector<LoadedMember>& members) {
  for (const LoadedMember& item : members) {
    const auto group = groups.find(item.group_key);
    if (group == groups.end()) continue;
    Member& member = Join(held, *group->second);
    member = item.member;
    member.alert = &held;
  }
  if (!held.firing) return;
  const Result<AlertMessage> alert = ParseAlertMessage(held.json);
  if (!alert) return;
  const LabelMap labels = alert->RouteLabels();
  std::set<const AlertGroup*> targets;
  for (const Route* route : MatchRoutes(config.route, labels)) {
    AlertGroup& group = GroupFor(*route, labels, held);
    const bool member = group.members.contains(held.fingerprint);
    Join(held, group).left = false;
    targets.insert(&group);
    if (member) continue;
    dirty.insert("a/" + held.fingerprint);
    // Another configuration leads it here: told as soon as the group may speak.
    SetNext(group, std::min(group.next_us, group.flushed ? group.TickAtOrAfter(held.changed_us)
                                                         : held.changed_us));
  }
  for (AlertGroup* group : held.groups) {
    Member& member = group->members.at(held.fingerprint);
    if (targets.contains(group) || member.left) continue;
    member.left = true;
    dirty.insert("a/" + held.fingerprint);
    SetNext(*group, std::min(group->next_us, group->TickAtOrAfter(held.changed_us)));
  }
}

void Notifier::Parts::FinishLoad() {
  if (loaded.empty() && !loaded_groups) return;
  loaded_groups = false;
  const auto members = std::exchange(loaded, {});
  for (const auto& [held, list] : members) Attach(*held, list);
  for (const auto& [held, list] : members) {
    if (held->groups.size() != list.size()) dirty.insert("a/" + held->fingerprint);
    ForgetIfDone(*held);
  }
  std::vector<AlertGroup*> empty;
  for (const auto& [key, group] : groups) {
    if (group->members.empty()) empty.push_back(group.get());
  }
  for (AlertGroup* group : empty) Erase(*group);
}

}  // namespace tocsin
