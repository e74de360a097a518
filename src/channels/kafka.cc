#include <array>

#include "channels/channel_options.h"
#include "channels/classify.h"
#include "channels/payloads.h"

namespace tocsin {
namespace {

class KafkaTopic final : public Channel {
 public:
  std::string topic, external_url;
  std::function<Status(const std::string&, std::string_view, std::string_view)> append;

  Result<RenderedMessage> Render(const Notification& notification) const override {
    const NotificationView view(notification, external_url);
    return RenderedMessage{"application/json", TocsinPayload(view, 0), {}};
  }

  SendResult Send(const RenderedMessage& message, const SendContext& context,
                  HttpClient&) override {
    using Outcome = SendResult::Outcome;
    const Status status = append(topic, context.delivery_id, message.body);
    if (status) return MakeSendResult(Outcome::kDelivered, 0, "appended");
    const Code code = status.error().code();
    const bool dead = code == Code::kInvalidArgument || code == Code::kConfiguration;
    return MakeSendResult(dead ? Outcome::kDead : Outcome::kRetry, 0, status.error().message());
  }

  bool deduplicates() const override { return true; }
};

Result<std::unique_ptr<Channel>> Make(const ChannelConfig& config,
                                      const ChannelEnvironment& environment) {
  ChannelOptions options(config, environment);
  auto channel = std::make_unique<KafkaTopic>();
  channel->topic = options.Required("topic");
  channel->external_url = environment.external_url;
  channel->append = environment.append;
  if (!channel->append) options.Mistake("topic", "there is no log to append to here");
  TOCSIN_TRY(options.Finish());
  return channel;
}

constexpr auto kOptions = std::to_array<ChannelOption>({
    {"topic", "Topic that the messages are appended to", true},
});

}  // namespace

namespace kinds {
extern constinit const ChannelKind kafka{
    .name = "kafka",
    .config_key = "kafka_configs",
    .summary = "A record of a topic: the webhook's `tocsin` body with the delivery's id as key.",
    .options = kOptions,
    .ignored = {},
    .http = false,
    .deduplicates = true,
    .rate_per_minute = 60'000,
    .make = Make,
};
}  // namespace kinds

}  // namespace tocsin
