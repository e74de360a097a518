#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "log_backends/embedded_writer.h"

namespace tocsin {

// Log::Fetch: from the cache of the newest batches, else from the store. Thread-safe.
Result<std::vector<std::shared_ptr<const RecordBatch>>> FetchBatches(EmbeddedCore& core,
                                                                     const TopicPartition& id,
                                                                     std::int64_t offset,
                                                                     std::size_t max_bytes);

// Log::ReadState, from an iterator over the state.
Status ReplayState(rocksdb::Iterator& it, std::string_view name, std::int32_t partition,
                   const std::function<void(std::string_view, std::string_view)>& visit);

}  // namespace tocsin
