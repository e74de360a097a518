// What comes over HTTP before the parser of events: targets, bodies and line protocol. The first
// byte picks the reader. Of line protocol that is taken, the event is JSON that the strict reader
// takes, or refuses for a repeated or reserved key only.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "model/strict_json.h"
#include "server/http_message.h"
#include "web_api/line_protocol.h"
#include "web_api/request_lines.h"

namespace {

void Check(bool holds) {
  if (!holds) std::abort();
}

void ReadTarget(std::string_view text) {
  tocsin::ServerRequest request;
  if (!tocsin::ParseTarget(text, request)) return;
  Check(request.path.starts_with('/') || text.starts_with("/"));
  Check(request.path.size() <= text.size());
  Check(request.query.size() <= 64);
}

void ReadBody(std::string_view text, std::string_view encoding) {
  constexpr std::size_t kMost = 1u << 16;
  constexpr std::size_t kPadding = 64;
  auto body = tocsin::DecodeBody(text, encoding, kMost, kPadding);
  if (!body) return;
  const std::size_t size = body->size() - kPadding;
  Check(!encoding.empty() ? size <= kMost : size == text.size());
  const char* const begin = body->data();
  std::size_t last = 0;
  (void)tocsin::ForEachReading(
      *body, size, false, [&](std::string_view reading, std::size_t number) {
        Check(number == ++last);
        Check(reading.empty() || (reading.data() >= begin && reading.end() <= begin + size));
      });
}

void ReadLine(std::string_view text) {
  std::string event = "kept";
  const auto metrics = tocsin::DefaultMetrics();
  const auto converted = tocsin::ConvertLine(text, 1'000, 7, metrics, event);
  Check(event.starts_with("kept"));
  if (!converted) return Check(event.size() == 4);
  tocsin::StrictJson strict({.max_bytes = 1u << 24, .max_depth = 16, .max_fields = 1u << 20});
  const auto fault = strict.Read(std::string_view(event).substr(4));
  Check(!fault || fault->reason == tocsin::RejectReason::kDuplicateKey);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 5) {
    case 0:
      ReadTarget(text);
      break;
    case 1:
      ReadBody(text, "");
      break;
    case 2:
      ReadBody(text, "gzip");
      break;
    case 3:
      ReadBody(text, "zstd");
      break;
    default:
      ReadLine(text);
  }
  return 0;
}
