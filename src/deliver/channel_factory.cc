#include <charconv>
#include <utility>

#include "base/error_list.h"
#include "channels/channel_options.h"
#include "deliver/dispatcher.h"
#include "template/message_template.h"

namespace tocsin {
namespace {

constexpr std::string_view kRateOption = "rate_per_minute";

Result<MadeChannel> MakeProductionChannel(const ChannelConfig& config,
                                          const ChannelEnvironment& environment) {
  MadeChannel made;
  if (const ChannelKind* kind = FindChannelKind(config.kind); kind != nullptr) {
    made.rate_per_minute = kind->rate_per_minute;
  }
  ErrorList errors;
  ChannelConfig own = config;
  if (auto option = own.options.extract(std::string(kRateOption)); !option.empty()) {
    const std::string& text = option.mapped();
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), made.rate_per_minute);
    if (error != std::errc() || end != text.data() + text.size()) {
      errors.Add(Error(Code::kConfiguration,
                       ChannelMistake(config, std::string(kRateOption),
                                      "option rate_per_minute: '" + text +
                                          "' is no whole number; 0 means no limit")));
    }
  }
  auto channel = MakeChannel(own, environment);
  errors.Check(channel);
  TOCSIN_TRY(errors.Finish());
  made.channel = std::move(*channel);
  return made;
}

}  // namespace

ChannelFactory ProductionChannels() {
  return MakeProductionChannel;
}

Status CheckTemplates(const RouteConfig& routes) {
  if (routes.templates == nullptr) return {};
  const Status right = CheckTemplateFiles(*routes.templates);
  if (right) return {};
  return Fail(Code::kConfiguration, right.error().message());
}

Status CheckChannels(const RouteConfig& routes, const ChannelEnvironment& environment) {
  ErrorList errors;
  errors.Check(CheckTemplates(routes));
  for (const Receiver& receiver : routes.receivers) {
    for (const ChannelConfig& config : receiver.channels) {
      errors.Check(MakeProductionChannel(config, environment));
    }
  }
  return errors.Finish();
}

}  // namespace tocsin
