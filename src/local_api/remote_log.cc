#include "local_api/remote_log.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/file.h"
#include "local_api/connection_pool.h"
#include "local_api/local_server.h"
#include "local_api/wire.h"
#include "log/direct_consumer.h"

namespace tocsin {
namespace {

constexpr std::int64_t kWaitSliceUs = 50'000;  // how soon a stop request ends a wait

std::string Request(Operation operation) {
  return {static_cast<char>(kLocalApiVersion), static_cast<char>(operation)};
}

std::unexpected<Error> Malformed() {
  return Fail(Code::kUnavailable,
              "the running instance sent a malformed answer; are both programs "
              "of the same version?");
}

class RemoteLogImpl final : public Log {
 public:
  explicit RemoteLogImpl(const std::string& path) : pool_(path) {}

  Status EnsureTopic(const std::string& topic, const TopicConfig& config) override;
  Result<std::vector<TopicInfo>> Topics() override;
  Result<PartitionOffsets> Offsets(const TopicPartition& partition) override;
  Result<std::vector<std::shared_ptr<const RecordBatch>>> Fetch(const TopicPartition& partition,
                                                                std::int64_t offset,
                                                                std::size_t max_bytes) override;
  std::uint64_t AppendCount() override;
  std::uint64_t WaitForAppend(std::uint64_t seen, std::int64_t timeout_us,
                              std::stop_token stop) override;
  Result<std::optional<std::int64_t>> CommittedOffset(std::string_view group,
                                                      const TopicPartition& partition) override;
  Status RegisterGroup(std::string_view group, const std::string& topic) override;
  Status ReadState(std::string_view store, std::int32_t partition,
                   const std::function<void(std::string_view, std::string_view)>& visit) override;
  Result<StateSize> SizeOfState(std::string_view store, std::int32_t partition) override;
  Result<std::unique_ptr<Transaction>> Begin(TransactionOptions options) override;
  Result<std::unique_ptr<Consumer>> Subscribe(const ConsumerOptions& options) override {
    return MakeDirectConsumer(*this, options);
  }

  ConnectionPool& pool() { return pool_; }
  Status CheckPartition(const TopicPartition& partition);

 private:
  // A number, or nothing when the instance is gone.
  std::optional<std::uint64_t> CallForNumber(std::string_view request);

  ConnectionPool pool_;
  const SystemClock clock_;
  std::mutex mutex_;
  std::map<std::string, std::int32_t> partitions_;  // of topics seen; they never change
};

// Collects the parts of one commit request.
class RemoteTransaction final : public Transaction {
 public:
  RemoteTransaction(RemoteLogImpl& log, TransactionOptions options)
      : log_(log), options_(options) {}

  Status Append(const TopicPartition& partition, RecordBatchBuilder& batch) override {
    TOCSIN_TRY(log_.CheckPartition(partition));
    if (batch.payload_bytes() > kMaxPayloadBytes) {
      return Fail(Code::kInvalidArgument, "a batch of " + std::to_string(batch.payload_bytes()) +
                                              " bytes is above the limit of 64 MiB; split it");
    }
    if (batch.empty()) return {};
    const auto [payload, count] = batch.Take();
    std::string stored = EncodeBatch(payload, count, Compression::kNone);
    SealBatch(stored, 0, 0, 0);
    PutPartition(appends_, partition);
    PutBytes(appends_, stored);
    ++append_count_;
    return {};
  }

  void CommitOffset(std::string_view group, const TopicPartition& partition,
                    std::int64_t next_offset) override {
    PutBytes(offsets_, group);
    PutPartition(offsets_, partition);
    PutSigned(offsets_, next_offset);
    ++offset_count_;
  }

  void PutState(std::string_view store, std::int32_t partition, std::string_view key,
                std::string_view value) override {
    StateChange& change = state_[{std::string(store), partition}];
    PutBytes(change.puts, key);
    PutBytes(change.puts, value);
    ++change.count;
  }

  void ReplaceState(std::string_view store, std::int32_t partition) override {
    state_[{std::string(store), partition}].replace = true;
  }

  Result<std::vector<AppendedRange>> Commit() override;

 private:
  struct StateChange {
    bool replace = false;
    std::uint64_t count = 0;
    std::string puts;
  };

  std::string BuildRequest() const;

