#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/error.h"
#include "channels/channel.h"

namespace tocsin {

// One notification on one channel: a durable row.
//
//   queued → sending(attempt n) → done | dead; back to queued with a due time after a failure
struct Delivery {
  enum class State : std::uint8_t { kQueued, kSending, kDone, kDead };
  std::string id;       // 16 hex digits, stable over retries, restarts and redeliveries
  std::string channel;  // ChannelConfig::name
  std::string kind;
  std::string receiver;
  std::string group_key;
  std::string summary;  // one line for lists: "temperature_high firing at dev_7 (+3)"
  State state = State::kQueued;
  bool maybe_sent = false;  // an attempt may have arrived though it was not seen to: the process
                            // died or stopped while it was sent; or it was delivered before
  bool meta = false;        // tells of the failure of others; its own failure is told to nobody
  std::uint32_t attempts = 0;
  std::uint64_t sequence = 0;  // order of queueing
  std::int64_t queued_us = 0;
  std::int64_t due_us = 0;    // of the next attempt
  std::int64_t ended_us = 0;  // done or dead
  std::uint64_t firing = 0, resolved = 0;
  RenderedMessage message;  // empty once dropped from the history
  bool has_message = true;
  struct Attempt {
    std::int64_t at_us = 0;
    std::int64_t took_us = 0;
    SendResult result;
  };
  static constexpr std::size_t kMaxAttempts = 20;
  std::vector<Attempt> log;  // the last kMaxAttempts
  std::string ToJson(bool with_message) const;
};

std::string_view DeliveryStateName(Delivery::State state);
std::string_view SendOutcomeName(SendResult::Outcome outcome);

// Row (without its message) and message as bytes; false for bytes that are none.
std::string EncodeDelivery(const Delivery& delivery);
bool DecodeDelivery(std::string_view bytes, Delivery& delivery);
std::string EncodeMessage(const RenderedMessage& message);
bool DecodeMessage(std::string_view bytes, RenderedMessage& message);

// The rows and their order: nothing of clocks, threads or channels.
//
// Rows of one channel and one group leave in the order in which they were queued: a resolution
// never overtakes the alert it resolves. Of the ended rows the newest kKeepEnded of a channel and
// state are kept, at most kKeepUs; the messages of dead ones all, of delivered ones the newest
// kKeepMessages.
//
// Threads: none but the owner's.
class Outbox {
 public:
  static constexpr std::size_t kKeepEnded = 1000;
  static constexpr std::size_t kKeepMessages = 100;
  static constexpr std::int64_t kKeepUs = 7LL * 24 * 3600 * 1'000'000;
  // What a row costs beside its message.
  static constexpr std::uint64_t kRowBytes = 1024;

  // Takes a row in state queued or dead; its sequence is given here. The id must be new.
  const Delivery& Add(Delivery delivery);
  const Delivery* Find(std::string_view id) const;
  // The row of the channel that is due first among those that may go next, or nullptr.
  const Delivery* Next(std::string_view channel) const;
  // Those of the channel that may go next, by their due time.
  void VisitNext(std::string_view channel, const std::function<bool(const Delivery&)>& visit) const;
  // Rows that have not ended, oldest first.
  void VisitOpen(const std::function<bool(const Delivery&)>& visit) const;
  // Ids of queued rows of the channel, at most `max`; of each group the oldest first.
  std::vector<std::string> QueuedOf(std::string_view channel, std::size_t max) const;
  std::vector<std::string> Channels() const;  // that have rows

  void StartSending(std::string_view id);
  void Record(std::string_view id, Delivery::Attempt attempt);
  // From sending (or queued) back to queued. `attempted` false: the attempt was not made.
  void Requeue(std::string_view id, std::int64_t due_us, bool attempted, bool maybe_sent);
  void End(std::string_view id, Delivery::State state, std::int64_t now_us);
  // An ended row that still has its message is queued anew. Errors: kNotFound,
  // kFailedPrecondition (not ended, or without its message).
  Status Redeliver(std::string_view id, std::int64_t now_us);
  // Rows of the channel that wait for a later attempt become due at `now_us`.
  void BringForward(std::string_view channel, std::int64_t now_us);
  void Trim(std::int64_t now_us);

  struct Counts {
    std::uint64_t queued = 0, sending = 0, done = 0, dead = 0;
    std::uint64_t bytes = 0;       // of all rows
    std::uint64_t open_bytes = 0;  // of those that have not ended
  };
  Counts CountsOf(std::string_view channel) const;
  Counts Total() const;
  // Newest first; an empty channel means all.
  void VisitNewest(const std::function<bool(const Delivery&)>& visit) const;

  // Keyed state under "d/" (rows) and "m/" (messages). Load gets every entry, then Loaded() makes
  // the rows whole: what was being sent is queued again and may have arrived. Returns how many.
  using Put = std::function<void(std::string_view key, std::string_view value)>;
  void Save(bool everything, const Put& put);
  bool changed() const { return !changed_.empty() || !removed_.empty(); }
  bool Load(std::string_view key, std::string_view value);
  std::size_t Loaded();
  void Clear();

 private:
  struct Row {
    Delivery delivery;
    bool message_changed = false;
  };
  struct Group {
    std::map<std::uint64_t, Row*> rows;  // by sequence
    std::pair<std::int64_t, std::uint64_t> head{-1, 0};
  };
  struct Lane {
    std::map<std::string, Group, std::less<>> groups;
    std::map<std::pair<std::int64_t, std::uint64_t>, Row*> heads;  // by due time
    std::map<std::uint64_t, Row*> ended[2];                        // done, dead; by sequence
    Counts counts;
  };
  static std::uint64_t BytesOf(const Delivery& delivery);
  Row& At(std::string_view id);
  void Insert(Row& row);
  void Remove(Row& row);
  void RefreshHead(Lane& lane, Group& group);
  void Changed(Row& row);
  void Forget(Row& row);
  void DropMessage(Row& row);

  std::unordered_map<std::string, std::unique_ptr<Row>> rows_;
  std::map<std::string, Lane, std::less<>> lanes_;
  std::map<std::uint64_t, Row*> open_;     // not ended, by sequence
  std::map<std::uint64_t, Row*> ordered_;  // all, by sequence
  std::unordered_set<std::string> changed_;
  std::vector<std::string> removed_;  // keys
  std::uint64_t sequence_ = 0;
};

}  // namespace tocsin
