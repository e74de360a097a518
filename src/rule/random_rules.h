#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "rule/rule_fixture.h"

// Random rules and events for the comparison with the naive implementation.
namespace tocsin {

// Writes expressions over ThreeMetrics() with every operator and function of the language.
class ExpressionWriter {
 public:
  explicit ExpressionWriter(RandomSource& random) : random_(random) {}
  std::string Truth(int depth);
  std::string Number(int depth);

 private:
  std::string_view Pick(std::initializer_list<std::string_view> of);
  bool Chance(std::uint64_t percent) { return random_.NextBelow(100) < percent; }
  std::string Text();
  std::string TruthCall(int depth);
  std::string NumberCall(int depth);

  RandomSource& random_;
};

// Events of up to four devices in log order: some at the same time, some out of order, with nulls
// where a metric is optional.
std::vector<NaiveEvent> RandomEvents(RandomSource& random, std::span<const MetricSpec> metrics,
                                     std::size_t count);
FakeLabels RandomLabels(RandomSource& random);

}  // namespace tocsin
