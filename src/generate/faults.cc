#include "generate/faults.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

#include "base/text.h"

namespace tocsin {
namespace {

constexpr std::array<std::string_view, kFaultCount> kNames = {
    "spike", "stuck", "drift", "offline", "duplicate", "late", "malformed", "clock_skew"};

std::unexpected<Error> Wrong(std::string_view item, const std::string& why) {
  return Fail(Code::kUsage, "--faults: '" + std::string(item) + "' " + why);
}

Status ParseFault(std::string_view item, FaultRates& rates) {
  const std::size_t equals = item.find('=');
  if (equals == std::string_view::npos) return Wrong(item, "has no rate; write NAME=PROBABILITY");
  const std::string_view name = item.substr(0, equals);
  const std::string_view text = item.substr(equals + 1);
  const auto found = std::ranges::find(kNames, name);
  if (found == kNames.end()) {
    const std::string_view nearest = Nearest(name, kNames);
    std::string why = "is no known fault";
    if (!nearest.empty()) return Wrong(item, why + "; did you mean " + std::string(nearest) + "?");
    why += "; there are";
    for (const std::string_view known : kNames) why.append(" ").append(known);
    return Wrong(item, why);
  }
  double rate = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), rate);
  if (error != std::errc() || end != text.data() + text.size() || !(rate >= 0 && rate <= 1)) {
    return Wrong(item, "must have a probability from 0 to 1");
  }
  rates.rate[found - kNames.begin()] = rate;
  return {};
}

}  // namespace

std::string_view FaultName(Fault fault) {
  return kNames[static_cast<std::size_t>(fault)];
}

Result<FaultRates> ParseFaults(std::string_view text) {
  FaultRates rates;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    TOCSIN_TRY(ParseFault(text.substr(0, comma), rates));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return rates;
}

}  // namespace tocsin
