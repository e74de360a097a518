#include <array>

#include "channels/channel_options.h"
#include "channels/payloads.h"
#include "channels/post.h"
#include "channels/signature.h"

namespace tocsin {
namespace {

class Webhook final : public Channel {
 public:
  HttpRequest request;
  std::string external_url;
  std::vector<std::string> keys;
  bool alertmanager = false;
  std::size_t max_alerts = 0;

  Result<RenderedMessage> Render(const Notification& notification) const override {
    const NotificationView view(notification, external_url);
    RenderedMessage message;
    message.content_type = "application/json";
    message.body =
        alertmanager ? AlertmanagerPayload(view, max_alerts) : TocsinPayload(view, max_alerts);
    return message;
  }

  SendResult Send(const RenderedMessage& message, const SendContext& context,
                  HttpClient& client) override {
    HttpRequest signed_request = request;
    const std::int64_t now_s = context.now_us / 1'000'000;
    auto& headers = signed_request.headers;
    headers.emplace_back("webhook-id", context.delivery_id);
    headers.emplace_back("webhook-timestamp", std::to_string(now_s));
    headers.emplace_back("Idempotency-Key", context.delivery_id);
    if (!keys.empty()) {
      headers.emplace_back("webhook-signature",
                           SignWebhook(keys, context.delivery_id, now_s, message.body));
    }
    return Post(client, std::move(signed_request), message, context.now_us);
  }

  bool deduplicates() const override { return true; }
};

Result<std::unique_ptr<Channel>> Make(const ChannelConfig& config,
                                      const ChannelEnvironment& environment) {
  ChannelOptions options(config, environment);
  auto channel = std::make_unique<Webhook>();
  channel->request = options.Http();
  channel->request.url = options.Url("url");
  channel->external_url = environment.external_url;
  channel->max_alerts = static_cast<std::size_t>(options.Number("max_alerts", 0, 0, 1'000'000));
  channel->alertmanager =
      options.Choice("format", "alertmanager", {"alertmanager", "tocsin"}) == "alertmanager";
  if (auto keys = ParseWebhookSecrets(options.Secret("secret"))) {
    channel->keys = std::move(*keys);
  } else {
    options.Mistake("secret", keys.error().message());
  }
  TOCSIN_TRY(options.Finish());
  return channel;
}

constexpr auto kOptions = std::to_array<ChannelOption>({
    {"url", "Where the messages are posted to", true, true},
    {"format",
     "`alertmanager` (version 4 of its webhook, the default in a routes file) or `tocsin`"},
    {"secret",
     "Signs every message (Standard Webhooks): `whsec_` and 24 to 64 bytes in base64; two, "
     "separated by a space, while it is rotated",
     false, true},
    {"max_alerts", "Alerts in one message at most; 0 = all"},
});

}  // namespace

namespace kinds {
extern constinit const ChannelKind webhook{
    .name = "webhook",
    .config_key = "webhook_configs",
    .summary =
        "A JSON message by POST with the headers `webhook-id`, `webhook-timestamp`, "
        "`webhook-signature` and `Idempotency-Key`; the id stays the same over retries.",
    .options = kOptions,
    .ignored = {},
    .deduplicates = true,
    .rate_per_minute = 30'000,
    .make = Make,
};
}  // namespace kinds

}  // namespace tocsin
