#include <array>

#include "channels/channel_options.h"
#include "channels/json_writer.h"
#include "channels/post.h"
#include "template/default_texts.h"
#include "template/notification_view.h"

namespace tocsin {
namespace {

constexpr std::size_t kMaxTitle = 250;
constexpr std::size_t kMaxBytes = 4096;  // beyond, ntfy makes an attachment of the message

// At most 4,096 bytes, whatever the characters are.
std::string CutBytes(std::string text) {
  for (std::size_t chars = kMaxBytes - kRepeatNote.size();
       text.size() > kMaxBytes - kRepeatNote.size(); chars = chars * 9 / 10) {
    text = CutText(text, chars);
  }
  return text;
}

class Ntfy final : public Channel {
 public:
  HttpRequest request;
  std::string external_url, topic;
  std::int64_t priority = 0;  // 0 = by severity
  std::vector<std::string> tags;
  MessageTemplate title, text;

  Result<RenderedMessage> Render(const Notification& notification) const override {
    const NotificationView view(notification, external_url);
    const bool resolved = view.status() == "resolved";
    JsonWriter out;
    out.Begin('{').Field("topic", topic);
    out.Field("title", title.Expand(notification, kMaxTitle, external_url));
    out.Field("message", CutBytes(text.Expand(notification, kMaxBytes, external_url)));
    const bool critical = view.severity() == "critical";
    const std::int64_t natural = resolved ? 2 : critical ? 5 : view.severity() == "info" ? 3 : 4;
    out.Key("priority").Number(priority != 0 ? priority : natural);
    out.Key("tags").Begin('[').Text(resolved ? "white_check_mark" : "rotating_light");
    for (const std::string& tag : tags) out.Text(tag);
    out.End(']');
    if (!external_url.empty()) out.Field("click", external_url);
    return RenderedMessage{"application/json", out.End('}').Take(), {}};
  }

  SendResult Send(const RenderedMessage& message, const SendContext& context,
                  HttpClient& client) override {
    RenderedMessage sent = message;
    if (context.possible_repeat) sent.body = WithNote(sent.body, "/title", kRepeatNote);
    return Post(client, request, sent, context.now_us);
  }

  bool deduplicates() const override { return false; }
};

Result<std::unique_ptr<Channel>> Make(const ChannelConfig& config,
                                      const ChannelEnvironment& environment) {
  ChannelOptions options(config, environment);
  auto channel = std::make_unique<Ntfy>();
  channel->request = options.Http();
  channel->request.url = options.Url("url", "https://ntfy.sh");
  channel->topic = options.RequiredSecret("topic");
  if (const std::string token = options.Secret("token"); !token.empty()) {
    channel->request.bearer_token = token;
  }
  channel->priority = options.Number("priority", 0, 1, 5);
  channel->tags = options.List("tags");
  channel->external_url = environment.external_url;
  channel->title = options.Template("title", kDefaultTitle, Escape::kNone);
  channel->text = options.Template("message", kDefaultText, Escape::kNone);
  TOCSIN_TRY(options.Finish());
  return channel;
}

constexpr auto kOptions = std::to_array<ChannelOption>({
    {"topic", "Topic that the messages are published to; whoever knows it can read", true, true},
    {"url", "Server without the topic; `https://ntfy.sh` by default"},
    {"token", "Access token", false, true},
    {"title", "Title, at most 250 characters"},
    {"message", "Text, at most 4,096 bytes"},
    {"priority", "1 to 5; by severity by default"},
    {"tags.*", "Further tags"},
    {"tags", "Further tags, separated by commas"},
});

}  // namespace

namespace kinds {
extern constinit const ChannelKind ntfy{
    .name = "ntfy",
    .config_key = "ntfy_configs",
    .summary = "A push message by ntfy.",
    .options = kOptions,
    .ignored = {},
    .rate_per_minute = 60,
    .make = Make,
};
}  // namespace kinds

}  // namespace tocsin
