#include "kafka_log/kafka_transaction.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>

#include "base/test_switch.h"
#include "kafka_log/kafka_error.h"

namespace tocsin {
namespace {

struct PendingAppend {
  TopicPartition partition;
  std::string payload;  // padded
  std::uint32_t count = 0;
  Delivery delivery;

  std::string_view records() const { return {payload.data(), payload.size() - kRecordPadding}; }
};

using GroupOffsets = std::map<TopicPartition, std::int64_t>;

RdPartitions ListOf(const GroupOffsets& offsets) {
  RdPartitions list(rd_kafka_topic_partition_list_new(static_cast<int>(offsets.size())));
  for (const auto& [partition, offset] : offsets) {
    rd_kafka_topic_partition_list_add(list.get(), partition.topic.c_str(), partition.partition)
        ->offset = offset;
  }
  return list;
}

// Everything is kept until the commit is certain, so that an attempt that failed can be made again
// by a new producer. Records are sent as they are appended: the broker works while we do.
class KafkaTransaction final : public Transaction {
 public:
  KafkaTransaction(std::shared_ptr<KafkaCore> core, TransactionOptions options)
      : core_(std::move(core)), options_(options) {}
  ~KafkaTransaction() override;

  Status Append(const TopicPartition& partition, RecordBatchBuilder& batch) override;
  void CommitOffset(std::string_view group, const TopicPartition& partition,
                    std::int64_t next_offset) override {
    offsets_[std::string(group)][partition] = next_offset;
  }
  void PutState(std::string_view store, std::int32_t partition, std::string_view key,
                std::string_view value) override {
    ChangeOf(store, partition).Put(key, value);
  }
  void ReplaceState(std::string_view store, std::int32_t partition) override {
    ChangeOf(store, partition).replace = true;
  }
  Result<std::vector<AppendedRange>> Commit() override;

 private:
  StateChange& ChangeOf(std::string_view store, std::int32_t partition);
  bool empty() const { return appends_.empty() && offsets_.empty() && changes_.empty(); }
  bool plain() const;
  Status Start();
  Status SendAppends();
  Status SendOffsets();
  Status SendMark();
  Status Attempt();
  Error Failed(Error error);
  Result<bool> Resolve();
  Status SendPlainly();
  Status CommitPlainly();
  Status FailPlainly(Error error);
  GroupConsumer* MemberOf(const std::string& group);
  std::vector<AppendedRange> Done();

  std::shared_ptr<KafkaCore> core_;  // let go with the commit
  const TransactionOptions options_;
  std::deque<PendingAppend> appends_;  // their deliveries are lent to the producer
  std::map<std::string, GroupOffsets, std::less<>> offsets_;
  std::map<StoreKey, StateChange> changes_;
  // The change that was asked for last: puts come in runs.
  StateChange* change_ = nullptr;
  std::string change_store_;
  std::int32_t change_partition_ = -1;

