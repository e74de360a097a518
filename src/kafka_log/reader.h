#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "base/clock.h"
#include "kafka_log/client.h"
#include "kafka_log/cluster.h"
#include "log/log.h"

namespace tocsin {

// Reads committed records at any place, beside every group. Thread-safe; calls wait for each other.
// Keeps a few partitions open at the place where the last read of each ended, so that reading on
// costs no request.
class Reader {
 public:
  Reader(const KafkaOptions& options, Client& client, Cluster& cluster)
      : options_(options), client_(client), cluster_(cluster) {}
  ~Reader();
  // What a client needs whose handle serves a Reader.
  static Client::Settings ClientSettings();

  // As Log::Fetch.
  Result<std::vector<std::shared_ptr<const RecordBatch>>> Fetch(const TopicPartition& partition,
                                                                std::int64_t offset,
                                                                std::size_t max_bytes);
  // Everything from `offset` (or the partition's begin, when that is later) to what is written now;
  // an open transaction in between is waited for. Returns the offset behind it.
  using Visitor = std::function<Status(const RecordBatch&)>;
  Result<std::int64_t> ReadToEnd(const TopicPartition& partition, std::int64_t offset,
                                 const Visitor& visit);

 private:
  Error ExplainOpen(const TopicPartition& partition, std::int64_t end, Error error);
  struct Stream {
    RdTopic topic;
    RdQueue queue;
    std::deque<std::shared_ptr<const RecordBatch>> pending;
    std::int64_t next = 0;     // what a caller gets next; behind `pending` when that is empty
    std::int64_t end_at = -1;  // the end that was seen last; -1 = none since the last record
    std::uint64_t used = 0;
  };

  Result<Stream*> Open(const TopicPartition& partition, std::int64_t offset);
  void Close(const TopicPartition& partition);
  // The partition's end, when `offset` is a place in it.
  Result<std::int64_t> CheckPlace(const TopicPartition& partition, std::int64_t offset);
  // Waits for records or the end; appends to `pending`.
  Status Fill(const TopicPartition& partition, Stream& stream, std::int64_t deadline_us);

  const KafkaOptions& options_;
  Client& client_;
  Cluster& cluster_;
  const SystemClock clock_;
  std::mutex mutex_;
  std::map<TopicPartition, Stream> streams_;
  std::uint64_t uses_ = 0;
};

}  // namespace tocsin
