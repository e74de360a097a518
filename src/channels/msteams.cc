#include <array>

#include "channels/channel_options.h"
#include "channels/json_writer.h"
#include "channels/post.h"
#include "template/default_texts.h"
#include "template/notification_view.h"

namespace tocsin {
namespace {

constexpr std::size_t kMaxTitle = 1024;
constexpr std::size_t kMaxText = 5000;  // the whole card may have 28 KB

class Teams final : public Channel {
 public:
  HttpRequest request;
  std::string external_url;
  MessageTemplate title, text;
  bool connector = false;

  Result<RenderedMessage> Render(const Notification& notification) const override {
    const NotificationView view(notification, external_url);
    const std::string head = title.Expand(notification, kMaxTitle, external_url);
    const std::string body = text.Expand(notification, kMaxText, external_url);
    return RenderedMessage{
        "application/json", connector ? MessageCard(view, head, body) : Card(view, head, body), {}};
  }

  SendResult Send(const RenderedMessage& message, const SendContext& context,
                  HttpClient& client) override {
    RenderedMessage sent = message;
    if (context.possible_repeat) {
      sent.body = WithNote(sent.body, connector ? "/title" : "/attachments/0/content/body/0/text",
                           kRepeatNote);
    }
    return Post(client, request, sent, context.now_us);
  }

  bool deduplicates() const override { return false; }

 private:
  static std::string MessageCard(const NotificationView& view, const std::string& head,
                                 const std::string& body) {
    const bool resolved = view.status() == "resolved";
    JsonWriter out;
    out.Begin('{').Field("@context", "http://schema.org/extensions").Field("@type", "MessageCard");
    out.Field("title", head).Field("summary", head).Field("text", body);
    out.Field("themeColor", resolved                        ? "2DC72D"
                            : view.severity() == "critical" ? "8C1A1A"
                                                            : "FFA500");
    return out.End('}').Take();
  }

  static std::string Card(const NotificationView& view, const std::string& head,
                          const std::string& body) {
    const bool resolved = view.status() == "resolved";
    JsonWriter out;
    out.Begin('{').Field("type", "message").Key("attachments").Begin('[').Begin('{');
    out.Field("contentType", "application/vnd.microsoft.card.adaptive");
    out.Key("content").Begin('{').Field("type", "AdaptiveCard").Field("version", "1.4");
    out.Field("$schema", "http://adaptivecards.io/schemas/adaptive-card.json");
    out.Key("body").Begin('[').Begin('{').Field("type", "TextBlock").Field("text", head);
    out.Field("weight", "Bolder").Field("size", "Medium").Key("wrap").Bool(true);
    out.Field("color", resolved ? "Good" : view.severity() == "critical" ? "Attention" : "Warning");
    out.End('}').Begin('{').Field("type", "TextBlock").Field("text", body);
    out.Key("wrap").Bool(true).End('}').End(']');
    if (!view.external_url().empty()) {
      out.Key("actions").Begin('[').Begin('{').Field("type", "Action.OpenUrl");
      out.Field("title", "Open").Field("url", view.external_url()).End('}').End(']');
    }
    return out.End('}').End('}').End(']').End('}').Take();
  }
};

Result<std::unique_ptr<Channel>> Make(const ChannelConfig& config,
                                      const ChannelEnvironment& environment) {
  ChannelOptions options(config, environment);
  auto channel = std::make_unique<Teams>();
  channel->request = options.Http();
  channel->request.url = options.Url("webhook_url");
  channel->external_url = environment.external_url;
  channel->connector =
      options.Choice("format", "adaptive", {"adaptive", "connector"}) == "connector";
  channel->title = options.Template("title", kDefaultTitle, Escape::kHtml);
  channel->text = options.Template("text", kDefaultText, Escape::kHtml);
  TOCSIN_TRY(options.Finish());
  return channel;
}

constexpr auto kOptions = std::to_array<ChannelOption>({
    {"webhook_url", "Workflow (Power Automate) or connector webhook", true, true},
    {"format", "`adaptive` (a card of a workflow, the default) or `connector` (a MessageCard)"},
    {"title", "Title, at most 1,024 characters"},
    {"text", "Text, at most 5,000 characters"},
});
constexpr auto kIgnored = std::to_array<std::string_view>({"summary"});

}  // namespace

namespace kinds {
extern constinit const ChannelKind msteams{
    .name = "msteams",
    .config_key = "msteams_configs",
    .summary = "A card in Microsoft Teams. `msteamsv2_configs` is the same.",
    .options = kOptions,
    .ignored = kIgnored,
    .rate_per_minute = 120,
    .make = Make,
};
}  // namespace kinds

}  // namespace tocsin
