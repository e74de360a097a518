#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tocsin {

// Writes events in the shape of the contract:
// {"device_id":"dev_7","timestamp":"2025-11-23T10:15:30.123456+00:00","temperature":31.42,
//  "humidity":55.20,"status":"OK"} on one line. No allocation; the text of a second is kept.
class EventLineWriter {
 public:
  // The longest device id that is written; longer ones are our own mistake.
  static constexpr std::size_t kMaxDeviceId = 32;

  // Temperature and humidity in hundredths. The line is valid until the next call.
  std::string_view Write(std::string_view device_id, std::int64_t time_us, std::int64_t temperature,
                         std::int64_t humidity, bool alert);

 private:
  char line_[256];
  char second_text_[32] = {};
  std::int64_t second_ = INT64_MIN;
};

}  // namespace tocsin
