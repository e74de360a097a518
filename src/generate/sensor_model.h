#pragma once

#include <cstddef>
#include <cstdint>

#include "base/random.h"
#include "config/settings.h"

// What a synthetic sensor reads: a daily cycle, an offset of the device, noise that lingers, and
// now and then an excursion towards the end of the range where the default rules fire.
//
// All of it is integer arithmetic, so that the same seed gives the same readings whatever the
// compiler makes of floating point. Values are hundredths, the digits that are written; inside,
// 1/1024 of a hundredth.
namespace tocsin {

enum class Reading : std::uint8_t { kTemperature, kHumidity };
inline constexpr std::size_t kReadingCount = 2;

// `value` in hundredths, rounded.
std::int64_t ToHundredths(double value);

// What one device remembers between its readings, in 1/1024 hundredths.
struct SensorState {
  std::int64_t offset[kReadingCount] = {};  // of the device, for ever
  std::int64_t noise[kReadingCount] = {};   // first-order autoregressive
  std::int64_t shift[kReadingCount] = {};   // on the way to or from an excursion
  std::int64_t excursion_level = 0;
  std::int32_t excursion_left = 0;  // readings
  Reading excursion = Reading::kTemperature;
};

class SensorModel {
 public:
  // Readings stay within the ranges, both ends included.
  SensorModel(const Range& temperature, const Range& humidity);

  SensorState MakeState(SeededRandom& random) const;
  // The device's next readings at `second` (Unix time), in hundredths.
  void Read(SensorState& state, std::int64_t second, SeededRandom& random,
            std::int64_t (&values)[kReadingCount]);
  // The width of the range in hundredths.
  std::int64_t Span(Reading reading) const;

 private:
  void Center(std::int64_t second);
  void BeginExcursion(SensorState& state, SeededRandom& random) const;

  std::int64_t low_[kReadingCount];
  std::int64_t span_[kReadingCount];
  std::int64_t center_[kReadingCount] = {};  // of the daily cycle at second_
  std::int64_t second_ = INT64_MIN;
};

}  // namespace tocsin
