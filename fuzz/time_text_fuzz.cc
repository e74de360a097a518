// A time that is read is written as text that reads back as the same time, and the parser that
// remembers the last minute gives what the one without memory gives. One timestamp a line.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "base/time_text.h"

namespace {

void Check(bool holds) {
  if (!holds) std::abort();
}

void CheckText(std::string_view text) {
  static tocsin::TimeParser parser;
  const std::optional<std::int64_t> time = tocsin::ParseTime(text);
  Check(parser.Parse(text) == time);
  if (!time) return;
  static const std::int64_t first = *tocsin::ParseTime("0000-01-01T00:00:00Z");
  static const std::int64_t last = *tocsin::ParseTime("9999-12-31T23:59:59.999999Z");
  if (*time < first || *time > last) return;  // an offset moved it out of what can be written
  const std::string written = tocsin::FormatTime(*time);
  Check(written.size() == tocsin::kTimeTextSize);
  Check(tocsin::ParseTime(written) == time);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    CheckText(std::string(line));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
  }
  return 0;
}
