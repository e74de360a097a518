#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "kafka_log/kafka_options.h"
#include "log/log.h"

namespace tocsin {

// The log on a Kafka cluster, by librdkafka: topics are its topics, groups its consumer groups,
// transactions its transactions, keyed state compacted changelog topics. How the words of log/log.h
// map onto Kafka, and what happens when something dies: docs/decisions/0009-kafka-log.md.
//
// A retention belongs to the cluster: EnsureTopic() sets it when it makes a topic and leaves it
// alone otherwise, and RegisterGroup() holds nothing back.
class KafkaLog : public Log {
 public:
  // Waits for the first answer of a broker, with a message every few seconds. kUnavailable after
  // `connect_timeout_us`; kFailedPrecondition when the broker refuses us (credentials, TLS);
  // kCancelled when `stop` is requested; kConfiguration.
  static Result<std::unique_ptr<KafkaLog>> Open(const KafkaOptions& options, const Clock& clock,
                                                std::stop_token stop);

  // Ends the transactions that an earlier process of this instance left open, which readers would
  // otherwise wait for until their timeout, and makes the producers of the next ones. `ranges` as
  // in their TransactionOptions.
  virtual Status EndEarlierTransactions(bool ranges) = 0;

  // The partitions of this installation's stores that hold something, slots among them, by name and
  // number. Reads every changelog.
  virtual Result<std::vector<std::pair<std::string, std::int32_t>>> States() = 0;
};

}  // namespace tocsin
