#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "log/record_batch.h"

// The log in Kafka's words: topics of partitions of records, consumer groups with committed
// offsets, and transactions that commit outputs, offsets and keyed state together or not at all.
// Backends: memory (tests), embedded (RocksDB), remote (a running instance's Unix socket) and Kafka
// (kafka_log/kafka_log.h). One contract suite holds them together (log_backends/log_contract.h).
namespace tocsin {

struct TopicPartition {
  std::string topic;
  std::int32_t partition = 0;
  auto operator<=>(const TopicPartition&) const = default;
};

struct TopicConfig {
  std::int32_t partitions = 4;
  std::int64_t retention_bytes = 10LL << 30;           // of the whole topic; 0 = no limit
  std::int64_t retention_ms = 7LL * 24 * 3600 * 1000;  // 0 = no limit
};

struct TopicInfo {
  std::string name;
  std::int32_t partitions = 0;
};

struct PartitionOffsets {
  std::int64_t earliest = 0;  // first offset that can be read
  std::int64_t latest = 0;    // no record that can be read has this offset or a higher one
  std::int64_t bytes = 0;     // stored, compressed; -1 where the backend does not know
};

// What an Append of a committed transaction became.
struct AppendedRange {
  TopicPartition partition;
  std::int64_t base_offset = 0;  // of its first record; -1 when it was not asked for
  std::uint32_t count = 0;
};

struct StateSize {
  std::uint64_t snapshot_bytes = 0;  // written by the last transaction that replaced the state
  std::uint64_t delta_bytes = 0;     // put since
};

struct TransactionOptions {
  // True for new events from outside (ingest, generator, replay). These are refused with
  // kResourceExhausted while the disk is nearly full or while retention cannot free space because
  // a group has not read it; a stage's own commits are not.
  bool ingest = false;
  // False: whoever commits does not need to know the offsets of the ranges, which cost a cluster's
  // client a call for each record.
  bool ranges = true;
  // False: Commit() returns before the disk has it; a power cut may undo the last such commits, all
  // of each. For copies of what is durable elsewhere.
  bool durable = true;
};

// Outputs, offsets and state that become durable and visible together.
//
// Collect, then Commit() once; a transaction destroyed without it leaves no trace. Not
// thread-safe; different transactions may run in different threads.
class Transaction {
 public:
  virtual ~Transaction() = default;

  // Appends the records of `batch` (left empty) to an existing topic. Several appends to one
  // partition keep their order. An empty batch is passed over and gives no
  // range. kNotFound for an unknown topic or partition, kInvalidArgument for a batch above
  // kMaxPayloadBytes; the transaction is as it was before the call.
  virtual Status Append(const TopicPartition& partition, RecordBatchBuilder& batch) = 0;

  // The group has processed everything before `next_offset`.
  virtual void CommitOffset(std::string_view group, const TopicPartition& partition,
                            std::int64_t next_offset) = 0;

  // Sets `key` of the store's partition; an empty value deletes it. The last put of a key wins.
  virtual void PutState(std::string_view store, std::int32_t partition, std::string_view key,
                        std::string_view value) = 0;
  // The puts of this transaction to (store, partition) are the whole state: what was there before
  // is dropped. A stage does so now and then to keep the deltas short.
  virtual void ReplaceState(std::string_view store, std::int32_t partition) = 0;

