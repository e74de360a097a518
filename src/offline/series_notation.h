#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

// The notation of promtool's unit tests for series and their samples.
namespace tocsin {

// `temperature{device_id="dev_1",site="north"}`.
struct SeriesName {
  std::string metric;
  std::map<std::string, std::string> labels;
};
// kInvalidArgument naming the text and the place in it. Values are in double or single quotes with
// the escapes \\ \" \' \n \t.
Result<SeriesName> ParseSeriesName(std::string_view text);

// One sample a step; nothing = no reading at that step.
using SeriesValues = std::vector<std::optional<double>>;

inline constexpr std::size_t kMaxSeriesValues = 1'000'000;

// Items separated by white space:
//   a        the number a (also with exponent)
//   a+bxn    a, a+b, a+2b, … : n+1 values; a-bxn falls
//   axn      a, n+1 times
//   _  _xn   no reading, once or n times
//   stale    no reading
// At most kMaxSeriesValues values. kInvalidArgument naming the item.
Result<SeriesValues> ParseSeriesValues(std::string_view text);

}  // namespace tocsin
