#include <algorithm>
#include <array>

#include "channels/channel_options.h"
#include "channels/classify.h"
#include "channels/json_writer.h"
#include "channels/post.h"
#include "template/default_texts.h"
#include "template/notification_view.h"

namespace tocsin {
namespace {

constexpr std::size_t kMaxTitle = 1024;
constexpr std::size_t kMaxText = 3000;
constexpr std::size_t kMaxShort = 256;

std::string_view Colour(const NotificationView& view) {
  if (view.status() == "resolved") return "good";
  if (view.severity() == "critical") return "danger";
  return view.severity() == "info" ? "#439FE0" : "warning";
}

struct Part {
  const char* member;
  MessageTemplate text;
  std::size_t max_chars;
};

class Slack final : public Channel {
 public:
  HttpRequest request;
  std::string external_url;
  std::vector<Part> top, attachment;
  std::vector<std::array<MessageTemplate, 2>> fields;
  std::vector<bool> short_fields;
  bool own_colour = false;
  bool link_names = false;

  Result<RenderedMessage> Render(const Notification& notification) const override {
    const NotificationView view(notification, external_url);
    JsonWriter out;
    out.Begin('{');
    Append(out, top, notification);
    if (link_names) out.Key("link_names").Bool(true);
    out.Key("attachments").Begin('[').Begin('{');
    Append(out, attachment, notification);
    if (!own_colour) out.Field("color", Colour(view));
    out.Key("mrkdwn_in").Begin('[').Text("fallback").Text("pretext").Text("text").End(']');
    if (!fields.empty()) out.Key("fields").Begin('[');
    for (std::size_t i = 0; i < fields.size(); ++i) {
      out.Begin('{').Field("title", fields[i][0].Expand(notification, kMaxShort, external_url));
      out.Field("value", fields[i][1].Expand(notification, kMaxText, external_url));
      out.Key("short").Bool(short_fields[i]).End('}');
    }
    if (!fields.empty()) out.End(']');
    out.End('}').End(']').End('}');
    return RenderedMessage{"application/json", out.Take(), {}};
  }

  SendResult Send(const RenderedMessage& message, const SendContext& context,
                  HttpClient& client) override {
    RenderedMessage sent = message;
    if (context.possible_repeat) {
      sent.body = WithNote(sent.body, "/attachments/0/title", kRepeatNote);
      sent.body = WithNote(sent.body, "/attachments/0/fallback", kRepeatNote);
    }
    std::string answer;
    const SendResult result = Post(client, request, sent, context.now_us, &answer);
    if (result.outcome != SendResult::Outcome::kDelivered) return result;
    return Judge(answer, result);
  }

  bool deduplicates() const override { return false; }

 private:
  void Append(JsonWriter& out, const std::vector<Part>& parts,
              const Notification& notification) const {
    for (const Part& part : parts) {
      std::string text = part.text.Expand(notification, part.max_chars, external_url);
      if (!text.empty()) out.Field(part.member, text);
    }
  }

  // A webhook answers `ok`; the Web API a JSON object with `ok`. One word else is Slack's refusal,
  // anything longer comes from something between.
  static SendResult Judge(const std::string& answer, const SendResult& delivered) {
    using Outcome = SendResult::Outcome;
    if (answer == "ok" || MemberOf(answer, "/ok") == "true") return delivered;
    std::string error = MemberOf(answer, "/error");
    const bool word =
        !answer.empty() && answer.size() <= 64 && std::ranges::all_of(answer, [](char c) {
          return (c >= 'a' && c <= 'z') || c == '_' || c == '-';
        });
    if (word) error = answer;
    if (error.empty()) {
      return MakeSendResult(Outcome::kRetry, delivered.status,
                            "the answer is not Slack's: neither ok nor an error");
    }
    const bool passing = error == "ratelimited" || error == "rate_limited" ||
                         error == "internal_error" || error == "fatal_error" ||
                         error == "service_unavailable" || error == "request_timeout" ||
                         error == "rollup_error";
    return MakeSendResult(passing ? Outcome::kRetry : Outcome::kDead, delivered.status,
                          "Slack refuses: " + CutText(error, 80));
  }
};

void ReadFields(ChannelOptions& options, Slack& channel) {
  for (std::size_t i = 0; i < 20; ++i) {
    const std::string prefix = "fields." + std::to_string(i) + ".";
    if (!options.Has(prefix + "title")) return;
    channel.fields.push_back({options.Template(prefix + "title", "", Escape::kNone),
                              options.Template(prefix + "value", "", Escape::kSlack)});
    channel.short_fields.push_back(
        options.Bool(prefix + "short", options.Bool("short_fields", false)));
  }
}

Result<std::unique_ptr<Channel>> Make(const ChannelConfig& config,
                                      const ChannelEnvironment& environment) {
  ChannelOptions options(config, environment);
  auto channel = std::make_unique<Slack>();
  channel->request = options.Http();
  channel->request.url = options.Url("api_url");
  channel->external_url = environment.external_url;
  const auto add = [&](std::vector<Part>& parts, const char* key, std::string_view otherwise,
                       Escape escape, std::size_t max_chars) {
    parts.push_back({key, options.Template(key, otherwise, escape), max_chars});
  };
  for (const char* key : {"channel", "username", "icon_emoji", "icon_url"}) {
    add(channel->top, key, "", Escape::kNone, kMaxShort);
  }
  add(channel->attachment, "fallback", kDefaultTitle, Escape::kSlack, kMaxTitle);
  add(channel->attachment, "title", kDefaultTitle, Escape::kSlack, kMaxTitle);
  add(channel->attachment, "title_link", "{{ExternalURL}}", Escape::kNone, kMaxTitle);
  add(channel->attachment, "text", kDefaultText, Escape::kSlack, kMaxText);
  add(channel->attachment, "pretext", "", Escape::kSlack, kMaxText);
  add(channel->attachment, "footer", "", Escape::kSlack, kMaxShort);
  add(channel->attachment, "color", "", Escape::kNone, kMaxShort);
  channel->own_colour = options.Has("color");
  channel->link_names = options.Bool("link_names", false);
  ReadFields(options, *channel);
  TOCSIN_TRY(options.Finish());
  return channel;
}

constexpr auto kOptions = std::to_array<ChannelOption>({
    {"api_url", "Incoming webhook, or `https://slack.com/api/chat.postMessage` with a token", true,
     true},
    {"channel", "Channel or user, where the webhook lets it be chosen"},
    {"title", "Title of the attachment, at most 1,024 characters"},
    {"title_link", "Link of the title; the dashboard by default"},
    {"text", "Text of the attachment, at most 3,000 characters"},
    {"pretext", "Text above the attachment"},
    {"fallback", "Text of the notification on a phone"},
    {"footer", "Line below the attachment"},
    {"color", "Colour; by severity by default"},
    {"username", "Name of the sender"},
    {"icon_emoji", "Picture of the sender"},
    {"icon_url", "Picture of the sender"},
    {"link_names", "`true`: @names in texts notify people"},
    {"short_fields", "Whether fields stand side by side"},
    {"fields.*", "`title`, `value`, `short` of each field"},
});
constexpr auto kIgnored = std::to_array<std::string_view>(
    {"actions.*", "callback_id", "image_url", "thumb_url", "mrkdwn_in.*"});

}  // namespace

namespace kinds {
extern constinit const ChannelKind slack{
    .name = "slack",
    .config_key = "slack_configs",
    .summary = "A Slack message with one attachment.",
    .options = kOptions,
    .ignored = kIgnored,
    .rate_per_minute = 60,
    .make = Make,
};
}  // namespace kinds

}  // namespace tocsin
