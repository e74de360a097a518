#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "route/alert_group.h"
#include "route/digest.h"
#include "route/inhibition.h"
#include "route/notifier.h"

namespace tocsin {

// The inside of Notifier: notifier.cc takes alerts in, notifier_flush.cc lets notifications out,
// notifier_state.cc writes and reads the keyed state.
struct Notifier::Parts {
  Parts(RouteConfig config_in, NotifierOptions options_in);
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;

  // What a receiver was sent lately, and what it is to get in one piece.
  struct ReceiverState {
    std::int64_t window_us = 0;  // start of the minute that `decided` counts
    std::uint64_t decided = 0;
    bool storm = false;
    std::int64_t storm_due_us = kNever;
    std::int64_t storm_gap_us = 0;
    Digest storm_digest;
    std::int64_t backlog_due_us = kNever;
    Digest backlog_digest;
    std::uint64_t digests = 0;  // sent: the identity of the next
  };
  struct TimerOrder {
    bool operator()(const AlertGroup* a, const AlertGroup* b) const {
      return std::tie(a->next_us, a->key) < std::tie(b->next_us, b->key);
    }
  };
  struct LoadedMember {
    std::string group_key;
    Member member;
  };

  // notifier.cc
  void OnAlert(const AlertMessage& alert, std::int64_t now_us, bool hold);
  void Take(HeldAlert& held, const AlertMessage& alert, std::int64_t now_us);
  HeldAlert* Hold(const AlertMessage& alert, std::int64_t now_us);
  void FlushWhatIsDue(const std::string& fingerprint, std::int64_t now_us);
  bool Caught(const AlertMessage& alert, std::int64_t now_us);
  void RouteFiring(HeldAlert& held, const LabelMap& labels, std::int64_t now_us);
  AlertGroup& GroupFor(const Route& route, const LabelMap& labels, const HeldAlert& opener);
  Member& Join(HeldAlert& held, AlertGroup& group);
  void Touch(HeldAlert& held, bool flapping, std::int64_t now_us);
  void TakeBacklog(HeldAlert& held, std::int64_t now_us);
  void CountOnly(const HeldAlert& alert, const LabelMap& labels, std::int64_t now_us);
  void Evict(HeldAlert& held, std::int64_t now_us);
  void Leave(HeldAlert& held, AlertGroup& group);
  void ForgetIfDone(HeldAlert& held);
  void SetNext(AlertGroup& group, std::int64_t next_us);
  void Erase(AlertGroup& group);
  bool SendsResolved(const std::string& receiver) const;

  // notifier_flush.cc
  std::vector<Notification> Flush(std::int64_t now_us);
  void FlushGroup(AlertGroup& group, std::int64_t now_us);
  bool ShouldSend(const AlertGroup& group, const std::vector<Member*>& shown,
                  std::int64_t now_us) const;
  void Send(AlertGroup& group, const std::vector<Member*>& shown, std::int64_t now_us);
  void ScheduleAfterFlush(AlertGroup& group, std::int64_t now_us);
  void Emit(AlertGroup& group, const std::vector<Member*>& shown, Notification notification,
            std::int64_t now_us);
  void StartStorm(const std::string& receiver, ReceiverState& state, std::int64_t now_us);
  void RollWindow(ReceiverState& state, std::int64_t now_us);
  void FlushDigests(const std::string& receiver, ReceiverState& state, std::int64_t now_us);
  void SendDigest(const std::string& receiver, ReceiverState& state, bool backlog,
                  std::int64_t now_us);
  bool Muted(const Route& route, std::int64_t now_us) const;
  std::string SilencedBy(const HeldAlert& alert, std::int64_t now_us) const;
  bool Suppressed(const HeldAlert& alert, std::int64_t now_us) const;

  // notifier_state.cc
  void Save(bool everything, const Put& put);
  std::string Encode(std::string_view key) const;  // "" when there is none
  bool Load(std::string_view key, std::string_view value);
  bool LoadAlert(std::string_view key, std::string_view value);
  bool LoadGroup(std::string_view key, std::string_view value);
  bool LoadReceiver(std::string_view key, std::string_view value);
  void FinishLoad();
  void Attach(HeldAlert& held, const std::vector<LoadedMember>& members);

  RouteConfig config;
  NotifierOptions options;
  std::unordered_map<std::string, bool> send_resolved;                 // by receiver
  std::unordered_map<std::string, const Route*> routes;                // by key
  std::unordered_map<std::string, std::unique_ptr<HeldAlert>> alerts;  // by fingerprint
  std::unordered_map<std::string, std::unique_ptr<AlertGroup>> groups;
  std::set<AlertGroup*, TimerOrder> timers;                 // those with a next flush
  std::set<std::pair<std::int64_t, std::string>> resolved;  // arrival and fingerprint
  std::map<std::string, ReceiverState> receivers;
  std::vector<Notification> ready;
  std::size_t unflushed = 0;  // groups that wait for their first flush
  Inhibition inhibition;
  SilenceSet silences;
  std::unordered_set<std::string> dirty;  // state keys
  // Read by Load and not put together yet.
  std::vector<std::pair<HeldAlert*, std::vector<LoadedMember>>> loaded;
  bool loaded_groups = false;
};

}  // namespace tocsin