  // On return everything is durable and readers see it (on Kafka a moment later, partition by
  // partition). The ranges are in the order of the appends. After a retryable error nothing was
  // written and Commit() may be called again (not on a remote log: there the outcome of
  // kUnavailable is unknown). Errors: kResourceExhausted (ingest refused; retry later);
  // kFailedPrecondition (committed before); kFenced (a cluster only: this member lost partitions,
  // or the outcome could not be learned; Consumer::Rewind() tells what is committed); kDiskError
  // (the log refuses all further writes: the process must end).
  virtual Result<std::vector<AppendedRange>> Commit() = 0;
};

// Records of one partition, as a part of a batch: `count` records from number `first` on.
struct PolledBatch {
  TopicPartition partition;
  std::shared_ptr<const RecordBatch> batch;
  std::uint32_t first = 0;
  std::uint32_t count = 0;
};

struct PollResult {
  // Partitions that this consumer now owns or gives up since the last poll. `revoked` comes first:
  // what was processed of such a partition may still be committed until the next poll, then
  // another member has it. State of an assigned partition is restored before its batches are
  // processed.
  std::vector<std::int32_t> revoked;
  std::vector<std::int32_t> assigned;
  std::vector<PolledBatch> batches;
  bool joined = true;  // false until the group has given this member its partitions (maybe none)
};

struct ConsumerOptions {
  std::string group;
  std::string topic;
  bool from_latest = false;  // where a group without a committed offset starts
  // One member reads every partition, and others stand by until it is gone: for work whose state is
  // not by partition.
  bool whole = false;
};

// Reads a topic as a member of a group, from the committed offsets on. The group is registered
// when the consumer is made: retention keeps what it has not read. Not thread-safe.
class Consumer {
 public:
  virtual ~Consumer() = default;
  // At most `max_records` records, as soon as there are any; an empty result after `timeout_us`
  // or when `stop` is requested.
  virtual Result<PollResult> Poll(std::size_t max_records, std::int64_t timeout_us,
                                  std::stop_token stop) = 0;
  // Records between this consumer's position and the end of the log, over all its partitions; at
  // most that many where numbers are missing between records.
  virtual Result<std::int64_t> Lag() = 0;
  // Forgets what was polled and not committed: the next poll gives up every partition and assigns
  // those it still owns again, from the committed offsets on. For a member that was fenced.
  virtual Status Rewind() = 0;
};

// Thread-safe. Offsets of a partition grow from its first record on. In the log of one machine they
// are contiguous; on Kafka numbers are missing where transactions ended.
class Log {
 public:
  virtual ~Log() = default;

  // Makes the topic unless it exists (then `config` is compared: a different partition count is
  // kFailedPrecondition; retention is updated). kInvalidArgument for what CheckTopic() refuses.
  virtual Status EnsureTopic(const std::string& topic, const TopicConfig& config) = 0;
  virtual Result<std::vector<TopicInfo>> Topics() = 0;  // by name
  virtual Result<PartitionOffsets> Offsets(const TopicPartition& partition) = 0;

  // Batches from the one that holds `offset` on (it may begin before it), until `max_bytes` of
  // payload are reached; at least one batch unless no record follows. kNotFound for an unknown
  // partition, kInvalidArgument for an offset outside [earliest, latest], kDataLoss for damage.
  virtual Result<std::vector<std::shared_ptr<const RecordBatch>>> Fetch(
      const TopicPartition& partition, std::int64_t offset, std::size_t max_bytes) = 0;

  // A number that grows with every commit that appended records, and a wait until it is no longer
  // `seen` (or `timeout_us` passed, or `stop` was requested). Returns the present number. Commits
  // of other processes may not count (Kafka): look again after a short timeout.
  virtual std::uint64_t AppendCount() = 0;
  virtual std::uint64_t WaitForAppend(std::uint64_t seen, std::int64_t timeout_us,
                                      std::stop_token stop) = 0;

  // Nothing when the group has committed none.
  virtual Result<std::optional<std::int64_t>> CommittedOffset(std::string_view group,
                                                              const TopicPartition& partition) = 0;
  // From now on retention keeps what `group` has not committed of `topic`. kNotFound for an unknown
  // topic.
  virtual Status RegisterGroup(std::string_view group, const std::string& topic) = 0;

  // Makes room for the keyed state of a store with that many partitions. Before the first use of a
  // store on a cluster; where it is missing, a store has as many partitions as a topic by default.
  // kFailedPrecondition when the store has another number of partitions.
  virtual Status EnsureState(std::string_view store, std::int32_t partitions) {
    static_cast<void>(store), static_cast<void>(partitions);
    return {};
  }
  // Calls `visit` for every entry, in unspecified order, each key once with its last value.
  virtual Status ReadState(
      std::string_view store, std::int32_t partition,
      const std::function<void(std::string_view key, std::string_view value)>& visit) = 0;
  virtual Result<StateSize> SizeOfState(std::string_view store, std::int32_t partition) = 0;

  virtual Result<std::unique_ptr<Transaction>> Begin(TransactionOptions options = {}) = 0;
  virtual Result<std::unique_ptr<Consumer>> Subscribe(const ConsumerOptions& options) = 0;
};

// The number of partitions of a topic, or kNotFound naming it.
Result<std::int32_t> PartitionCount(Log& log, const std::string& topic);

// kInvalidArgument for a name that is not 1 to 249 of the characters a-z, A-Z, 0-9, '.', '_', '-'
// (Kafka's rule), for less than 1 or more than 1,024 partitions, and for a negative retention.
// What EnsureTopic() of every backend checks first.
Status CheckTopic(const std::string& topic, const TopicConfig& config);

}  // namespace tocsin
