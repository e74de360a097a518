#include "app/record_json.h"

#include <algorithm>
#include <vector>

#include "base/json_text.h"

namespace tocsin {
namespace {

constexpr std::size_t kFetchBytes = 4u << 20;

void AppendHeaders(std::string& out, std::string_view encoded) {
  out += '{';
  std::vector<std::string_view> seen;
  for (const RecordHeader& header : DecodeHeaders(encoded)) {
    if (std::find(seen.begin(), seen.end(), header.key) != seen.end()) continue;
    if (!seen.empty()) out += ',';
    seen.push_back(header.key);
    if (IsUtf8(header.value)) {
      AppendJsonString(out, header.key);
      out += ':';
      AppendJsonString(out, header.value);
    } else {
      AppendJsonString(out, header.key);
      out += ":{\"value_base64\":\"" + Base64(header.value) + "\"}";
    }
  }
  out += '}';
}

}  // namespace

void AppendJsonBytes(std::string& out, std::string_view name, std::string_view bytes) {
  out += '"';
  out += name;
  if (IsUtf8(bytes)) {
    out += "\":";
    AppendJsonString(out, bytes);
  } else {
    out += "_base64\":\"" + Base64(bytes) + '"';
  }
}

std::string RecordJson(const TopicPartition& partition, const RecordBatch& batch,
                       const Record& record) {
  std::string out = "{\"topic\":";
  AppendJsonString(out, partition.topic);
  out += ",\"partition\":" + std::to_string(partition.partition);
  out += ",\"offset\":" + std::to_string(record.offset) + ",";
  if (record.key) {
    AppendJsonBytes(out, "key", *record.key);
  } else {
    out += "\"key\":null";
  }
  out += ",\"timestamp_ms\":" + std::to_string(batch.timestamp_ms()) + ",\"headers\":";
  AppendHeaders(out, record.encoded_headers);
  out += ',';
  AppendJsonBytes(out, "value", record.value);
  return out + "}";
}

Status VisitRecords(Log& log, const TopicPartition& partition, std::int64_t from, std::int64_t end,
                    const RecordVisitor& visit) {
  while (from < end) {
    auto fetched = log.Fetch(partition, from, kFetchBytes);
    if (!fetched && fetched.error().code() == Code::kInvalidArgument) {
      // Retention has passed the offset meanwhile.
      TOCSIN_ASSIGN(const PartitionOffsets offsets, log.Offsets(partition));
      if (offsets.earliest <= from) return std::unexpected(fetched.error());
      from = offsets.earliest;
      continue;
    }
    if (!fetched) return std::unexpected(std::move(fetched).error());
    if (fetched->empty()) return {};
    for (const auto& batch : *fetched) {
      Record record;
      for (RecordBatch::Cursor cursor(*batch); cursor.Next(record);) {
        if (record.offset < from) continue;
        if (record.offset >= end || !visit(*batch, record)) return {};
      }
      from = std::max(from, batch->end_offset());
    }
  }
  return {};
}

}  // namespace tocsin
