#include <array>

#include "channels/channel_options.h"
#include "channels/json_writer.h"
#include "channels/post.h"
#include "template/default_texts.h"

namespace tocsin {
namespace {

constexpr std::size_t kMaxText = 1600;  // of one message; the carrier splits it

class Twilio final : public Channel {
 public:
  HttpRequest request;
  std::string external_url, from, to, service;
  MessageTemplate text;

  Result<RenderedMessage> Render(const Notification& notification) const override {
    std::string body = "To=" + PercentEncode(to);
    body += service.empty() ? "&From=" + PercentEncode(from)
                            : "&MessagingServiceSid=" + PercentEncode(service);
    body += "&Body=" +
            PercentEncode(text.Expand(notification, kMaxText - kRepeatNote.size(), external_url));
    return RenderedMessage{"application/x-www-form-urlencoded", std::move(body), {}};
  }

  SendResult Send(const RenderedMessage& message, const SendContext& context,
                  HttpClient& client) override {
    RenderedMessage sent = message;
    if (context.possible_repeat) sent.body += PercentEncode(kRepeatNote);  // Body stands last
    return Post(client, request, sent, context.now_us);
  }

  bool deduplicates() const override { return false; }
};

Result<std::unique_ptr<Channel>> Make(const ChannelConfig& config,
                                      const ChannelEnvironment& environment) {
  ChannelOptions options(config, environment);
  auto channel = std::make_unique<Twilio>();
  channel->request = options.Http();
  const std::string account = options.Required("account_sid");
  std::string url = options.Url("api_url", "https://api.twilio.com");
  while (url.ends_with('/')) url.pop_back();
  channel->request.url = url + "/2010-04-01/Accounts/" + PercentEncode(account) + "/Messages.json";
  channel->request.basic_user = account;
  channel->request.basic_password = options.RequiredSecret("auth_token");
  channel->to = options.Required("to");
  channel->service = options.Text("messaging_service_sid");
  if (channel->service.empty()) channel->from = options.Required("from");
  channel->external_url = environment.external_url;
  channel->text = options.Template("text", kDefaultTitle, Escape::kNone);
  TOCSIN_TRY(options.Finish());
  return channel;
}

constexpr auto kOptions = std::to_array<ChannelOption>({
    {"account_sid", "Account", true},
    {"auth_token", "Token of the account", true, true},
    {"to", "Number of the receiver, like +15551234567", true},
    {"from", "Number of the sender; this or `messaging_service_sid`"},
    {"messaging_service_sid", "Messaging service that chooses the sender"},
    {"text", "Text, at most 1,600 characters"},
    {"api_url", "Other address of the service"},
});

}  // namespace

namespace kinds {
extern constinit const ChannelKind twilio{
    .name = "twilio",
    .config_key = "twilio_configs",
    .summary = "A text message (SMS) by Twilio.",
    .options = kOptions,
    .ignored = {},
    .rate_per_minute = 60,
    .make = Make,
};
}  // namespace kinds

}  // namespace tocsin
