#include "kafka_log/producer.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <array>

#include "base/test_switch.h"
#include "kafka_log/kafka_error.h"

namespace tocsin {
namespace {

constexpr std::size_t kMessagesAtOnce = 512;
constexpr int kPollMs = 10;
constexpr int kAbortTimeoutMs = 2'000;

std::string_view NameOf(Compression compression) {
  switch (compression) {
    case Compression::kNone:
      return "none";
    case Compression::kZstd:
      return "zstd";
    case Compression::kLz4:
      break;
  }
  return "lz4";
}

Client::Settings SettingsFor(const KafkaOptions& options, const std::string& transactional_id) {
  Client::Settings settings = {
      {"enable.idempotence", "true"},
      {"acks", "all"},
      {"compression.type", std::string(NameOf(options.compression))},
      {"partitioner", "murmur2_random"},
      {"queue.buffering.max.messages", "0"},
      {"queue.buffering.max.kbytes", "8192"},
      // Large batches under load; a commit sends what there is at once.
      {"linger.ms", transactional_id.empty() ? "0" : "5"},
      {"batch.size", "1000000"},
      {"batch.num.messages", "20000"},
      {"retry.backoff.ms", "20"},
      {"message.timeout.ms", std::to_string(options.transaction_timeout_ms - 1000)},
  };
  if (!transactional_id.empty()) {
    settings["transactional.id"] = transactional_id;
    settings["transaction.timeout.ms"] = std::to_string(options.transaction_timeout_ms);
  }
  return settings;
}

}  // namespace

Result<std::unique_ptr<Producer>> Producer::Make(const KafkaOptions& options,
                                                 const std::string& transactional_id,
                                                 bool reports) {
  std::unique_ptr<Producer> producer(new Producer());
  producer->transactional_id_ = transactional_id;
  producer->reports_ = reports || transactional_id.empty();
  producer->timeout_ms_ = options.transaction_timeout_ms;
  Client::Callbacks callbacks;
  if (producer->reports_) callbacks.delivered = &Producer::OnDelivered;
  TOCSIN_ASSIGN(producer->client_, Client::Make(options, ClientKind::kProducer,
                                                SettingsFor(options, transactional_id), callbacks));
  if (transactional_id.empty()) return producer;
  // Waits for the end of what an earlier life of this id left open.
  const RdError failed(
      rd_kafka_init_transactions(producer->client_->get(), options.transaction_timeout_ms));
  if (failed != nullptr) {
    Error error = KafkaError(*failed, "opening the transactions of " + transactional_id);
    // Whatever it was, a new attempt is the remedy; only a refusal is final.
    if (error.code() == Code::kFailedPrecondition) return std::unexpected(std::move(error));
    return Fail(Code::kUnavailable, error.message());
  }
  return producer;
}

Producer::~Producer() {
  if (client_ != nullptr) {
    rd_kafka_purge(client_->get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
                                       RD_KAFKA_PURGE_F_NON_BLOCKING);
  }
}

void Producer::OnDelivered(const rd_kafka_message_s& message, void* /*context*/) {
  auto* const delivery = static_cast<Delivery*>(message._private);
  if (delivery == nullptr) return;
  --delivery->left;
  if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    delivery->error = message.err;
  } else if (delivery->first_offset < 0) {
    delivery->first_offset = message.offset;
  }
}

rd_kafka_topic_s* Producer::TopicOf(const std::string& name) {
  RdTopic& topic = topics_[name];
  if (topic == nullptr) topic.reset(rd_kafka_topic_new(client_->get(), name.c_str(), nullptr));
  return topic.get();
}

Status Producer::Begin() {
  const RdError failed(rd_kafka_begin_transaction(client_->get()));
  if (failed != nullptr) return std::unexpected(KafkaError(*failed, "beginning a transaction"));
  return {};
}

Status Producer::WaitForRoom(std::int64_t& waited_ms, std::string_view what) {
  if (waited_ms > timeout_ms_) {
    return std::unexpected(
        KafkaError(RD_KAFKA_RESP_ERR__TIMED_OUT, what, "the broker takes no records"));
  }
  rd_kafka_poll(client_->get(), kPollMs);
  waited_ms += kPollMs;
  return {};
}

