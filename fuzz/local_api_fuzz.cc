// Requests of unknown origin to the local API: one answer each, and a log that stays consistent.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "local_api/request_handler.h"
#include "local_api/wire.h"
#include "log_backends/memory_log.h"

namespace tocsin {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

void Answer(std::string_view request) {
  const ManualClock clock;
  const auto log = MemoryLog::Make(clock);
  Require(log->EnsureTopic("t", {.partitions = 1}).has_value());
  std::stop_source stopped;  // so that no wait takes its time
  stopped.request_stop();
  const RequestHandler handler(*log, [] { return std::string("{}"); }, stopped.get_token());
  int last_frames = 0;
  const Status handled = handler.Handle(request, [&](std::string_view answer) -> Status {
    const auto result = ParseAnswer(answer);
    Require(result || !result.error().message().empty());
    ++last_frames;
    return {};
  });
  Require(last_frames > 0);
  Require(handled || handled.error().code() == Code::kInvalidArgument);
  const auto offsets = log->Offsets({"t", 0});
  Require(offsets && (handled || offsets->latest == 0));
  Require(log->Fetch({"t", 0}, 0, 1).has_value());
}

}  // namespace
}  // namespace tocsin

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string request(1, static_cast<char>(tocsin::kLocalApiVersion));
  request.append(reinterpret_cast<const char*>(data), size);
  tocsin::Answer(request);
  return 0;
}