  RemoteLogImpl& log_;
  const TransactionOptions options_;
  std::string appends_;
  std::uint64_t append_count_ = 0;
  std::string offsets_;
  std::uint64_t offset_count_ = 0;
  std::map<std::pair<std::string, std::int32_t>, StateChange> state_;
  bool committed_ = false;
};

std::string RemoteTransaction::BuildRequest() const {
  std::string request = Request(Operation::kCommit);
  request.push_back(options_.ingest ? '\1' : '\0');
  PutVarint(request, append_count_);
  request += appends_;
  PutVarint(request, offset_count_);
  request += offsets_;
  PutVarint(request, state_.size());
  for (const auto& [key, change] : state_) {
    PutBytes(request, key.first);
    PutSigned(request, key.second);
    request.push_back(change.replace ? '\1' : '\0');
    PutVarint(request, change.count);
    request += change.puts;
  }
  return request;
}

Result<std::vector<AppendedRange>> RemoteTransaction::Commit() {
  if (std::exchange(committed_, true)) {
    return Fail(Code::kFailedPrecondition, "this transaction was committed before; begin another");
  }
  const std::string request = BuildRequest();
  if (request.size() > LocalServer::kMaxRequestBytes) {
    return Fail(Code::kInvalidArgument, "a transaction of " + std::to_string(request.size()) +
                                            " bytes does not fit in a request of " +
                                            std::to_string(LocalServer::kMaxRequestBytes) +
                                            "; commit smaller ones");
  }
  TOCSIN_ASSIGN(const std::string answer, log_.pool().Call(request));
  FieldReader reader(answer);
  std::vector<AppendedRange> ranges(reader.Count(4));
  for (AppendedRange& range : ranges) {
    range.partition = reader.Partition();
    range.base_offset = reader.Signed();
    range.count = static_cast<std::uint32_t>(reader.Number());
  }
  if (!reader.Finished()) return Malformed();
  return ranges;
}

Status RemoteLogImpl::EnsureTopic(const std::string& topic, const TopicConfig& config) {
  std::string request = Request(Operation::kEnsureTopic);
  PutBytes(request, topic);
  PutSigned(request, config.partitions);
  PutSigned(request, config.retention_bytes);
  PutSigned(request, config.retention_ms);
  TOCSIN_TRY(pool_.Call(request));
  return {};
}

Result<std::vector<TopicInfo>> RemoteLogImpl::Topics() {
  TOCSIN_ASSIGN(const std::string answer, pool_.Call(Request(Operation::kTopics)));
  FieldReader reader(answer);
  std::vector<TopicInfo> topics(reader.Count(2));
  for (TopicInfo& topic : topics) {
    TopicPartition fields = reader.Partition();
    topic = {std::move(fields.topic), fields.partition};
  }
  if (!reader.Finished()) return Malformed();
  return topics;
}

Status RemoteLogImpl::CheckPartition(const TopicPartition& partition) {
  const auto holds = [&] {
    const std::lock_guard lock(mutex_);
    const auto found = partitions_.find(partition.topic);
    return found != partitions_.end() && partition.partition >= 0 &&
           partition.partition < found->second;
  };
  if (holds()) return {};
  TOCSIN_ASSIGN(const std::vector<TopicInfo> topics, Topics());
  {
    const std::lock_guard lock(mutex_);
    for (const TopicInfo& topic : topics) partitions_[topic.name] = topic.partitions;
  }
  if (holds()) return {};
  return Fail(Code::kNotFound, "partition " + partition.topic + "/" +
                                   std::to_string(partition.partition) + " does not exist");
}

Result<PartitionOffsets> RemoteLogImpl::Offsets(const TopicPartition& partition) {
  std::string request = Request(Operation::kOffsets);
  PutPartition(request, partition);
  TOCSIN_ASSIGN(const std::string answer, pool_.Call(request));
  FieldReader reader(answer);
  PartitionOffsets offsets;
  offsets.earliest = reader.Signed();
  offsets.latest = reader.Signed();
  offsets.bytes = reader.Signed();
  if (!reader.Finished()) return Malformed();
  return offsets;
}

Result<std::vector<std::shared_ptr<const RecordBatch>>> RemoteLogImpl::Fetch(
    const TopicPartition& partition, std::int64_t offset, std::size_t max_bytes) {
  std::string request = Request(Operation::kFetch);
  PutPartition(request, partition);
  PutSigned(request, offset);
  PutVarint(request, max_bytes);
  TOCSIN_ASSIGN(const std::string answer, pool_.Call(request));
  FieldReader reader(answer);
  std::vector<std::shared_ptr<const RecordBatch>> batches(reader.Count(1));
  for (auto& batch : batches) {
    const std::string_view stored = reader.Bytes();
    if (!reader.ok()) return Malformed();
    TOCSIN_ASSIGN(batch, DecodeBatch(stored));
  }
  if (!reader.Finished()) return Malformed();
  return batches;
}

std::optional<std::uint64_t> RemoteLogImpl::CallForNumber(std::string_view request) {
  const auto answer = pool_.Call(request);
  if (!answer) return std::nullopt;
  FieldReader reader(*answer);
  const std::uint64_t number = reader.Number();
  return reader.Finished() ? std::optional(number) : std::nullopt;
}

std::uint64_t RemoteLogImpl::AppendCount() {
  return CallForNumber(Request(Operation::kAppendCount)).value_or(0);
}

std::uint64_t RemoteLogImpl::WaitForAppend(std::uint64_t seen, std::int64_t timeout_us,
                                           std::stop_token stop) {
  const std::int64_t start_us = clock_.SteadyUs();
  for (;;) {
    const std::int64_t left_us = timeout_us - (clock_.SteadyUs() - start_us);
    std::string request = Request(Operation::kWaitForAppend);
    PutVarint(request, seen);
    PutSigned(request, std::clamp<std::int64_t>(left_us, 0, kWaitSliceUs));
    const auto number = CallForNumber(request);
    if (!number) return seen;
    if (*number != seen || left_us <= kWaitSliceUs || stop.stop_requested()) return *number;
  }
}

Result<std::optional<std::int64_t>> RemoteLogImpl::CommittedOffset(
    std::string_view group, const TopicPartition& partition) {
  std::string request = Request(Operation::kCommittedOffset);
  PutBytes(request, group);
  PutPartition(request, partition);
  TOCSIN_ASSIGN(const std::string answer, pool_.Call(request));
  FieldReader reader(answer);
  std::optional<std::int64_t> offset;
  if (reader.Byte() == 1) offset = reader.Signed();
  if (!reader.Finished()) return Malformed();
  return offset;
}

Status RemoteLogImpl::RegisterGroup(std::string_view group, const std::string& topic) {
  std::string request = Request(Operation::kRegisterGroup);
  PutBytes(request, group);
  PutBytes(request, topic);
  TOCSIN_TRY(pool_.Call(request));
  return {};
}

Status RemoteLogImpl::ReadState(
    std::string_view store, std::int32_t partition,
    const std::function<void(std::string_view, std::string_view)>& visit) {
  std::string request = Request(Operation::kReadState);
  PutBytes(request, store);
  PutSigned(request, partition);
  TOCSIN_ASSIGN(FileDescriptor fd, pool_.Take());
  TOCSIN_ASSIGN(std::string frame, Exchange(fd.get(), request));
  for (;;) {
    FieldReader reader(frame);
    const std::uint64_t count = reader.Count(2);
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::string_view key = reader.Bytes();
      const std::string_view value = reader.Bytes();
      if (!reader.ok()) return Malformed();
      visit(key, value);
    }
    if (!reader.Finished()) return Malformed();
    if (count == 0) break;
    TOCSIN_ASSIGN(const auto answer, ReceiveFrame(fd.get(), kMaxAnswerBytes));
    if (!answer) {
      return Fail(Code::kUnavailable, "the running instance closed the local connection");
    }
    TOCSIN_ASSIGN(const std::string_view result, ParseAnswer(*answer));
    frame.assign(result);
  }
  pool_.GiveBack(std::move(fd));
  return {};
}

Result<StateSize> RemoteLogImpl::SizeOfState(std::string_view store, std::int32_t partition) {
  std::string request = Request(Operation::kSizeOfState);
  PutBytes(request, store);
  PutSigned(request, partition);
  TOCSIN_ASSIGN(const std::string answer, pool_.Call(request));
  FieldReader reader(answer);
  StateSize size;
  size.snapshot_bytes = reader.Number();
  size.delta_bytes = reader.Number();
  if (!reader.Finished()) return Malformed();
  return size;
}

Result<std::unique_ptr<Transaction>> RemoteLogImpl::Begin(TransactionOptions options) {
  return std::make_unique<RemoteTransaction>(*this, options);
}

}  // namespace

