#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "log/log.h"

namespace tocsin {

// Appends `"name":"text"`, or `"name_base64":"…"` when the bytes are not UTF-8.
void AppendJsonBytes(std::string& out, std::string_view name, std::string_view bytes);

// One record as one JSON object: topic, partition, offset, key (null when absent), timestamp_ms,
// headers (an object; of a repeated header the first), value.
std::string RecordJson(const TopicPartition& partition, const RecordBatch& batch,
                       const Record& record);

// Calls `visit` for the records with offset in [from, end) until it returns false. Offsets that
// are gone (retention) are passed over.
using RecordVisitor = std::function<bool(const RecordBatch& batch, const Record& record)>;
Status VisitRecords(Log& log, const TopicPartition& partition, std::int64_t from, std::int64_t end,
                    const RecordVisitor& visit);

}  // namespace tocsin
