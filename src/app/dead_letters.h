#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "config/settings.h"
#include "log/log.h"
#include "model/reject_reason.h"

namespace tocsin {

// One dead letter as it lies in the dead-letter topic. Views are valid during the visit.
struct StoredDeadLetter {
  TopicPartition partition;
  Record record;
  std::int64_t timestamp_ms = 0;
  std::string_view reason;  // as in its header; "" when it has none
  std::optional<RejectReason> known_reason;
  bool truncated = false;  // only the head of the original is left
};

// Visits the dead letters up to the present end, in partition, then offset order, those of one
// reason when `reason` is not empty, until `visit` returns false.
using DeadLetterVisitor = std::function<bool(const StoredDeadLetter& letter)>;
Status VisitDeadLetters(Log& log, const std::string& topic, std::string_view reason,
                        const DeadLetterVisitor& visit);

// A dead letter as one JSON object: its place, reason, message, source position, value.
std::string DeadLetterJson(const StoredDeadLetter& letter);

// A page of dead letters, newest first, as two members of a JSON object: `"letters":[…],"next":…`.
// `before` is the `next` of the page before, or empty; `next` is null behind the last page.
// kInvalidArgument for a `before` that is none. Looks at 20,000 letters of a partition at most: a
// page may be short, and `next` goes on from there.
Result<std::string> NewestDeadLetters(Log& log, const std::string& topic, std::string_view reason,
                                      std::string_view before, std::size_t limit);

struct ReplayReport {
  std::uint64_t replayed = 0;
  std::uint64_t replayed_before = 0;  // by an earlier replay, left out
  std::uint64_t truncated = 0;        // cannot be replayed: only their head was kept
};

// Appends the original bytes of dead letters to the raw topic again, keyed as ingest does, each
// letter at most once: the marks of what was replayed are committed with the records.
// kResourceExhausted while ingest is refused; what was replayed until then stays replayed.
Result<ReplayReport> ReplayDeadLetters(const Settings& settings, Log& log, std::string_view reason,
                                       const std::function<bool()>& stopped);

}  // namespace tocsin