  std::optional<StateStore::Write> write_;
  ProducerPool::Loan producer_;  // points into what stands above
  bool begun_ = false;
  std::size_t sent_ = 0;  // appends given to a producer
  // At least once: what the appends go out by at once, before anything else is known of them.
  ProducerPool::Loan plain_producer_;
  std::size_t sent_plainly_ = 0;  // appends
  bool member_ = false;           // the attempt is fenced by a place in a group
  // An attempt without a group's fence leaves a mark, an offset that nobody reads, of the group
  // named like the transactional id: by it the outcome is learned when the broker did not say.
  TopicPartition mark_partition_;
  std::int64_t mark_ = 0;
  bool doubtful_ = false;
  bool committed_ = false;
};

StateChange& KafkaTransaction::ChangeOf(std::string_view store, std::int32_t partition) {
  if (change_ == nullptr || change_partition_ != partition || change_store_ != store) {
    change_ = &changes_[{std::string(store), partition}];
    change_store_ = store;
    change_partition_ = partition;
  }
  return *change_;
}

Status KafkaTransaction::Append(const TopicPartition& partition, RecordBatchBuilder& batch) {
  TOCSIN_ASSIGN(const std::int32_t partitions, core_->PartitionsOf(partition.topic));
  if (partition.partition < 0 || partition.partition >= partitions) {
    return Fail(Code::kNotFound, "partition " + partition.topic + "/" +
                                     std::to_string(partition.partition) + " does not exist");
  }
  if (batch.payload_bytes() > kMaxPayloadBytes) {
    return Fail(Code::kInvalidArgument, "a batch of " + std::to_string(batch.payload_bytes()) +
                                            " bytes is above the limit of 64 MiB; split it");
  }
  if (batch.empty()) return {};
  auto [payload, count] = batch.Take();
  payload.append(kRecordPadding, '\0');
  appends_.push_back({partition, std::move(payload), count, {}});
  // A failure shows again in Commit(), which makes a new attempt.
  if (core_->options.at_least_once) {
    if (Status sent = SendPlainly(); !sent) {
      static_cast<void>(FailPlainly(std::move(sent).error()));
    }
    return {};
  }
  if (!doubtful_ && !(Start() && SendAppends())) {
    producer_.Discard();
    begun_ = false;
  }
  return {};
}

// A snapshot in parts would be of no use: it is never written without a transaction.
bool KafkaTransaction::plain() const {
  return core_->options.at_least_once &&
         std::ranges::none_of(changes_, [](const auto& entry) { return entry.second.replace; });
}

Status KafkaTransaction::Start() {
  if (begun_) return {};
  if (producer_.id().empty()) producer_ = core_->producers.Take(options_.ranges);
  TOCSIN_TRY(producer_.Renew());
  TOCSIN_TRY(producer_->Begin());
  begun_ = true;
  sent_ = sent_plainly_;
  return {};
}

Status KafkaTransaction::SendAppends() {
  for (; sent_ < appends_.size(); ++sent_) {
    PendingAppend& append = appends_[sent_];
    append.delivery = {};
    TOCSIN_TRY(producer_->Produce(append.partition, append.records(), append.count,
                                  options_.ranges ? &append.delivery : nullptr));
  }
  return {};
}

GroupConsumer* KafkaTransaction::MemberOf(const std::string& group) {
  const std::lock_guard lock(core_->mutex);
  const auto found = core_->members.find(group);
  return found == core_->members.end() ? nullptr : found->second;
}

Status KafkaTransaction::SendOffsets() {
  for (const auto& [group, offsets] : offsets_) {
    GroupMetadata metadata;
    if (GroupConsumer* const member = MemberOf(group); member != nullptr) {
      member_ = true;
      if (!TestSwitch("kafka_generation_ignored")) {
        TOCSIN_ASSIGN(metadata, member->Metadata());
      }
    }
    // Without a member a tool sets the place of a group that nobody reads by.
    if (metadata == nullptr) metadata.reset(rd_kafka_consumer_group_metadata_new(group.c_str()));
    if (TestSwitch("kafka_offsets_skipped")) continue;
    TOCSIN_TRY(producer_->SendOffsets(*ListOf(offsets), *metadata));
  }
  return {};
}

Status KafkaTransaction::SendMark() {
  if (!appends_.empty()) {
    mark_partition_ = appends_.front().partition;
  } else if (write_ && !write_->parts().empty()) {
    mark_partition_ = write_->parts().front().partition;
  } else {
    mark_partition_ = offsets_.begin()->second.begin()->first;
  }
  mark_ = SystemClock().WallUs();
  const GroupMetadata metadata(rd_kafka_consumer_group_metadata_new(producer_.id().c_str()));
  return producer_->SendOffsets(*ListOf({{mark_partition_, mark_}}), *metadata);
}

Status KafkaTransaction::Attempt() {
  member_ = false;
  if (!changes_.empty() && !write_) {
    TOCSIN_ASSIGN(write_, core_->state.Begin(changes_));
  }
  TOCSIN_TRY(Start());
  TOCSIN_TRY(SendAppends());
  if (write_) {
    for (const StateStore::Write::Part& part : write_->parts()) {
      const std::string_view records(part.payload.data(), part.payload.size() - kRecordPadding);
      TOCSIN_TRY(producer_->Produce(part.partition, records, part.count, nullptr));
    }
  }
  TOCSIN_TRY(SendOffsets());
  if (!member_) TOCSIN_TRY(SendMark());
  auto committed = producer_->Commit();
  if (committed) return {};
  doubtful_ = committed.error().doubtful;
  return std::unexpected(std::move(committed.error().error));
}

// What a failed attempt means to the caller; afterwards nothing of it is open.
Error KafkaTransaction::Failed(Error error) {
  core_->DoubtPartitions();
  // Ended at once, so that it hides nothing from readers; then the producer goes: a late report of
  // a delivery must find nobody.
  if (begun_ && !doubtful_ && producer_) producer_->Abort();
  producer_.Discard();
  begun_ = false;
  if (member_ && (doubtful_ || error.code() == Code::kFenced)) {
    // What is committed, the group's offsets say: the reader goes back to them. A new producer ends
    // the attempt, so that they are certain.
    static_cast<void>(producer_.Renew());
    doubtful_ = false;
    write_.reset();
    return {Code::kFenced, error.message()};
  }
  if (!doubtful_) write_.reset();
  if (error.code() == Code::kFenced) return {Code::kUnavailable, error.message()};
  return error;
}

// True when the attempt whose outcome was open is committed.
Result<bool> KafkaTransaction::Resolve() {
  TOCSIN_TRY(producer_.Renew());
  TOCSIN_ASSIGN(const auto mark, core_->cluster.CommittedOffset(producer_.id(), mark_partition_));
  doubtful_ = false;
  if (mark == mark_) return true;
  write_.reset();
  return false;
}

Status KafkaTransaction::SendPlainly() {
  if (!plain_producer_) {
    plain_producer_ = core_->plain_producers.Take(true);
    TOCSIN_TRY(plain_producer_.Renew());
  }
  for (; sent_plainly_ < appends_.size(); ++sent_plainly_) {
    PendingAppend& append = appends_[sent_plainly_];
    append.delivery = {};
    TOCSIN_TRY(plain_producer_->Produce(append.partition, append.records(), append.count,
                                        &append.delivery));
  }
  return {};
}

// All is sent again in the next attempt, by a new producer: reports of this one would be counted
// there.
Status KafkaTransaction::FailPlainly(Error error) {
  core_->DoubtPartitions();
  plain_producer_.Discard();
  sent_plainly_ = 0;
  write_.reset();
  return std::unexpected(std::move(error));
}

// At least once: records and state are durable before the offsets are committed.
Status KafkaTransaction::CommitPlainly() {
  write_.reset();  // of an attempt whose offsets were refused: it holds its partitions
  if (!changes_.empty()) {
    TOCSIN_ASSIGN(write_, core_->state.Begin(changes_));
  }
  Delivery state;
  Status sent = [&]() -> Status {
    TOCSIN_TRY(SendPlainly());
    if (write_) {
      for (const StateStore::Write::Part& part : write_->parts()) {
        const std::string_view records(part.payload.data(), part.payload.size() - kRecordPadding);
        TOCSIN_TRY(plain_producer_->Produce(part.partition, records, part.count, &state));
      }
    }
    for (const PendingAppend& append : appends_) {
      TOCSIN_TRY(plain_producer_->Wait(append.delivery));
    }
    return plain_producer_->Wait(state);
  }();
  if (!sent) return FailPlainly(std::move(sent).error());
  for (const auto& [group, offsets] : offsets_) {
    GroupConsumer* const member = MemberOf(group);
    TOCSIN_TRY(member != nullptr ? member->Commit(offsets)
                                 : core_->cluster.SetOffsets(group, offsets));
  }
  return {};
}

std::vector<AppendedRange> KafkaTransaction::Done() {
  if (write_) write_->Committed(!plain());
  write_.reset();
  if (producer_ && producer_->HasStragglers()) producer_.Discard();
  producer_.Return();
  plain_producer_.Return();
  committed_ = true;
  std::vector<AppendedRange> ranges;
  ranges.reserve(appends_.size());
  for (const PendingAppend& append : appends_) {
    ranges.push_back({append.partition, append.delivery.first_offset, append.count});
  }
  if (!ranges.empty()) {
    const std::lock_guard lock(core_->mutex);
    ++core_->append_count;
    core_->appended.notify_all();
  }
  core_.reset();
  return ranges;
}

Result<std::vector<AppendedRange>> KafkaTransaction::Commit() {
  if (committed_) {
    return Fail(Code::kFailedPrecondition, "the transaction was committed before");
  }
  if (empty()) {
    committed_ = true;
    return std::vector<AppendedRange>();
  }
  if (plain()) {
    TOCSIN_TRY(CommitPlainly());
    return Done();
  }
  if (doubtful_) {
    TOCSIN_ASSIGN(const bool committed, Resolve());
    if (committed) return Done();
  }
  for (std::size_t i = 0; i < sent_plainly_; ++i) {
    Status sent = plain_producer_->Wait(appends_[i].delivery);
    if (!sent) return std::unexpected(FailPlainly(std::move(sent).error()).error());
  }
  Status attempted = Attempt();
  if (attempted) return Done();
  return std::unexpected(Failed(std::move(attempted).error()));
}

KafkaTransaction::~KafkaTransaction() {
  if (committed_) return;
  plain_producer_.Discard();  // its reports would find nobody
  if (!begun_) return;
  if (producer_) producer_->Abort();
  producer_.Discard();
}

}  // namespace

std::unique_ptr<Transaction> MakeKafkaTransaction(std::shared_ptr<KafkaCore> core,
                                                  TransactionOptions options) {
  return std::make_unique<KafkaTransaction>(std::move(core), options);
}

}  // namespace tocsin
