#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "log/log.h"

namespace tocsin {

// Where a dead letter came from and why.
struct DeadLetter {
  std::string_view reason;      // a name of the closed set (model/reject_reason.h)
  std::string_view message;     // for people
  std::string_view topic;       // source position; for a framed line that never entered a topic the
  std::int32_t partition = -1;  // topic it was meant for, partition -1 and offset -1
  std::int64_t offset = -1;
  std::string_view stage;  // "process", "ingest"
  std::int64_t truncated_from =
      -1;  // size in bytes of the original when the value is only its head
};

// The encoded headers of a dead letter: `tocsin.reason`, `tocsin.message`, Kafka Connect's
// `__connect.errors.topic|partition|offset|stage|exception.message`, and for a cut value
// `tocsin.truncated=true` and `tocsin.size`.
std::string DeadLetterHeaders(const DeadLetter& letter);

}  // namespace tocsin
