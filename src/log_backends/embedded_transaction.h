#pragma once

#include <memory>

#include "log_backends/embedded_retention.h"
#include "log_backends/embedded_writer.h"

namespace tocsin {

std::unique_ptr<Transaction> MakeEmbeddedTransaction(EmbeddedCore& core, EmbeddedWriter& writer,
                                                     EmbeddedRetention& retention,
                                                     TransactionOptions options);

}  // namespace tocsin
