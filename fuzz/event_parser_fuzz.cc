// The two readers of events give the same rows, the key extractor gives the id of a good row, and
// simdjson's DOM, which shares no code with the strict reader, has the same opinion about syntax.

#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "model/event_row.h"

namespace {

using tocsin::RejectReason;

void Check(bool holds) {
  if (!holds) std::abort();
}

tocsin::BothReaders MakeReaders() {
  return tocsin::BothReaders(
      {{.name = "temperature", .min = -50, .max = 120},
       {.name = "humidity", .min = 0, .max = 100},
       {.name = "light", .min = -1e300, .max = 1e308, .required = false},
       {.name = "open", .min = 0, .max = 1, .required = false, .is_bool = true}},
      {.max_bytes = 4096});
}

// simdjson 3.0.1 refuses numbers beyond its own types and takes some halves of surrogate pairs.
void CompareWithDom(std::string_view record, RejectReason reason) {
  static simdjson::dom::parser parser;
  simdjson::dom::element root;
  const auto error = parser.parse(record.data(), record.size(), false).get(root);
  if (error == simdjson::NUMBER_ERROR) return;
  if (reason == RejectReason::kInvalidJson) {
    Check(error != simdjson::SUCCESS || record.find("\\u") != std::string_view::npos);
  } else if (reason == RejectReason::kInvalidUtf8) {
    Check(error != simdjson::SUCCESS);
  } else if (reason != RejectReason::kTooLarge && reason != RejectReason::kDuplicateKey) {
    Check(error == simdjson::SUCCESS);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static tocsin::BothReaders readers = MakeReaders();
  static tocsin::KeyExtractor extractor;
  const tocsin::PaddedRecord record(std::string_view(reinterpret_cast<const char*>(data), size));
  const auto rows = readers.Read(record.view());
  Check(rows.parsed == rows.strict);
  const std::string_view id = extractor.DeviceId(record.view());
  if (rows.parsed.reject == RejectReason::kNone) Check(id == rows.parsed.device_id);
  CompareWithDom(record.view(), rows.strict.reject);
  return 0;
}
