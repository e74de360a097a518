#include "kafka_log/reader.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <array>

#include "kafka_log/kafka_error.h"
#include "kafka_log/message_batcher.h"

namespace tocsin {
namespace {

constexpr std::size_t kMaxStreams = 16;
constexpr std::size_t kMessagesAtOnce = 2'000;
constexpr int kWaitMs = 50;

std::string Name(const TopicPartition& partition) {
  return partition.topic + "/" + std::to_string(partition.partition);
}

}  // namespace

Client::Settings Reader::ClientSettings() {
  return {
      {"isolation.level", "read_committed"},
      {"enable.partition.eof", "true"},
      {"auto.offset.reset", "error"},
      {"check.crcs", "true"},
      {"fetch.wait.max.ms", "10"},
      {"fetch.queue.backoff.ms", "5"},
      // Few bytes ahead: mostly one place is read, and seldom.
      {"queued.max.messages.kbytes", "8192"},
      {"fetch.message.max.bytes", "2097152"},
  };
}

Reader::~Reader() {
  while (!streams_.empty()) Close(TopicPartition(streams_.begin()->first));
}

void Reader::Close(const TopicPartition& partition) {
  const auto found = streams_.find(partition);
  if (found == streams_.end()) return;
  rd_kafka_consume_stop(found->second.topic.get(), partition.partition);
  streams_.erase(found);
}

Result<Reader::Stream*> Reader::Open(const TopicPartition& partition, std::int64_t offset) {
  Close(partition);
  if (streams_.size() >= kMaxStreams) {
    const auto oldest =
        std::ranges::min_element(streams_, {}, [](const auto& entry) { return entry.second.used; });
    Close(TopicPartition(oldest->first));
  }
  Stream stream;
  stream.topic.reset(rd_kafka_topic_new(client_.get(), partition.topic.c_str(), nullptr));
  stream.queue.reset(rd_kafka_queue_new(client_.get()));
  stream.next = offset;
  if (rd_kafka_consume_start_queue(stream.topic.get(), partition.partition, offset,
                                   stream.queue.get()) != 0) {
    return std::unexpected(KafkaError(rd_kafka_last_error(), "reading " + Name(partition)));
  }
  return &streams_.insert_or_assign(partition, std::move(stream)).first->second;
}

Result<std::int64_t> Reader::CheckPlace(const TopicPartition& partition, std::int64_t offset) {
  TOCSIN_ASSIGN(const auto partitions, cluster_.Partitions(partition.topic));
  if (!partitions || partition.partition < 0 || partition.partition >= *partitions) {
    return Fail(Code::kNotFound, "partition " + Name(partition) + " does not exist");
  }
  TOCSIN_ASSIGN(const std::int64_t end, cluster_.EndOffset(partition, Cluster::End::kStable));
  TOCSIN_ASSIGN(const std::int64_t begin, cluster_.BeginOffset(partition));
  if (offset < begin || offset > end) {
    return Fail(Code::kInvalidArgument, "offset " + std::to_string(offset) + " of " +
                                            Name(partition) + " is outside " +
                                            std::to_string(begin) + " to " + std::to_string(end));
  }
  return end;
}

Status Reader::Fill(const TopicPartition& partition, Stream& stream, std::int64_t deadline_us) {
  std::array<rd_kafka_message_t*, kMessagesAtOnce> messages;
  ssize_t count = rd_kafka_consume_batch_queue(stream.queue.get(), kWaitMs, messages.data(), 1);
  if (count > 0) {
    count +=
        std::max<ssize_t>(0, rd_kafka_consume_batch_queue(
                                 stream.queue.get(), 0, messages.data() + 1, messages.size() - 1));
  }
  MessageBatcher batcher;
  Error failure(Code::kInternal, "");
  bool failed = false;
  for (ssize_t i = 0; i < count; ++i) {
    const RdMessage message(messages[static_cast<std::size_t>(i)]);
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      stream.end_at = message->offset;
    } else if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      // What is passing (a leader that moves) librdkafka mends by itself.
      const Code code = CodeOfKafka(message->err);
      if (code == Code::kUnavailable || failed) continue;
      failed = true;
      failure = KafkaError(message->err, "reading " + Name(partition),
                           rd_kafka_message_errstr(message.get()));
    } else {
      stream.end_at = -1;
      batcher.Add(*message);
    }
  }
  std::vector<std::shared_ptr<const RecordBatch>> batches;
  batcher.Finish(batches);
  stream.pending.insert(stream.pending.end(), batches.begin(), batches.end());
  if (failed) return std::unexpected(std::move(failure));
  if (count <= 0 && clock_.SteadyUs() > deadline_us) {
    const Client::Complaint complaint = client_.complaint();
    return Fail(Code::kUnavailable, "reading " + Name(partition) + ": the broker sends nothing" +
                                        (complaint.text.empty() ? "" : ": " + complaint.text));
  }
  return {};
}

