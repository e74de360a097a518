#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/alert_message.h"
#include "route/matcher.h"

namespace tocsin {

// Notifications that are not wanted for now. Three kinds:
//  - silence: matching alerts between starts_at and ends_at;
//  - acknowledgement: one alert (`caught` is its fingerprint; no matchers needed) until it
//  resolves;
//    its resolution is told, repeats are not;
//  - shelve: matching alerts once: ends when the alert it first caught resolves, or at ends_at.
struct Silence {
  enum class Kind : std::uint8_t { kSilence, kAcknowledge, kShelve } kind = Kind::kSilence;
  std::string id;  // 16 hex digits, made by the caller at random
  std::vector<Matcher> matchers;
  std::int64_t starts_at_us = 0;
  std::int64_t ends_at_us = 0;  // 0 = until it resolves
  std::string created_by;
  std::string comment;
  std::string caught;  // fingerprint: of the acknowledged alert, or of the one the shelve caught
  std::int64_t created_at_us = 0;

  bool ActiveAt(std::int64_t now_us) const;
  // Alertmanager's silence fields, and `kind` (silence, acknowledge, shelve) and `caught` besides;
  // endsAt is null when it is 0.
  std::string ToJson() const;
  // Reads that form; members it does not know pass. kInvalidArgument naming the member.
  static Result<Silence> FromJson(std::string_view json);
};

// Bounded: at most 10,000 (ended ones included until they are swept). Threads: none but the
// owner's.
class SilenceSet {
 public:
  static constexpr std::size_t kMaxSilences = 10'000;

  // Replaces one of the same id. kInvalidArgument for a silence that ends before it starts, has no
  // id, or catches everything or nothing for want of matchers (an acknowledgement: of `caught`);
  // kResourceExhausted when the set is full.
  Status Add(Silence silence);
  // Ends it now. kNotFound naming the id.
  Status Expire(std::string_view id, std::int64_t now_us);
  // The id of an active one that catches the alert, "" when none does. Binds a shelve that has
  // caught nothing yet to the alert. An acknowledgement does not catch a resolved alert.
  std::string Catches(const AlertMessage& alert, std::int64_t now_us);
  // Catches without binding.
  std::string CatchesNow(const AlertMessage& alert, std::int64_t now_us) const;
  // Ends the acknowledgements and shelves that wait for this alert.
  void OnResolved(const AlertMessage& alert, std::int64_t now_us);
  // Forgets those that ended more than five days ago.
  void Sweep(std::int64_t now_us);
  const std::map<std::string, Silence>& all() const;

  // Keyed state: s/<id> → JSON; an empty value deletes. Load is false for what it cannot read.
  using Put = std::function<void(std::string_view key, std::string_view value)>;
  void Save(bool everything, const Put& put);
  bool Load(std::string_view key, std::string_view value);

 private:
  const Silence* Find(const AlertMessage& alert, std::int64_t now_us) const;

  std::map<std::string, Silence> silences_;
  std::vector<std::string> changed_;
};

}  // namespace tocsin
