#pragma once

#include <memory>

#include "kafka_log/kafka_core.h"

namespace tocsin {

std::unique_ptr<Transaction> MakeKafkaTransaction(std::shared_ptr<KafkaCore> core,
                                                  TransactionOptions options);

}  // namespace tocsin
