// Time from the hand-over of an event to a producer until a read_committed reader of the output has
// it, both in this process, on one clock.
//
//   kafka_latency_probe BROKERS FROM TO PARTITIONS EVENTS_PER_SECOND SECONDS
//
// Events are good readings of 1,000 devices, about 123 bytes, each with its number. Those of the
// first half are not counted: brokers and clients warm up. Prints one JSON object with percentiles
// in milliseconds.

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
constexpr int kDevices = 1000;

[[noreturn]] void Die(const char* what, const char* why) {
  std::fprintf(stderr, "kafka_latency_probe: %s: %s\n", what, why);
  std::exit(1);
}

rd_kafka_t* Make(rd_kafka_type_t type, const char* brokers,
                 const std::vector<std::array<const char*, 2>>& settings) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  char reason[256];
  rd_kafka_conf_set(conf, "bootstrap.servers", brokers, reason, sizeof reason);
  for (const auto& [key, value] : settings) {
    if (rd_kafka_conf_set(conf, key, value, reason, sizeof reason) != RD_KAFKA_CONF_OK) {
      Die(key, reason);
    }
  }
  rd_kafka_t* rk = rd_kafka_new(type, conf, reason, sizeof reason);
  if (rk == nullptr) Die("rd_kafka_new", reason);
  return rk;
}

std::int64_t NowNs() {
  return std::chrono::nanoseconds(Clock::now().time_since_epoch()).count();
}

// The number behind "seq":, or -1.
long long SequenceOf(const rd_kafka_message_t& message) {
  const std::string_view text(static_cast<const char*>(message.payload), message.len);
  const auto at = text.find("\"seq\":");
  return at == std::string_view::npos ? -1 : std::atoll(text.data() + at + 6);
}

struct Run {
  std::vector<std::atomic<std::int64_t>> sent_ns;
  std::vector<std::atomic<std::int64_t>> seen_ns;
  std::atomic<bool> stop{false};
  std::atomic<long long> seen{0};
  explicit Run(std::size_t events) : sent_ns(events), seen_ns(events) {}
};

void Read(const char* brokers, const char* topic, int partitions, std::atomic<int>& at_end,
          Run& run) {
  rd_kafka_t* rk = Make(RD_KAFKA_CONSUMER, brokers,
                        {{{"group.id", "latency-probe"}},
                         {{"enable.auto.commit", "false"}},
                         {{"isolation.level", "read_committed"}},
                         {{"enable.partition.eof", "true"}}});
  rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(partitions);
  for (int i = 0; i < partitions; ++i) {
    rd_kafka_topic_partition_list_add(list, topic, i)->offset = RD_KAFKA_OFFSET_END;
  }
  rd_kafka_assign(rk, list);
  while (!run.stop) {
    rd_kafka_message_t* message = rd_kafka_consumer_poll(rk, 100);
    if (message == nullptr) continue;
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) ++at_end;
    const long long number = message->err == 0 ? SequenceOf(*message) : -1;
    if (number >= 0 && number < static_cast<long long>(run.sent_ns.size())) {
      std::int64_t none = 0;
      auto& seen = run.seen_ns[static_cast<std::size_t>(number)];
      if (seen.compare_exchange_strong(none, NowNs())) ++run.seen;
    }
    rd_kafka_message_destroy(message);
  }
}

void Send(const char* brokers, const char* topic, int per_second, Run& run) {
  rd_kafka_t* rk = Make(RD_KAFKA_PRODUCER, brokers, {{{"acks", "all"}}, {{"linger.ms", "0"}}});
  rd_kafka_topic_conf_t* conf = rd_kafka_topic_conf_new();
  char reason[128];
  rd_kafka_topic_conf_set(conf, "partitioner", "murmur2_random", reason, sizeof reason);
  rd_kafka_topic_t* to = rd_kafka_topic_new(rk, topic, conf);
  const auto step = std::chrono::nanoseconds(1'000'000'000 / per_second);
  auto due = Clock::now();
  for (std::size_t i = 0; i < run.sent_ns.size(); ++i, due += step) {
    std::this_thread::sleep_until(due);
    std::array<char, 32> stamp{};
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    gmtime_r(&now, &parts);
    std::strftime(stamp.data(), stamp.size(), "%Y-%m-%dT%H:%M:%S", &parts);
    std::array<char, 256> event{};
    std::array<char, 32> key{};
    const int key_size =
        std::snprintf(key.data(), key.size(), "dev_%d", static_cast<int>(i % kDevices));
    const int size =
        std::snprintf(event.data(), event.size(),
                      "{\"device_id\":\"%s\",\"timestamp\":\"%s.%03d000Z\",\"temperature\":21.5,"
                      "\"humidity\":50.0,"
                      "\"status\":\"OK\",\"seq\":%zu}",
                      key.data(), stamp.data(), static_cast<int>(i / kDevices % 1000), i);
    run.sent_ns[i] = NowNs();
    if (rd_kafka_produce(to, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, event.data(),
                         static_cast<std::size_t>(size), key.data(),
                         static_cast<std::size_t>(key_size), nullptr) != 0) {
      Die("produce", rd_kafka_err2str(rd_kafka_last_error()));
    }
    rd_kafka_poll(rk, 0);
  }
  rd_kafka_flush(rk, 10'000);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) Die("usage", "BROKERS FROM TO PARTITIONS EVENTS_PER_SECOND SECONDS");
  const int partitions = std::atoi(argv[4]);
  const int per_second = std::atoi(argv[5]);
  const auto events =
      static_cast<std::size_t>(per_second) * static_cast<std::size_t>(std::atoi(argv[6]));
  Run run(events);
  std::atomic<int> at_end{0};
  std::thread reader([&] { Read(argv[1], argv[3], partitions, at_end, run); });
  while (at_end < partitions) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  Send(argv[1], argv[2], per_second, run);
  for (int i = 0; i < 1000 && run.seen < static_cast<long long>(events); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  run.stop = true;
  reader.join();
  std::vector<double> waits;
  for (std::size_t i = events / 2; i < events; ++i) {
    if (run.seen_ns[i] != 0) {
      waits.push_back(static_cast<double>(run.seen_ns[i] - run.sent_ns[i]) / 1e6);
    }
  }
  std::ranges::sort(waits);
  const auto at = [&](double share) {
    return waits.empty()
               ? 0.0
               : waits[std::min(waits.size() - 1, static_cast<std::size_t>(
                                                      share * static_cast<double>(waits.size())))];
  };
  std::printf(
      "{\"sent\":%zu,\"seen\":%lld,\"p50_ms\":%.2f,\"p90_ms\":%.2f,\"p99_ms\":%.2f,\"max_ms\":%.2f}"
      "\n",
      events, run.seen.load(), at(0.5), at(0.9), at(0.99), waits.empty() ? 0.0 : waits.back());
  std::fflush(stdout);
  std::_Exit(0);
}