Result<std::unique_ptr<Log>> RemoteLog::Connect(const std::string& socket_path) {
  auto log = std::make_unique<RemoteLogImpl>(socket_path);
  TOCSIN_ASSIGN(FileDescriptor fd, log->pool().Take());
  log->pool().GiveBack(std::move(fd));
  return log;
}

Result<std::string> RemoteLog::Status(const std::string& socket_path) {
  TOCSIN_ASSIGN(const FileDescriptor fd, Dial(socket_path));
  TOCSIN_ASSIGN(const std::string answer, Exchange(fd.get(), Request(Operation::kStatus)));
  FieldReader reader(answer);
  const std::string_view status = reader.Bytes();
  if (!reader.Finished()) return Malformed();
  return std::string(status);
}

Result<std::string> RemoteLog::Control(const std::string& socket_path, std::string_view name,
                                       std::string_view argument) {
  TOCSIN_ASSIGN(const FileDescriptor fd, Dial(socket_path));
  std::string request = Request(Operation::kControl);
  PutBytes(request, name);
  PutBytes(request, argument);
  TOCSIN_ASSIGN(const std::string answer, Exchange(fd.get(), request));
  FieldReader reader(answer);
  const std::string_view json = reader.Bytes();
  if (!reader.Finished()) return Malformed();
  return std::string(json);
}

}  // namespace tocsin
