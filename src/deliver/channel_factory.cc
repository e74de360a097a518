#include <charconv>
#include <utility>

#include "deliver/dispatcher.h"

namespace tocsin {
namespace {

constexpr std::string_view kRateOption = "rate_per_minute";

Result<MadeChannel> MakeProductionChannel(const ChannelConfig& config,
                                          const ChannelEnvironment& environment) {
  MadeChannel made;
  if (const ChannelKind* kind = FindChannelKind(config.kind); kind != nullptr) {
    made.rate_per_minute = kind->rate_per_minute;
  }
  ChannelConfig own = config;
  if (auto option = own.options.extract(std::string(kRateOption)); !option.empty()) {
    const std::string& text = option.mapped();
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), made.rate_per_minute);
    if (error != std::errc() || end != text.data() + text.size()) {
      return Fail(Code::kConfiguration, "channel " + config.name + ": rate_per_minute='" + text +
                                            "' is no whole number; 0 means no limit");
    }
  }
  TOCSIN_ASSIGN(made.channel, MakeChannel(own, environment));
  return made;
}

}  // namespace

ChannelFactory ProductionChannels() {
  return MakeProductionChannel;
}

}  // namespace tocsin
