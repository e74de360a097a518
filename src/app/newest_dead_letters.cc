#include <algorithm>
#include <charconv>
#include <tuple>
#include <utility>
#include <vector>

#include "app/dead_letters.h"
#include "app/record_json.h"

namespace tocsin {
namespace {

constexpr std::int64_t kWindow = 64;           // records read at a time
constexpr std::int64_t kMostRecords = 20'000;  // looked at in one partition

struct Entry {
  std::int64_t timestamp_ms = 0;
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::string json;
};

// The newest letters of one partition before some offset.
struct PartitionPage {
  std::vector<Entry> entries;  // newest first
  std::int64_t earliest = 0;
  std::int64_t next = 0;  // everything from here on was looked at
};

StoredDeadLetter LetterOf(const TopicPartition& partition, const RecordBatch& batch,
                          const Record& record) {
  StoredDeadLetter letter;
  letter.partition = partition;
  letter.record = record;
  letter.timestamp_ms = batch.timestamp_ms();
  letter.reason = FindHeader(record.encoded_headers, "tocsin.reason").value_or("");
  letter.known_reason = FindRejectReason(letter.reason);
  letter.truncated = FindHeader(record.encoded_headers, "tocsin.truncated") == "true";
  return letter;
}

Result<PartitionPage> ReadBackwards(Log& log, const TopicPartition& partition,
                                    std::string_view reason, std::int64_t before,
                                    std::size_t limit) {
  TOCSIN_ASSIGN(const PartitionOffsets offsets, log.Offsets(partition));
  PartitionPage page;
  page.earliest = offsets.earliest;
  page.next = std::clamp(before, offsets.earliest, offsets.latest);
  const std::int64_t last = std::max(page.earliest, page.next - kMostRecords);
  while (page.next > last && page.entries.size() < limit) {
    const std::int64_t from = std::max(last, page.next - kWindow);
    const std::size_t first_new = page.entries.size();
    TOCSIN_TRY(VisitRecords(log, partition, from, page.next,
                            [&](const RecordBatch& batch, const Record& record) {
                              const StoredDeadLetter letter = LetterOf(partition, batch, record);
                              if (reason.empty() || letter.reason == reason) {
                                page.entries.push_back({.timestamp_ms = letter.timestamp_ms,
                                                        .partition = partition.partition,
                                                        .offset = record.offset,
                                                        .json = DeadLetterJson(letter)});
                              }
                              return true;
                            }));
    std::reverse(page.entries.begin() + static_cast<std::ptrdiff_t>(first_new), page.entries.end());
    page.next = from;
  }
  return page;
}

// "17,0,4,9": for each partition the offset before which to go on.
Result<std::vector<std::int64_t>> ReadCursor(std::string_view text, std::int32_t partitions) {
  std::vector<std::int64_t> cursor(static_cast<std::size_t>(partitions), INT64_MAX);
  if (text.empty()) return cursor;
  for (std::size_t i = 0; i < cursor.size(); ++i) {
    const char* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, cursor[i]);
    text.remove_prefix(static_cast<std::size_t>(read.ptr - text.data()));
    const bool last = i + 1 == cursor.size();
    if (read.ec != std::errc() || cursor[i] < 0 || last != text.empty() ||
        (!last && text[0] != ',')) {
      return Fail(Code::kInvalidArgument, "before: not the `next` of an earlier page");
    }
    if (!last) text.remove_prefix(1);
  }
  return cursor;
}

}  // namespace

Result<std::string> NewestDeadLetters(Log& log, const std::string& topic, std::string_view reason,
                                      std::string_view before, std::size_t limit) {
  TOCSIN_ASSIGN(const std::int32_t partitions, PartitionCount(log, topic));
  TOCSIN_ASSIGN(std::vector<std::int64_t> cursor, ReadCursor(before, partitions));
  std::vector<PartitionPage> pages;
  std::vector<const Entry*> entries;
  for (std::int32_t i = 0; i < partitions; ++i) {
    TOCSIN_ASSIGN(PartitionPage page, ReadBackwards(log, {topic, i}, reason,
                                                    cursor[static_cast<std::size_t>(i)], limit));
    pages.push_back(std::move(page));
  }
  for (const PartitionPage& page : pages) {
    for (const Entry& entry : page.entries) entries.push_back(&entry);
  }
  std::ranges::sort(entries, [](const Entry* a, const Entry* b) {
    return std::tie(a->timestamp_ms, a->partition, a->offset) >
           std::tie(b->timestamp_ms, b->partition, b->offset);
  });
  if (entries.size() > limit) entries.resize(limit);

  std::string out = "\"letters\":[";
  std::vector<std::size_t> taken(pages.size());
  for (const Entry* entry : entries) {
    if (out.back() != '[') out += ',';
    out += entry->json;
    const auto partition = static_cast<std::size_t>(entry->partition);
    cursor[partition] = entry->offset;
    ++taken[partition];
  }
  bool more = false;
  std::string next;
  for (std::size_t i = 0; i < pages.size(); ++i) {
    // Letters that were found and not taken are on the next page.
    const bool all = taken[i] == pages[i].entries.size();
    const std::int64_t from = all             ? pages[i].next
                              : taken[i] == 0 ? pages[i].entries.front().offset + 1
                                              : cursor[i];
    more = more || from > pages[i].earliest;
    next += (i > 0 ? "," : "") + std::to_string(from);
  }
  return out + (more ? "],\"next\":\"" + next + "\"" : "],\"next\":null");
}

}  // namespace tocsin
