#include "app/dead_letters.h"

#include <set>
#include <utility>
#include <vector>

#include "app/record_json.h"
#include "base/bytes.h"
#include "base/json_text.h"
#include "log/partitioner.h"
#include "model/event_parser.h"

namespace tocsin {
namespace {

constexpr std::string_view kReplayStore = "dlq-replay";
constexpr std::size_t kReplayRecords = 5'000;  // per transaction
constexpr std::size_t kReplayBytes = 4u << 20;

static_assert(EventParser::kPadding <= kRecordPadding, "records of a batch are parsed in place");

void AppendHeaderNumber(std::string& out, std::string_view headers, std::string_view key) {
  std::int64_t number = -1;
  if (const auto text = FindHeader(headers, key)) {
    for (const char c : *text) {
      if (c < '0' || c > '9') return void(out += "null");
      number = (number < 0 ? 0 : number) * 10 + (c - '0');
    }
  }
  out += number < 0 ? "null" : std::to_string(number);
}

void AppendHeaderText(std::string& out, std::string_view headers, std::string_view key) {
  const auto text = FindHeader(headers, key);
  if (text) {
    AppendJsonString(out, *text);
  } else {
    out += "null";
  }
}

// Replays the letters of one partition of the dead-letter topic.
class PartitionReplay {
 public:
  PartitionReplay(const Settings& settings, Log& log, std::int32_t partition, ReplayReport& report)
      : settings_(settings), log_(log), partition_(partition), report_(report) {}

  Status Load() {
    TOCSIN_ASSIGN(const std::int32_t count, PartitionCount(log_, settings_.raw_topic));
    outputs_.resize(static_cast<std::size_t>(count));
    return log_.ReadState(kReplayStore, partition_,
                          [&](std::string_view key, std::string_view /*value*/) {
                            if (key.size() != sizeof(std::uint64_t)) return;
                            marks_.insert(static_cast<std::int64_t>(GetBigEndian64(key.data())));
                          });
  }

  bool full() const { return taken_.size() >= kReplayRecords || bytes_ >= kReplayBytes; }

  void Take(const StoredDeadLetter& letter) {
    if (marks_.contains(letter.record.offset)) {
      ++report_.replayed_before;
      return;
    }
    if (letter.truncated) {
      ++report_.truncated;
      return;
    }
    const std::string_view value = letter.record.value;
    const std::string_view device = keys_.DeviceId(value);
    const auto count = static_cast<std::int32_t>(outputs_.size());
    const std::int32_t partition = PartitionOf(device.empty() ? value : device, count);
    RecordBatchBuilder& output = outputs_[static_cast<std::size_t>(partition)];
    if (device.empty()) {
      output.Append(std::nullopt, value);
    } else {
      output.Append(device, value);
    }
    taken_.push_back(letter.record.offset);
    bytes_ += value.size();
  }

  Status Commit() {
    if (taken_.empty()) return {};
    TOCSIN_ASSIGN(const std::unique_ptr<Transaction> transaction,
                  log_.Begin(TransactionOptions{.ingest = true}));
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      if (outputs_[i].empty()) continue;
      TOCSIN_TRY(
          transaction->Append({settings_.raw_topic, static_cast<std::int32_t>(i)}, outputs_[i]));
    }
    for (const std::int64_t offset : taken_) {
      std::string key;
      PutBigEndian64(key, static_cast<std::uint64_t>(offset));
      transaction->PutState(kReplayStore, partition_, key, "1");
      marks_.insert(offset);
    }
    const auto committed = transaction->Commit();
    if (!committed) return std::unexpected(committed.error());
    report_.replayed += taken_.size();
    taken_.clear();
    bytes_ = 0;
    return {};
  }

