#include "generate/sensor_model.h"

#include <algorithm>
#include <cmath>

namespace tocsin {
namespace {

constexpr int kFractionBits = 10;
constexpr std::int64_t kDaySeconds = 86'400;
constexpr std::int64_t kCycleUnit = 1 << 15;

// In 1/1024 of a range. Cycle, offset and noise together stay clear of the thresholds of the
// default rules (0.857 and 0.071 of the default ranges); only excursions pass them.
constexpr std::int64_t kMiddle[kReadingCount] = {430, 563};
constexpr std::int64_t kOffsetLimit = 123;
constexpr std::int64_t kCycleAmplitude[kReadingCount] = {225, -225};
constexpr std::int64_t kExcursionFrom[kReadingCount] = {901, 10};
constexpr std::uint64_t kExcursionWidth[kReadingCount] = {102, 51};

// One reading in 400 begins an excursion of 16 to 47 readings.
constexpr std::uint64_t kExcursionChance = 164;  // of 65,536
constexpr std::int32_t kExcursionShortest = 16;
constexpr std::uint64_t kExcursionSpread = 32;

// sin(2π x / day) in 1/kCycleUnit by Bhaskara's formula, exact to 0.2 %.
std::int64_t Sine(std::int64_t x) {
  constexpr std::int64_t kHalf = kDaySeconds / 2;
  const bool negative = x >= kHalf;
  if (negative) x -= kHalf;
  const std::int64_t product = x * (kHalf - x);
  const std::int64_t sine = 16 * kCycleUnit * product / (5 * kHalf * kHalf - 4 * product);
  return negative ? -sine : sine;
}

std::int64_t SumOfLanes(std::uint64_t random) {
  return static_cast<std::int64_t>((random & 0xffff) + (random >> 16 & 0xffff) +
                                   (random >> 32 & 0xffff));
}

}  // namespace

std::int64_t ToHundredths(double value) {
  return std::llround(value * 100);
}

SensorModel::SensorModel(const Range& temperature, const Range& humidity) {
  const Range* ranges[] = {&temperature, &humidity};
  for (std::size_t i = 0; i < kReadingCount; ++i) {
    low_[i] = ToHundredths(ranges[i]->low) << kFractionBits;
    span_[i] = (ToHundredths(ranges[i]->high) << kFractionBits) - low_[i];
  }
}

std::int64_t SensorModel::Span(Reading reading) const {
  return span_[static_cast<std::size_t>(reading)] >> kFractionBits;
}

SensorState SensorModel::MakeState(SeededRandom& random) const {
  SensorState state;
  for (std::size_t i = 0; i < kReadingCount; ++i) {
    const auto draw = static_cast<std::int64_t>(random.NextBelow(2 * kOffsetLimit + 1));
    state.offset[i] = span_[i] * (draw - kOffsetLimit) / 1024;
  }
  return state;
}

// The same for all devices and slow, so it is worked out once a second of event time.
void SensorModel::Center(std::int64_t second) {
  constexpr std::int64_t kWarmest = 15 * 3600;
  constexpr std::int64_t kPhase = kDaySeconds / 4 - kWarmest + kDaySeconds;
  const std::int64_t of_day = ((second + kPhase) % kDaySeconds + kDaySeconds) % kDaySeconds;
  const std::int64_t sine = Sine(of_day);
  for (std::size_t i = 0; i < kReadingCount; ++i) {
    const std::int64_t part = kMiddle[i] * kCycleUnit + kCycleAmplitude[i] * sine;
    center_[i] = low_[i] + span_[i] / 1024 * part / kCycleUnit;
  }
  second_ = second;
}

void SensorModel::BeginExcursion(SensorState& state, SeededRandom& random) const {
  state.excursion = static_cast<Reading>(random.NextBelow(kReadingCount));
  state.excursion_left =
      kExcursionShortest + static_cast<std::int32_t>(random.NextBelow(kExcursionSpread));
  const auto i = static_cast<std::size_t>(state.excursion);
  const auto part =
      kExcursionFrom[i] + static_cast<std::int64_t>(random.NextBelow(kExcursionWidth[i]));
  state.excursion_level = low_[i] + span_[i] * part / 1024;
}

void SensorModel::Read(SensorState& state, std::int64_t second, SeededRandom& random,
                       std::int64_t (&values)[kReadingCount]) {
  if (second != second_) Center(second);
  constexpr std::int64_t kLaneMean = 3 * 65'535 / 2;
  const std::uint64_t draws[kReadingCount] = {random.Next(), random.Next()};
  if (state.excursion_left > 0) {
    --state.excursion_left;
  } else if (draws[0] >> 48 < kExcursionChance) {
    BeginExcursion(state, random);
  }
  for (std::size_t i = 0; i < kReadingCount; ++i) {
    const std::int64_t base = center_[i] + state.offset[i];
    // Three uniform lanes have a deviation of 65,536 / 2: a step of 0.008 of the range, which the
    // memory of 7/8 makes 0.016.
    state.noise[i] -= state.noise[i] / 8;
    state.noise[i] += (span_[i] * (SumOfLanes(draws[i]) - kLaneMean)) >> 22;
    const bool away = state.excursion_left > 0 && static_cast<std::size_t>(state.excursion) == i;
    const std::int64_t goal = away ? state.excursion_level - base : 0;
    state.shift[i] += (goal - state.shift[i]) / 2;
    const std::int64_t value =
        std::clamp(base + state.shift[i] + state.noise[i], low_[i], low_[i] + span_[i]);
    values[i] = (value + (1 << (kFractionBits - 1))) >> kFractionBits;
  }
}

}  // namespace tocsin
