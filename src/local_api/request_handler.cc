#include "local_api/request_handler.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "local_api/wire.h"

namespace tocsin {
namespace {

constexpr std::size_t kStateFrameBytes = 1u << 20;
constexpr char kOk = '\0';

// What a request may use, and its arguments, not read yet.
struct Call {
  Log& log;
  const std::function<std::string()>& status;
  const std::stop_token& stop;
  const RequestHandler::Control& control;
  const RequestHandler::Send& send;
  FieldReader& arguments;
};

// A request that does not follow the protocol: told apart from what the log answers, because its
// connection is closed.
struct Malformed {};

// The result of an operation: the answer's bytes after the code, an error of the log, or nothing
// when the operation has sent its answer itself.
using Answer = std::expected<Result<std::string>, Malformed>;

std::unexpected<Malformed> Bad() {
  return std::unexpected(Malformed());
}

template <class T>
Answer ErrorOf(Result<T>& result) {
  return Result<std::string>(std::unexpected(std::move(result).error()));
}

Answer HandleStatus(Call& call) {
  if (!call.arguments.Finished()) return Bad();
  std::string out;
  PutBytes(out, call.status());
  return out;
}

Answer HandleTopics(Call& call) {
  if (!call.arguments.Finished()) return Bad();
  auto topics = call.log.Topics();
  if (!topics) return ErrorOf(topics);
  std::string out;
  PutVarint(out, topics->size());
  for (const TopicInfo& topic : *topics) PutPartition(out, {topic.name, topic.partitions});
  return out;
}

Answer HandleEnsureTopic(Call& call) {
  const std::string topic(call.arguments.Bytes());
  TopicConfig config;
  config.partitions = call.arguments.PartitionNumber();
  config.retention_bytes = call.arguments.Signed();
  config.retention_ms = call.arguments.Signed();
  if (!call.arguments.Finished()) return Bad();
  Status made = call.log.EnsureTopic(topic, config);
  if (!made) return ErrorOf(made);
  return std::string();
}

Answer HandleOffsets(Call& call) {
  const TopicPartition partition = call.arguments.Partition();
  if (!call.arguments.Finished()) return Bad();
  auto offsets = call.log.Offsets(partition);
  if (!offsets) return ErrorOf(offsets);
  std::string out;
  PutSigned(out, offsets->earliest);
  PutSigned(out, offsets->latest);
  PutSigned(out, offsets->bytes);
  return out;
}

std::string Sealed(const RecordBatch& batch) {
  // Uncompressed: within one machine, copying is cheaper than compressing.
  std::string stored = EncodeBatch(batch.payload(), batch.count(), Compression::kNone);
  SealBatch(stored, batch.base_offset(), batch.timestamp_ms(), 0);
  return stored;
}

Answer HandleFetch(Call& call) {
  const TopicPartition partition = call.arguments.Partition();
  const std::int64_t offset = call.arguments.Signed();
  const std::uint64_t max_bytes = call.arguments.Number();
  if (!call.arguments.Finished()) return Bad();
  auto batches =
      call.log.Fetch(partition, offset,
                     static_cast<std::size_t>(std::min<std::uint64_t>(max_bytes, kMaxFetchBytes)));
  if (!batches) return ErrorOf(batches);
  std::string out;
  PutVarint(out, batches->size());
  for (const auto& batch : *batches) PutBytes(out, Sealed(*batch));
  return out;
}

Answer HandleAppendCount(Call& call) {
  if (!call.arguments.Finished()) return Bad();
  std::string out;
  PutVarint(out, call.log.AppendCount());
  return out;
}

Answer HandleWaitForAppend(Call& call) {
  const std::uint64_t seen = call.arguments.Number();
  const std::int64_t timeout_us = call.arguments.Signed();
  if (!call.arguments.Finished()) return Bad();
  std::string out;
  PutVarint(out, call.log.WaitForAppend(seen, std::clamp<std::int64_t>(timeout_us, 0, kMaxWaitUs),
                                        call.stop));
  return out;
}

Answer HandleCommittedOffset(Call& call) {
  const std::string_view group = call.arguments.Bytes();
  const TopicPartition partition = call.arguments.Partition();
  if (!call.arguments.Finished()) return Bad();
  auto offset = call.log.CommittedOffset(group, partition);
  if (!offset) return ErrorOf(offset);
  std::string out(1, offset->has_value() ? '\1' : '\0');
  if (offset->has_value()) PutSigned(out, **offset);
  return out;
}

Answer HandleRegisterGroup(Call& call) {
  const std::string_view group = call.arguments.Bytes();
  const std::string topic(call.arguments.Bytes());
  if (!call.arguments.Finished()) return Bad();
  Status registered = call.log.RegisterGroup(group, topic);
  if (!registered) return ErrorOf(registered);
  return std::string();
}

// Collects entries of a state and sends them frame by frame.
class StateFrames {
 public:
  explicit StateFrames(const RequestHandler::Send& send) : send_(send) {}