 private:
  const Settings& settings_;
  Log& log_;
  const std::int32_t partition_;
  ReplayReport& report_;
  KeyExtractor keys_;
  std::set<std::int64_t> marks_;
  std::vector<RecordBatchBuilder> outputs_;
  std::vector<std::int64_t> taken_;
  std::size_t bytes_ = 0;
};

Status VisitPartition(Log& log, const TopicPartition& partition, std::string_view reason,
                      const DeadLetterVisitor& visit) {
  TOCSIN_ASSIGN(const PartitionOffsets offsets, log.Offsets(partition));
  return VisitRecords(
      log, partition, offsets.earliest, offsets.latest,
      [&](const RecordBatch& batch, const Record& record) {
        StoredDeadLetter letter;
        letter.reason = FindHeader(record.encoded_headers, "tocsin.reason").value_or("");
        if (!reason.empty() && letter.reason != reason) return true;
        letter.partition = partition;
        letter.record = record;
        letter.timestamp_ms = batch.timestamp_ms();
        letter.known_reason = FindRejectReason(letter.reason);
        letter.truncated = FindHeader(record.encoded_headers, "tocsin.truncated") == "true";
        return visit(letter);
      });
}

}  // namespace

Status VisitDeadLetters(Log& log, const std::string& topic, std::string_view reason,
                        const DeadLetterVisitor& visit) {
  TOCSIN_ASSIGN(const std::int32_t count, PartitionCount(log, topic));
  bool more = true;
  for (std::int32_t i = 0; i < count && more; ++i) {
    TOCSIN_TRY(VisitPartition(log, {topic, i}, reason, [&](const StoredDeadLetter& letter) {
      more = visit(letter);
      return more;
    }));
  }
  return {};
}

std::string DeadLetterJson(const StoredDeadLetter& letter) {
  const std::string_view headers = letter.record.encoded_headers;
  std::string out = "{\"partition\":" + std::to_string(letter.partition.partition);
  out += ",\"offset\":" + std::to_string(letter.record.offset);
  out += ",\"timestamp_ms\":" + std::to_string(letter.timestamp_ms) + ",\"reason\":";
  AppendJsonString(out, letter.reason);
  out += ",\"message\":";
  AppendHeaderText(out, headers, "tocsin.message");
  out += ",\"source\":{\"topic\":";
  AppendHeaderText(out, headers, "__connect.errors.topic");
  out += ",\"partition\":";
  AppendHeaderNumber(out, headers, "__connect.errors.partition");
  out += ",\"offset\":";
  AppendHeaderNumber(out, headers, "__connect.errors.offset");
  out += "},\"stage\":";
  AppendHeaderText(out, headers, "__connect.errors.stage");
  out += letter.truncated ? ",\"truncated\":true,\"size\":" : ",\"truncated\":false,\"size\":";
  if (letter.truncated) {
    AppendHeaderNumber(out, headers, "tocsin.size");
  } else {
    out += std::to_string(letter.record.value.size());
  }
  out += ',';
  if (letter.record.key) {
    AppendJsonBytes(out, "key", *letter.record.key);
  } else {
    out += "\"key\":null";
  }
  out += ',';
  AppendJsonBytes(out, "value", letter.record.value);
  return out + "}";
}

Result<ReplayReport> ReplayDeadLetters(const Settings& settings, Log& log, std::string_view reason,
                                       const std::function<bool()>& stopped) {
  ReplayReport report;
  TOCSIN_ASSIGN(const std::int32_t count, PartitionCount(log, settings.dlq_topic));
  TOCSIN_TRY(log.EnsureState(kReplayStore, count));
  for (std::int32_t i = 0; i < count && !stopped(); ++i) {
    PartitionReplay replay(settings, log, i, report);
    TOCSIN_TRY(replay.Load());
    Status committed;
    TOCSIN_TRY(
        VisitPartition(log, {settings.dlq_topic, i}, reason, [&](const StoredDeadLetter& letter) {
          replay.Take(letter);
          if (replay.full()) committed = replay.Commit();
          return committed.has_value() && !stopped();
        }));
    TOCSIN_TRY(committed);
    TOCSIN_TRY(replay.Commit());
  }
  return report;
}

}  // namespace tocsin
