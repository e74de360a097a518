#include "spool/spool_entry.h"

#include <string>
#include <utility>

#include "base/bytes.h"
#include "base/field_reader.h"

namespace tocsin {
namespace {

constexpr std::uint64_t kVersion = 1;

void PutPartition(std::string& out, const TopicPartition& partition) {
  PutBytes(out, partition.topic);
  PutVarint(out, static_cast<std::uint32_t>(partition.partition));
}

TopicPartition ReadPartition(FieldReader& fields) {
  TopicPartition partition{std::string(fields.Bytes()), 0};
  partition.partition = static_cast<std::int32_t>(fields.Number());
  return partition;
}

}  // namespace

std::uint64_t SpoolEntry::records() const {
  std::uint64_t sum = 0;
  for (const Append& append : appends) sum += append.count;
  return sum;
}

Status SpoolEntry::AddTo(Transaction& transaction) const {
  RecordBatchBuilder builder;
  for (const Append& append : appends) {
    std::string padded = append.payload;
    padded.append(kRecordPadding, '\0');
    builder.AppendAll(RecordBatch(std::move(padded), append.count, 0, 0));
    TOCSIN_TRY(transaction.Append(append.partition, builder));
  }
  for (const auto& [group, places] : offsets) {
    for (const auto& [partition, offset] : places) {
      transaction.CommitOffset(group, partition, offset);
    }
  }
  for (const StateStep& step : steps) {
    if (step.replace) {
      transaction.ReplaceState(step.store, step.partition);
    } else {
      transaction.PutState(step.store, step.partition, step.key, step.value);
    }
  }
  return {};
}

std::string EncodeSpoolEntry(const SpoolEntry& entry) {
  std::string out;
  PutVarint(out, kVersion);
  PutVarint(out, entry.sequence);
  PutVarint(out, entry.appends.size());
  for (const SpoolEntry::Append& append : entry.appends) {
    PutPartition(out, append.partition);
    PutVarint(out, append.count);
    PutBytes(out, append.payload);
  }
  PutVarint(out, entry.offsets.size());
  for (const auto& [group, places] : entry.offsets) {
    PutBytes(out, group);
    PutVarint(out, places.size());
    for (const auto& [partition, offset] : places) {
      PutPartition(out, partition);
      PutVarint(out, static_cast<std::uint64_t>(offset));
    }
  }
  PutVarint(out, entry.steps.size());
  for (const SpoolEntry::StateStep& step : entry.steps) {
    PutBytes(out, step.store);
    PutVarint(out, static_cast<std::uint32_t>(step.partition));
    PutVarint(out, step.replace ? 1 : 0);
    PutBytes(out, step.key);
    PutBytes(out, step.value);
  }
  return out;
}

Result<SpoolEntry> DecodeSpoolEntry(std::string_view bytes) {
  FieldReader fields(bytes);
  SpoolEntry entry;
  const bool known = fields.Number() == kVersion;
  entry.sequence = fields.Number();
  for (std::uint64_t left = fields.Number(); left > 0 && fields.good(); --left) {
    SpoolEntry::Append append{ReadPartition(fields), {}, 0};
    append.count = static_cast<std::uint32_t>(fields.Number());
    append.payload = fields.Bytes();
    entry.appends.push_back(std::move(append));
  }
  for (std::uint64_t left = fields.Number(); left > 0 && fields.good(); --left) {
    auto& places = entry.offsets[std::string(fields.Bytes())];
    for (std::uint64_t each = fields.Number(); each > 0 && fields.good(); --each) {
      const TopicPartition partition = ReadPartition(fields);
      places[partition] = static_cast<std::int64_t>(fields.Number());
    }
  }
  for (std::uint64_t left = fields.Number(); left > 0 && fields.good(); --left) {
    SpoolEntry::StateStep step{.store = std::string(fields.Bytes()), .key = {}, .value = {}};
    step.partition = static_cast<std::int32_t>(fields.Number());
    step.replace = fields.Number() != 0;
    step.key = fields.Bytes();
    step.value = fields.Bytes();
    entry.steps.push_back(std::move(step));
  }
  if (!known || !fields.at_end()) {
    return Fail(Code::kDataLoss, "an entry of the spool cannot be read");
  }
  return entry;
}

}  // namespace tocsin