  void Add(std::string_view key, std::string_view value) {
    PutBytes(entries_, key);
    PutBytes(entries_, value);
    ++count_;
    if (entries_.size() >= kStateFrameBytes) Flush();
  }
  void Flush() {
    if (count_ == 0 || !sent_) return;
    std::string frame(1, kOk);
    PutVarint(frame, count_);
    frame += entries_;
    sent_ = send_(frame);
    entries_.clear();
    count_ = 0;
  }

 private:
  const RequestHandler::Send& send_;
  std::string entries_;
  std::uint64_t count_ = 0;
  Status sent_;
};

Answer HandleReadState(Call& call) {
  const std::string_view store = call.arguments.Bytes();
  const std::int32_t partition = call.arguments.PartitionNumber();
  if (!call.arguments.Finished()) return Bad();
  StateFrames frames(call.send);
  Status read = call.log.ReadState(
      store, partition,
      [&](std::string_view key, std::string_view value) { frames.Add(key, value); });
  frames.Flush();
  if (!read) return ErrorOf(read);
  return std::string(1, '\0');  // no more entries
}

Answer HandleSizeOfState(Call& call) {
  const std::string_view store = call.arguments.Bytes();
  const std::int32_t partition = call.arguments.PartitionNumber();
  if (!call.arguments.Finished()) return Bad();
  auto size = call.log.SizeOfState(store, partition);
  if (!size) return ErrorOf(size);
  std::string out;
  PutVarint(out, size->snapshot_bytes);
  PutVarint(out, size->delta_bytes);
  return out;
}

// The three parts of a commit. False for a malformed one; a refusal of the log goes to `refused`.
bool ReadAppends(FieldReader& arguments, Transaction& transaction, Status& refused) {
  for (std::uint64_t left = arguments.Count(4); left > 0 && arguments.ok(); --left) {
    const TopicPartition partition = arguments.Partition();
    const std::string_view stored = arguments.Bytes();
    // Uncompressed only: what a request holds in memory is then bounded by its own size.
    const auto info = ReadBatchInfo(stored);
    if (!arguments.ok() || !info || info->compression != Compression::kNone) return false;
    const auto batch = DecodeBatch(stored);
    if (!batch) return false;
    RecordBatchBuilder builder;
    builder.AppendAll(**batch);
    Status appended = transaction.Append(partition, builder);
    if (!appended && refused) refused = std::move(appended);
  }
  return arguments.ok();
}

bool ReadOffsets(FieldReader& arguments, Transaction& transaction) {
  for (std::uint64_t left = arguments.Count(4); left > 0 && arguments.ok(); --left) {
    const std::string_view group = arguments.Bytes();
    const TopicPartition partition = arguments.Partition();
    const std::int64_t next_offset = arguments.Signed();
    if (arguments.ok()) transaction.CommitOffset(group, partition, next_offset);
  }
  return arguments.ok();
}

bool ReadStateChanges(FieldReader& arguments, Transaction& transaction) {
  for (std::uint64_t stores = arguments.Count(4); stores > 0 && arguments.ok(); --stores) {
    const std::string_view store = arguments.Bytes();
    const std::int32_t partition = arguments.PartitionNumber();
    const std::uint8_t replace = arguments.Byte();
    if (replace > 1) return false;
    if (replace == 1) transaction.ReplaceState(store, partition);
    for (std::uint64_t puts = arguments.Count(2); puts > 0 && arguments.ok(); --puts) {
      const std::string_view key = arguments.Bytes();
      const std::string_view value = arguments.Bytes();
      if (arguments.ok()) transaction.PutState(store, partition, key, value);
    }
  }
  return arguments.ok();
}

Answer HandleCommit(Call& call) {
  const std::uint8_t ingest = call.arguments.Byte();
  if (!call.arguments.ok() || ingest > 1) return Bad();
  auto transaction = call.log.Begin({.ingest = ingest == 1});
  if (!transaction) return ErrorOf(transaction);
  Status refused;
  if (!ReadAppends(call.arguments, **transaction, refused) ||
      !ReadOffsets(call.arguments, **transaction) ||
      !ReadStateChanges(call.arguments, **transaction) || !call.arguments.Finished()) {
    return Bad();
  }
  if (!refused) return ErrorOf(refused);
  auto ranges = (*transaction)->Commit();
  if (!ranges) return ErrorOf(ranges);
  std::string out;
  PutVarint(out, ranges->size());
  for (const AppendedRange& range : *ranges) {
    PutPartition(out, range.partition);
    PutSigned(out, range.base_offset);
    PutVarint(out, range.count);
  }
  return out;
}

Answer HandleControl(Call& call) {
  const std::string_view name = call.arguments.Bytes();
  const std::string_view argument = call.arguments.Bytes();
  if (!call.arguments.Finished() || name.size() > kMaxControlName ||
      argument.size() > kMaxControlArgument) {
    return Bad();
  }
  Result<std::string> answer =
      call.control ? call.control(name, argument)
                   : Fail(Code::kNotFound, "the running instance takes no requests of this kind");
  if (!answer) return ErrorOf(answer);
  if (answer->size() > kMaxAnswerBytes / 2) {
    return Result<std::string>(
        Fail(Code::kResourceExhausted, "the answer is too large; ask for fewer entries"));
  }
  std::string out;
  PutBytes(out, *answer);
  return out;
}

Answer Dispatch(Operation operation, Call& call) {
  switch (operation) {
    case Operation::kStatus:
      return HandleStatus(call);
    case Operation::kTopics:
      return HandleTopics(call);
    case Operation::kEnsureTopic:
      return HandleEnsureTopic(call);
    case Operation::kOffsets:
      return HandleOffsets(call);
    case Operation::kFetch:
      return HandleFetch(call);
    case Operation::kAppendCount:
      return HandleAppendCount(call);
    case Operation::kWaitForAppend:
      return HandleWaitForAppend(call);
    case Operation::kCommittedOffset:
      return HandleCommittedOffset(call);
    case Operation::kRegisterGroup:
      return HandleRegisterGroup(call);
    case Operation::kReadState:
      return HandleReadState(call);
    case Operation::kSizeOfState:
      return HandleSizeOfState(call);
    case Operation::kCommit:
      return HandleCommit(call);
    case Operation::kControl:
      return HandleControl(call);
  }
  return Bad();
}

}  // namespace

RequestHandler::RequestHandler(Log& log, std::function<std::string()> status, std::stop_token stop,
                               Control control)
    : log_(log), status_(std::move(status)), stop_(std::move(stop)), control_(std::move(control)) {}

Status RequestHandler::Handle(std::string_view request, const Send& send) const {
  FieldReader reader(request);
  const std::uint8_t version = reader.Byte();
  const auto operation = static_cast<Operation>(reader.Byte());
  Call call{log_, status_, stop_, control_, send, reader};
  Answer answer = Bad();
  if (reader.ok() && version == kLocalApiVersion) answer = Dispatch(operation, call);
  if (!answer) {
    Error error(Code::kInvalidArgument,
                "the running instance does not understand this request; use a program of the same "
                "version");
    TOCSIN_TRY(send(ErrorAnswer(error)));
    return std::unexpected(std::move(error));
  }
  if (!*answer) return send(ErrorAnswer((*answer).error()));
  return send(kOk + **answer);
}

}  // namespace tocsin
