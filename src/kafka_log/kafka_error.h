#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "kafka_log/rdkafka_handles.h"

namespace tocsin {

// What an answer of librdkafka or the broker means to us: the code says what the caller does.
// `error` is an rd_kafka_resp_err_t.
Code CodeOfKafka(int error);
// "what: the broker's words (its name of the error)".
Error KafkaError(int error, std::string_view what, std::string_view detail = {});
Error KafkaError(const rd_kafka_error_s& error, std::string_view what);

// True when waiting cannot help: wrong credentials, a refused certificate, no permission.
bool IsRefusal(int error);

}  // namespace tocsin
