// A stream of records, one a line, through one parser: what it has learned from the earlier ones
// changes neither the verdict nor a bit of the values of a later one.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "model/event_row.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tocsin::BothReaders readers(
      {{.name = "temperature", .min = -50, .max = 120},
       {.name = "light", .min = -1e300, .max = 1e308, .required = false},
       {.name = "open", .min = 0, .max = 1, .required = false, .is_bool = true}},
      {.max_bytes = 4096});
  std::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<std::string_view> records;
  while (!text.empty() && records.size() < 32) {
    const std::string_view record = text.substr(0, text.find('\n'));
    text.remove_prefix(record.size() < text.size() ? record.size() + 1 : record.size());
    const auto rows = readers.Read(record);
    if (rows.parsed != rows.strict) std::abort();
    records.push_back(record);
  }
  const auto all = readers.ReadAll(records);
  if (all.size() != records.size()) std::abort();
  for (const auto& rows : all) {
    if (rows.parsed != rows.strict) std::abort();
  }
  return 0;
}