Result<std::vector<std::shared_ptr<const RecordBatch>>> Reader::Fetch(
    const TopicPartition& partition, std::int64_t offset, std::size_t max_bytes) {
  const std::lock_guard lock(mutex_);
  const auto open = streams_.find(partition);
  Stream* stream = open == streams_.end() ? nullptr : &open->second;
  const bool goes_on = stream != nullptr && stream->next == offset;
  if (!goes_on || (stream->pending.empty() && stream->end_at >= 0)) {
    TOCSIN_ASSIGN(const std::int64_t end, CheckPlace(partition, offset));
    // The stream tells an end once: when it has, and none is behind it, nothing will come.
    if (offset == end || (goes_on && stream->end_at >= end)) {
      return std::vector<std::shared_ptr<const RecordBatch>>();
    }
  }
  if (!goes_on) {
    TOCSIN_ASSIGN(stream, Open(partition, offset));
  }
  stream->used = ++uses_;
  const std::int64_t deadline_us = clock_.SteadyUs() + options_.request_timeout_ms * 1000LL;
  const std::int64_t old_end = stream->end_at;
  std::vector<std::shared_ptr<const RecordBatch>> batches;
  std::size_t bytes = 0;
  while (batches.empty() || bytes < max_bytes) {
    if (stream->pending.empty()) {
      // The end that was known before says nothing: there is more since, or CheckPlace() had ended.
      if (stream->end_at >= 0 && stream->end_at != old_end) break;
      // Some are in hand: do not wait for more.
      if (!batches.empty()) break;
      if (Status filled = Fill(partition, *stream, deadline_us); !filled) {
        Close(partition);
        return std::unexpected(std::move(filled).error());
      }
      continue;
    }
    bytes += stream->pending.front()->payload_bytes();
    stream->next = stream->pending.front()->end_offset();
    batches.push_back(std::move(stream->pending.front()));
    stream->pending.pop_front();
  }
  // Nothing but the marks of transactions was left: the place is the end itself.
  if (batches.empty() && stream->end_at >= 0) stream->next = offset;
  return batches;
}

// What waited too long may wait for a transaction that nobody ends.
Error Reader::ExplainOpen(const TopicPartition& partition, std::int64_t end, Error error) {
  if (error.code() != Code::kUnavailable) return error;
  const auto stable = cluster_.EndOffset(partition, Cluster::End::kStable);
  if (!stable || *stable >= end) return error;
  return Error(Code::kUnavailable,
               "a transaction that began at offset " + std::to_string(*stable) + " of " +
                   Name(partition) +
                   " is neither committed nor aborted: readers wait for its end, at most its "
                   "timeout; if it stays, find and abort it (kafka-transactions.sh find-hanging)");
}

Result<std::int64_t> Reader::ReadToEnd(const TopicPartition& partition, std::int64_t offset,
                                       const Visitor& visit) {
  TOCSIN_ASSIGN(const std::int64_t end, cluster_.EndOffset(partition, Cluster::End::kWritten));
  TOCSIN_ASSIGN(const std::int64_t begin, cluster_.BeginOffset(partition));
  offset = std::max(offset, begin);
  if (offset >= end) return end;
  const std::lock_guard lock(mutex_);
  TOCSIN_ASSIGN(Stream * stream, Open(partition, offset));
  std::int64_t deadline_us = 0;
  const auto reached = [&] { return std::max(stream->next, stream->end_at) >= end; };
  Status ended;
  while (ended && !reached()) {
    if (deadline_us == 0) {
      // A transaction of a process that died holds the end back until its timeout.
      deadline_us = clock_.SteadyUs() + options_.request_timeout_ms * 1000LL +
                    options_.transaction_timeout_ms * 1000LL;
    }
    ended = Fill(partition, *stream, deadline_us);
    while (ended && !stream->pending.empty()) {
      deadline_us = 0;
      ended = visit(*stream->pending.front());
      stream->next = stream->pending.front()->end_offset();
      stream->pending.pop_front();
    }
  }
  const std::int64_t position = std::max(stream->next, stream->end_at);
  Close(partition);
  if (!ended) return std::unexpected(ExplainOpen(partition, end, std::move(ended).error()));
  return position;
}

}  // namespace tocsin
