// The least that exactly-once costs a client of librdkafka: consume, produce the same bytes to the
// same partition, commit offsets and outputs in one transaction. Nothing is parsed, kept or
// checked.
//
//   kafka_copy_loop BROKERS FROM TO PARTITIONS INTERVAL_MS     ends at the end of FROM
//   kafka_copy_loop BROKERS FROM TO PARTITIONS 0 follow        one transaction per poll, until
//   SIGTERM
//
// INTERVAL_MS is the age at which a transaction ends while more is waiting; when nothing is, it
// ends at once. Prints one JSON object: records, transactions, seconds on the wall and of this
// process's processor time.

#include <librdkafka/rdkafka.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

constexpr std::size_t kPoll = 10'000;
constexpr int kTimeoutMs = 10'000;

std::atomic<bool> g_stop{false};

[[noreturn]] void Die(const char* what, const char* why) {
  std::fprintf(stderr, "kafka_copy_loop: %s: %s\n", what, why);
  std::exit(1);
}

void Check(rd_kafka_error_t* error, const char* what) {
  if (error != nullptr) Die(what, rd_kafka_error_string(error));
}

struct Setting {
  const char* key;
  const char* value;
};

rd_kafka_t* Make(rd_kafka_type_t type, const char* brokers, const std::vector<Setting>& settings) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  char reason[256];
  rd_kafka_conf_set(conf, "bootstrap.servers", brokers, reason, sizeof reason);
  for (const Setting& setting : settings) {
    if (rd_kafka_conf_set(conf, setting.key, setting.value, reason, sizeof reason) !=
        RD_KAFKA_CONF_OK) {
      Die(setting.key, reason);
    }
  }
  rd_kafka_t* rk = rd_kafka_new(type, conf, reason, sizeof reason);
  if (rk == nullptr) Die("rd_kafka_new", reason);
  return rk;
}

double Seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto of = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

class CopyLoop {
 public:
  CopyLoop(const char* brokers, const char* from, const char* to, int partitions)
      : from_(from),
        partitions_(partitions),
        next_(static_cast<std::size_t>(partitions), -1),
        outgoing_(static_cast<std::size_t>(partitions)) {
    const std::string group = std::string("copy-of-") + to;
    consumer_ = Make(RD_KAFKA_CONSUMER, brokers,
                     {{"group.id", group.c_str()},
                      {"enable.auto.commit", "false"},
                      {"enable.auto.offset.store", "false"},
                      {"isolation.level", "read_committed"},
                      {"auto.offset.reset", "earliest"},
                      {"enable.partition.eof", "true"},
                      {"fetch.queue.backoff.ms", "2"},
                      {"queued.min.messages", "200000"}});
    producer_ = Make(RD_KAFKA_PRODUCER, brokers,
                     {{"transactional.id", group.c_str()},
                      {"compression.type", "lz4"},
                      {"linger.ms", "5"},
                      {"batch.size", "1000000"},
                      {"batch.num.messages", "20000"},
                      {"queue.buffering.max.messages", "0"},
                      {"queue.buffering.max.kbytes", "262144"}});
    Check(rd_kafka_init_transactions(producer_, kTimeoutMs), "init_transactions");
    topic_ = rd_kafka_topic_new(producer_, to, nullptr);
    rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(partitions);
    for (int i = 0; i < partitions; ++i) rd_kafka_topic_partition_list_add(list, from, i);
    rd_kafka_assign(consumer_, list);
    rd_kafka_topic_partition_list_destroy(list);
    queue_ = rd_kafka_queue_get_consumer(consumer_);
  }