Status Producer::ProduceWithHeaders(const TopicPartition& partition, const Record& record,
                                    Delivery* delivery) {
  rd_kafka_headers_t* headers = rd_kafka_headers_new(4);
  for (const RecordHeader& header : DecodeHeaders(record.encoded_headers)) {
    rd_kafka_header_add(headers, header.key.data(), static_cast<ssize_t>(header.key.size()),
                        header.value.data(), static_cast<ssize_t>(header.value.size()));
  }
  std::array<rd_kafka_vu_t, 7> fields{};
  fields[0].vtype = RD_KAFKA_VTYPE_RKT;
  fields[0].u.rkt = TopicOf(partition.topic);
  fields[1].vtype = RD_KAFKA_VTYPE_PARTITION;
  fields[1].u.i32 = partition.partition;
  fields[2].vtype = RD_KAFKA_VTYPE_VALUE;
  fields[2].u.mem = {const_cast<char*>(record.value.data()), record.value.size()};
  fields[3].vtype = RD_KAFKA_VTYPE_KEY;
  fields[3].u.mem = {record.key ? const_cast<char*>(record.key->data()) : nullptr,
                     record.key ? record.key->size() : 0};
  fields[4].vtype = RD_KAFKA_VTYPE_HEADERS;
  fields[4].u.headers = headers;
  fields[5].vtype = RD_KAFKA_VTYPE_OPAQUE;
  fields[5].u.ptr = delivery;
  fields[6].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
  fields[6].u.i = RD_KAFKA_MSG_F_COPY;
  const std::string what = "producing to " + partition.topic;
  for (std::int64_t waited_ms = 0;;) {
    const RdError refused(rd_kafka_produceva(client_->get(), fields.data(), fields.size()));
    if (refused == nullptr) return {};  // the headers are librdkafka's now
    const rd_kafka_resp_err_t failed = rd_kafka_error_code(refused.get());
    Status room;
    if (failed == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      room = WaitForRoom(waited_ms, what);
      if (room) continue;
    } else {
      room = std::unexpected(KafkaError(failed, what));
    }
    rd_kafka_headers_destroy(headers);
    return room;
  }
}

Status Producer::Produce(const TopicPartition& partition, std::string_view payload,
                         std::uint32_t count, Delivery* delivery) {
  std::array<rd_kafka_message_t, kMessagesAtOnce> messages{};
  rd_kafka_topic_t* const topic = TopicOf(partition.topic);
  std::size_t used = 0;
  if (delivery != nullptr) delivery->left += count;
  const auto send = [&]() -> Status {
    const std::string what = "producing to " + partition.topic;
    rd_kafka_message_t* from = messages.data();
    std::int64_t waited_ms = 0;
    while (used > 0) {
      const int taken =
          rd_kafka_produce_batch(topic, partition.partition, 0, from, static_cast<int>(used));
      // Taken from the front on: the first that is refused refuses those behind it, too.
      const auto good = static_cast<std::size_t>(std::max(taken, 0));
      from += good;
      used -= good;
      if (used == 0) break;
      if (from->err != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        return std::unexpected(KafkaError(from->err, what));
      }
      TOCSIN_TRY(WaitForRoom(waited_ms, what));
    }
    return {};
  };
  RecordBatch::Cursor cursor(payload, count);
  for (Record record; cursor.Next(record);) {
    if (!record.encoded_headers.empty()) {
      TOCSIN_TRY(send());  // in order
      TOCSIN_TRY(ProduceWithHeaders(partition, record, delivery));
      continue;
    }
    rd_kafka_message_t& message = messages[used];
    message.payload = const_cast<char*>(record.value.data());
    message.len = record.value.size();
    message.key = record.key ? const_cast<char*>(record.key->data()) : nullptr;
    message.key_len = record.key ? record.key->size() : 0;
    message._private = delivery;
    if (++used == messages.size()) TOCSIN_TRY(send());
  }
  return send();
}

Status Producer::SendOffsets(const rd_kafka_topic_partition_list_s& offsets,
                             const rd_kafka_consumer_group_metadata_s& group) {
  const RdError failed(
      rd_kafka_send_offsets_to_transaction(client_->get(), &offsets, &group, timeout_ms_));
  if (failed != nullptr) return std::unexpected(KafkaError(*failed, "committing offsets"));
  return {};
}

std::expected<void, Producer::CommitFailure> Producer::Commit() {
  const RdError failed(rd_kafka_commit_transaction(client_->get(), timeout_ms_));
  if (failed == nullptr) return {};
  CommitFailure failure{KafkaError(*failed, "committing a transaction")};
  // "Abort it" is the broker's word that it is not committed.
  failure.doubtful = rd_kafka_error_txn_requires_abort(failed.get()) == 0;
  return std::unexpected(std::move(failure));
}

bool Producer::HasStragglers() const {
  return client_->unanswered() > 0 && !TestSwitch("kafka_stragglers_ignored");
}

void Producer::Abort() {
  const RdError failed(rd_kafka_abort_transaction(client_->get(), kAbortTimeoutMs));
}

Status Producer::Wait(const Delivery& delivery) {
  while (delivery.left > 0) rd_kafka_poll(client_->get(), kPollMs);
  if (delivery.error == 0) return {};
  return std::unexpected(KafkaError(delivery.error, "producing"));
}

}  // namespace tocsin
