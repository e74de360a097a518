#include <array>

#include "channels/channel_options.h"
#include "channels/json_writer.h"
#include "channels/post.h"
#include "channels/signature.h"
#include "template/default_texts.h"
#include "template/notification_view.h"

namespace tocsin {
namespace {

constexpr std::size_t kMaxMessage = 130;
constexpr std::size_t kMaxDescription = 15'000;
constexpr std::size_t kMaxSource = 100;
constexpr std::size_t kMaxNote = 25'000;
constexpr std::size_t kMaxDetails = 8'000;

constexpr std::string_view kPriority =
    "{{ if eq .CommonLabels.severity \"critical\" }}P1{{ else if eq .CommonLabels.severity "
    "\"info\" }}P5{{ else }}P3{{ end }}";

class Opsgenie final : public Channel {
 public:
  HttpRequest request;  // url: the service without a path
  std::string external_url;
  MessageTemplate message_text, description, source, note, priority, tags, entity;
  std::vector<std::pair<std::string, MessageTemplate>> details;

  Result<RenderedMessage> Render(const Notification& notification) const override {
    const NotificationView view(notification, external_url);
    const auto expand = [&](const MessageTemplate& text, std::size_t max_chars) {
      return text.Expand(notification, max_chars, external_url);
    };
    const std::string alias = Sha256Hex(notification.group_key);
    JsonWriter out;
    out.Begin('{').Field("source", expand(source, kMaxSource));
    if (const std::string text = expand(note, kMaxNote); !text.empty()) out.Field("note", text);
    if (view.status() == "resolved") {
      return RenderedMessage{"application/json",
                             out.End('}').Take(),
                             {{":path", "/v2/alerts/" + alias + "/close?identifierType=alias"}}};
    }
    out.Field("alias", alias).Field("message", expand(message_text, kMaxMessage));
    out.Field("description", expand(description, kMaxDescription));
    out.Field("priority", expand(priority, 2));
    if (const std::string text = expand(entity, 512); !text.empty()) out.Field("entity", text);
    AppendTags(out, expand(tags, 1000));
    out.Key("details").Begin('{');
    std::size_t room = kMaxDetails;
    for (const auto& [name, value] : view.common_labels()) {
      if (name.size() + value.size() > room) break;
      room -= name.size() + value.size();
      out.Field(name, value);
    }
    for (const auto& [name, text] : details) {
      if (!view.common_labels().contains(name)) out.Field(name, expand(text, 1000));
    }
    return RenderedMessage{
        "application/json", out.End('}').End('}').Take(), {{":path", "/v2/alerts"}}};
  }

  SendResult Send(const RenderedMessage& message, const SendContext& context,
                  HttpClient& client) override {
    HttpRequest to = request;
    for (const auto& [name, value] : message.headers) {
      if (name == ":path") to.url += value;
    }
    return Post(client, std::move(to), message, context.now_us);
  }

  bool deduplicates() const override { return true; }

 private:
  static void AppendTags(JsonWriter& out, const std::string& list) {
    if (list.empty()) return;
    out.Key("tags").Begin('[');
    for (std::size_t at = 0, count = 0; at <= list.size() && count < 20; ++count) {
      const std::size_t end = std::min(list.find(',', at), list.size());
      if (end > at) out.Text(CutText(list.substr(at, end - at), 50));
      at = end + 1;
    }
    out.End(']');
  }
};

Result<std::unique_ptr<Channel>> Make(const ChannelConfig& config,
                                      const ChannelEnvironment& environment) {
  ChannelOptions options(config, environment);
  auto channel = std::make_unique<Opsgenie>();
  channel->request = options.Http();
  channel->request.url = options.Url("api_url", "https://api.opsgenie.com");
  while (channel->request.url.ends_with('/')) channel->request.url.pop_back();
  channel->request.headers.emplace_back("Authorization",
                                        "GenieKey " + options.RequiredSecret("api_key"));
  channel->external_url = environment.external_url;
  const auto text = [&](const std::string& key, std::string_view otherwise) {
    return options.Template(key, otherwise, Escape::kNone);
  };
  channel->message_text = text("message", kDefaultTitle);
  channel->description = text("description", kDefaultText);
  channel->source = text("source", "tocsin");
  channel->note = text("note", "");
  channel->priority = text("priority", kPriority);
  channel->tags = text("tags", "");
  channel->entity = text("entity", "{{CommonLabels.device_id}}");
  for (const auto& [name, value] : options.Map("details")) {
    channel->details.emplace_back(name, text("details." + name, ""));
  }
  TOCSIN_TRY(options.Finish());
  return channel;
}

constexpr auto kOptions = std::to_array<ChannelOption>({
    {"api_key", "Key of the API", true, true},
    {"api_url", "Other address of the service, e.g. `https://api.eu.opsgenie.com`"},
    {"message", "Title of the alert, at most 130 characters"},
    {"description", "Text of the alert, at most 15,000 characters"},
    {"source", "Source of the alert"},
    {"note", "Note of the alert"},
    {"priority", "`P1` to `P5`; by the alerts' severity by default"},
    {"tags", "Tags, separated by commas"},
    {"entity", "What is affected; the device by default"},
    {"details.*", "Further details beside the common labels"},
});
constexpr auto kIgnored =
    std::to_array<std::string_view>({"responders.*", "actions", "update_alerts"});

}  // namespace

namespace kinds {
extern constinit const ChannelKind opsgenie{
    .name = "opsgenie",
    .config_key = "opsgenie_configs",
    .summary =
        "An alert of Opsgenie, closed when its group is resolved. Its maker ends the "
        "service on 5 April 2027.",
    .options = kOptions,
    .ignored = kIgnored,
    .deduplicates = true,
    .rate_per_minute = 300,
    .make = Make,
};
}  // namespace kinds

}  // namespace tocsin
