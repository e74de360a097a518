#include <array>

#include "base/logging.h"
#include "channels/channel_options.h"
#include "channels/classify.h"
#include "channels/json_writer.h"
#include "template/default_texts.h"
#include "template/notification_view.h"

namespace tocsin {
namespace {

constexpr std::size_t kMaxText = 1024;

class LogLine final : public Channel {
 public:
  std::string receiver, external_url;
  MessageTemplate text;

  Result<RenderedMessage> Render(const Notification& notification) const override {
    const NotificationView view(notification, external_url);
    const bool quiet = view.status() == "resolved" || view.severity() == "info";
    return RenderedMessage{"text/plain",
                           text.Expand(notification, kMaxText, external_url),
                           {{":level", quiet ? "info" : "warning"}}};
  }

  SendResult Send(const RenderedMessage& message, const SendContext& context,
                  HttpClient&) override {
    LogLevel level = LogLevel::kWarning;
    for (const auto& [name, value] : message.headers) {
      if (name == ":level") ParseLogLevel(value, level);
    }
    const std::string body =
        context.possible_repeat ? message.body + std::string(kRepeatNote) : message.body;
    LogMessage(level, "alert", body, {{"delivery", context.delivery_id}, {"channel", receiver}});
    return MakeSendResult(SendResult::Outcome::kDelivered, 0, "logged");
  }

  bool deduplicates() const override { return false; }
};

Result<std::unique_ptr<Channel>> Make(const ChannelConfig& config,
                                      const ChannelEnvironment& environment) {
  ChannelOptions options(config, environment);
  auto channel = std::make_unique<LogLine>();
  channel->receiver = config.name;
  channel->external_url = environment.external_url;
  channel->text = options.Template("text", kDefaultTitle, Escape::kHeader);
  TOCSIN_TRY(options.Finish());
  return channel;
}

constexpr auto kOptions = std::to_array<ChannelOption>({
    {"text", "Text of the line, at most 1,024 characters"},
});

}  // namespace

namespace kinds {
extern constinit const ChannelKind log{
    .name = "log",
    .config_key = "log_configs",
    .summary = "A line of this program's own messages on standard error.",
    .options = kOptions,
    .ignored = {},
    .http = false,
    .rate_per_minute = 6'000,
    .make = Make,
};
}  // namespace kinds

}  // namespace tocsin