  void Run(double interval_s, bool follow) {
    std::vector<rd_kafka_message_t*> messages(kPoll);
    std::vector<bool> at_end(static_cast<std::size_t>(partitions_), false);
    bool begun = false;
    double opened = 0;
    while (!g_stop) {
      ssize_t count = rd_kafka_consume_batch_queue(queue_, 100, messages.data(), 1);
      if (count > 0) {
        count += std::max<ssize_t>(
            0, rd_kafka_consume_batch_queue(queue_, 0, messages.data() + 1, messages.size() - 1));
      }
      for (ssize_t i = 0; i < count; ++i) {
        const rd_kafka_message_t& message = *messages[static_cast<std::size_t>(i)];
        const auto partition = static_cast<std::size_t>(message.partition);
        if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) at_end[partition] = true;
        if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) continue;
        at_end[partition] = false;
        rd_kafka_message_t out{};
        out.payload = message.payload;
        out.len = message.len;
        out.key = message.key;
        out.key_len = message.key_len;
        outgoing_[partition].push_back(out);
        next_[partition] = message.offset + 1;
        ++records_;
        ++uncommitted_;
      }
      if (uncommitted_ > 0 && !begun) {
        Check(rd_kafka_begin_transaction(producer_), "begin");
        begun = true;
        opened = Seconds();
      }
      Produce();
      for (ssize_t i = 0; i < count; ++i) {
        rd_kafka_message_destroy(messages[static_cast<std::size_t>(i)]);
      }
      const bool all_read = std::ranges::all_of(at_end, [](bool end) { return end; });
      const bool idle = count < static_cast<ssize_t>(kPoll);
      if (begun && (idle || Seconds() - opened >= interval_s)) {
        Commit();
        begun = false;
      }
      if (!follow && all_read && !begun) break;
    }
    if (begun) Commit();
  }

  void Report(double began) const {
    std::printf("{\"records\":%lld,\"transactions\":%lld,\"wall_s\":%.4f,\"cpu_s\":%.4f}\n",
                records_, transactions_, Seconds() - began, CpuSeconds());
  }

 private:
  void Produce() {
    for (int i = 0; i < partitions_; ++i) {
      auto& batch = outgoing_[static_cast<std::size_t>(i)];
      std::size_t sent = 0;
      while (sent < batch.size()) {
        const int taken =
            rd_kafka_produce_batch(topic_, i, RD_KAFKA_MSG_F_COPY, batch.data() + sent,
                                   static_cast<int>(batch.size() - sent));
        sent += static_cast<std::size_t>(std::max(taken, 0));
        if (sent < batch.size()) rd_kafka_poll(producer_, 5);  // the queue is full
      }
      batch.clear();
    }
  }

  void Commit() {
    rd_kafka_topic_partition_list_t* offsets = rd_kafka_topic_partition_list_new(partitions_);
    for (int i = 0; i < partitions_; ++i) {
      const std::int64_t next = next_[static_cast<std::size_t>(i)];
      if (next >= 0) rd_kafka_topic_partition_list_add(offsets, from_, i)->offset = next;
    }
    rd_kafka_consumer_group_metadata_t* group = rd_kafka_consumer_group_metadata(consumer_);
    Check(rd_kafka_send_offsets_to_transaction(producer_, offsets, group, kTimeoutMs), "offsets");
    Check(rd_kafka_commit_transaction(producer_, kTimeoutMs), "commit");
    rd_kafka_consumer_group_metadata_destroy(group);
    rd_kafka_topic_partition_list_destroy(offsets);
    ++transactions_;
    uncommitted_ = 0;
  }

  const char* from_;
  const int partitions_;
  rd_kafka_t* consumer_ = nullptr;
  rd_kafka_t* producer_ = nullptr;
  rd_kafka_topic_t* topic_ = nullptr;
  rd_kafka_queue_t* queue_ = nullptr;
  std::vector<std::int64_t> next_;
  std::vector<std::vector<rd_kafka_message_t>> outgoing_;
  long long records_ = 0;
  long long uncommitted_ = 0;
  long long transactions_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6) Die("usage", "BROKERS FROM TO PARTITIONS INTERVAL_MS [follow]");
  std::signal(SIGTERM, [](int) { g_stop = true; });
  const double began = Seconds();
  CopyLoop loop(argv[1], argv[2], argv[3], std::atoi(argv[4]));
  loop.Run(std::atof(argv[5]) / 1000, argc > 6 && std::strcmp(argv[6], "follow") == 0);
  loop.Report(began);
  std::fflush(stdout);
  std::_Exit(0);  // nothing is left to send; the handles need no farewell
}
