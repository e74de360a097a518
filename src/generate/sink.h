#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "generate/generator.h"
#include "log/log.h"

namespace tocsin {

// Where generated events go. Not thread-safe.
class EventSink {
 public:
  virtual ~EventSink() = default;
  // Takes the event; it may stay in a buffer until Flush(). kCancelled when nobody reads any more
  // (a closed pipe): generating ends there, without it being a failure.
  virtual Status Write(const Generator::Event& event) = 0;
  // Hands on everything taken so far; a log has it durably on return.
  virtual Status Flush() = 0;
  // Flush, and durable on return where that means something.
  virtual Status Close() = 0;
  // True when Flush() should not wait for more.
  virtual bool Full() const = 0;
  // Events that were taken but could not be handed on; meaningful after Close().
  virtual std::uint64_t dropped() const { return 0; }
};

// Appends to the file, which is made with its directory when missing. A last line that a crash cut
// short is ended first, so that it spoils no other.
Result<std::unique_ptr<EventSink>> OpenFileSink(const std::string& path);
std::unique_ptr<EventSink> MakeStdoutSink();

// Appends to a topic that exists, key = device id, in transactions of at most a few thousand
// events. While the log refuses new events it waits, with growing pauses, until `stop`; what is
// refused then is dropped and counted. `log` and `clock` must outlive the sink.
Result<std::unique_ptr<EventSink>> MakeLogSink(Log& log, const std::string& topic,
                                               const Clock& clock, std::stop_token stop);

// Posts JSON lines to `url`/api/v1/events of another Tocsin, each request with a key by which it is
// taken once however often it is sent. While the server does not answer, or says 429 or 5xx, it is
// asked again with growing pauses until `stop`; what is refused then is dropped and counted.
// kConfiguration for a URL that cannot be used, or a token that would go unencrypted to another
// machine; from the sink kConfiguration when the server lets nobody in, kUnavailable when it
// answers anything else.
Result<std::unique_ptr<EventSink>> MakeHttpSink(const std::string& url, const std::string& token,
                                                const Clock& clock, std::stop_token stop);

// Waits until `clock.SteadyUs()` reaches `until_us` or `stop` is requested. Looks at the clock at
// least every 20 ms, so that a clock that is set ends the wait soon.
void WaitUntil(const Clock& clock, std::int64_t until_us, const std::stop_token& stop);

}  // namespace tocsin
