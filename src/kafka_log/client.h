#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/error.h"
#include "kafka_log/kafka_options.h"
#include "kafka_log/rdkafka_handles.h"

namespace tocsin {

enum class ClientKind : std::uint8_t { kConsumer, kProducer };

// One librdkafka handle with its threads and connections, and what it last complained of.
// Thread-safe as librdkafka is.
class Client {
 public:
  using Settings = std::map<std::string, std::string>;  // librdkafka's names
  // Called for every produced record when it is durable or failed; `tag` is the record's.
  using DeliveryReport = void (*)(const rd_kafka_message_s& message, void* context);
  // Called in Poll of a group consumer.
  using Rebalance = void (*)(int event, rd_kafka_topic_partition_list_s& partitions, void* context);
  struct Callbacks {
    DeliveryReport delivered = nullptr;
    Rebalance rebalance = nullptr;
    void* context = nullptr;
  };

  // `settings` come on top of what every client has: brokers, security, time limits. kConfiguration
  // for a value that librdkafka refuses.
  static Result<std::unique_ptr<Client>> Make(const KafkaOptions& options, ClientKind kind,
                                              const Settings& settings, Callbacks callbacks);
  static Result<std::unique_ptr<Client>> Make(const KafkaOptions& options, ClientKind kind,
                                              const Settings& settings) {
    return Make(options, kind, settings, Callbacks());
  }
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  rd_kafka_s* get() const { return rk_; }

  // Requests about transactions that were sent and never answered, since the client was made. A
  // broker may still carry one out, even though librdkafka sent it again and had an answer then.
  std::int64_t unanswered() const { return sent_.load() - answered_.load(); }

  // Waits for an answer of a broker. kUnavailable after `timeout_us` with the last complaint;
  // kFailedPrecondition, at once, when the broker refuses us.
  Status WaitForBroker(std::int64_t timeout_us);

  // Whether a connection to a broker broke, or could not be made, since the client was made. Told
  // by a poll of the client.
  bool lost_connections() const { return lost_connections_.load(); }

  // What went wrong last with the connection; code 0 when nothing did.
  struct Complaint {
    int error = 0;
    std::string text;
  };
  Complaint complaint() const;

 private:
  Client() = default;
  static void OnError(rd_kafka_s* rk, int error, const char* reason, void* self);
  static void OnLog(const rd_kafka_s* rk, int level, const char* facility, const char* text);

  KafkaSecurity security_;  // without secrets: for messages
  std::string brokers_;
  Callbacks callbacks_;
  rd_kafka_s* rk_ = nullptr;
  mutable std::mutex mutex_;
  Complaint complaint_;
  std::atomic<std::int64_t> sent_{0};
  std::atomic<std::int64_t> answered_{0};
  std::atomic<bool> lost_connections_{false};

  friend struct ClientTrampolines;
};

}  // namespace tocsin
