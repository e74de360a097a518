#include "kafka_log/changelog_record.h"

#include <algorithm>

#include "base/bytes.h"

namespace tocsin {
namespace {

constexpr char kVersion = 1;
constexpr std::uint8_t kBeginsGeneration = 1;
constexpr std::uint8_t kInSnapshot = 2;
constexpr std::uint8_t kSlot = 4;

std::unexpected<Error> Damaged() {
  return Fail(Code::kDataLoss, "a record of the changelog cannot be read");
}

}  // namespace

void StateChange::Put(std::string_view key, std::string_view value) {
  if (blobs.empty() || blobs.back().size() >= kBlobBytes) blobs.emplace_back();
  PutBytes(blobs.back(), key);
  PutBytes(blobs.back(), value);
}

std::size_t StateChange::bytes() const {
  std::size_t sum = 0;
  for (const std::string& blob : blobs) sum += blob.size();
  return sum;
}

std::vector<ChangelogRecord> EncodeChange(const StateChange& change, ChangelogPlace& place) {
  if (change.replace) place = {place.generation + 1, 0};
  std::vector<ChangelogRecord> records;
  // A snapshot of nothing is a record, too: it says so.
  const std::size_t count = std::max<std::size_t>(change.blobs.size(), change.replace ? 1 : 0);
  for (std::size_t i = 0; i < count; ++i) {
    // The keys of all generations are the same, so that a newer one overwrites an older.
    ChangelogRecord record{.key = "p" + std::to_string(place.next), .value = {}};
    const std::string_view puts = i < change.blobs.size() ? change.blobs[i] : std::string_view();
    record.value.reserve(puts.size() + 24);
    record.value.push_back(kVersion);
    record.value.push_back(static_cast<char>((change.replace && i == 0 ? kBeginsGeneration : 0) |
                                             (change.replace ? kInSnapshot : 0)));
    PutVarint(record.value, place.generation);
    PutVarint(record.value, place.next);
    record.value.append(puts);
    records.push_back(std::move(record));
    ++place.next;
  }
  return records;
}

ChangelogRecord EncodeSlot(std::int32_t slot,
                           const std::vector<std::pair<std::string, std::string>>& puts) {
  ChangelogRecord record{.key = "s" + std::to_string(slot), .value = {}};
  record.value.push_back(kVersion);
  record.value.push_back(static_cast<char>(kSlot));
  PutVarint(record.value, static_cast<std::uint32_t>(slot));
  PutVarint(record.value, 0);
  for (const auto& [key, value] : puts) {
    PutBytes(record.value, key);
    PutBytes(record.value, value);
  }
  return record;
}

Result<ChangelogEntry> DecodeChange(std::string_view value) {
  if (value.size() < 4 || value[0] != kVersion) return Damaged();
  ChangelogEntry entry;
  entry.begins_generation = (static_cast<std::uint8_t>(value[1]) & kBeginsGeneration) != 0;
  entry.in_snapshot = (static_cast<std::uint8_t>(value[1]) & kInSnapshot) != 0;
  const char* at = value.data() + 2;
  const char* const end = value.data() + value.size();
  at = ReadVarint(at, end, entry.place.generation);
  if (at != nullptr) at = ReadVarint(at, end, entry.place.next);
  if (at == nullptr) return Damaged();
  if ((static_cast<std::uint8_t>(value[1]) & kSlot) != 0) {
    if (entry.place.generation > INT32_MAX) return Damaged();
    entry.slot = static_cast<std::int32_t>(entry.place.generation);
    entry.place = {};
  }
  entry.puts = {at, static_cast<std::size_t>(end - at)};
  return entry;
}

Status VisitPuts(std::string_view puts,
                 const std::function<void(std::string_view, std::string_view)>& visit) {
  const char* at = puts.data();
  const char* const end = at + puts.size();
  while (at != end) {
    std::string_view key;
    std::string_view value;
    at = ReadBytes(at, end, key);
    if (at != nullptr) at = ReadBytes(at, end, value);
    if (at == nullptr) return Damaged();
    visit(key, value);
  }
  return {};
}

}  // namespace tocsin
