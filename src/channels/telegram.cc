#include <algorithm>
#include <array>
#include <charconv>

#include "channels/channel_options.h"
#include "channels/json_writer.h"
#include "channels/post.h"
#include "template/default_texts.h"

namespace tocsin {
namespace {

constexpr std::size_t kMaxText = 4096;
constexpr std::int64_t kMaxWaitSeconds = 86'400;

// A text that was cut may end within an entity or leave tags open; Telegram refuses both.
std::string MendHtml(std::string text) {
  for (const auto& [open, close] : {std::pair{'&', ';'}, std::pair{'<', '>'}}) {
    const std::size_t begin = text.rfind(open);
    if (begin != std::string::npos && text.find(close, begin) == std::string::npos) {
      text.resize(begin);
      text += "…";
    }
  }
  std::vector<std::string> open;
  for (std::size_t at = text.find('<'); at != std::string::npos; at = text.find('<', at + 1)) {
    const std::size_t end = text.find('>', at);
    if (end == std::string::npos) break;
    const std::string tag = text.substr(at + 1, end - at - 1);
    if (!tag.starts_with('/')) {
      open.push_back(tag.substr(0, tag.find(' ')));
    } else if (!open.empty()) {
      open.pop_back();
    }
  }
  for (auto tag = open.rbegin(); tag != open.rend(); ++tag) text += "</" + *tag + ">";
  return text;
}

class Telegram final : public Channel {
 public:
  HttpRequest request;
  std::string external_url, chat_id, parse_mode;
  std::int64_t thread_id = 0;
  bool silent = false;
  MessageTemplate text;

  Result<RenderedMessage> Render(const Notification& notification) const override {
    // Closing tags and the note take room, too.
    std::string body = text.Expand(notification, kMaxText - 64, external_url);
    if (parse_mode == "HTML") body = MendHtml(std::move(body));
    JsonWriter out;
    out.Begin('{').Field("chat_id", chat_id).Field("text", body);
    if (!parse_mode.empty()) out.Field("parse_mode", parse_mode);
    if (thread_id != 0) out.Key("message_thread_id").Number(thread_id);
    out.Key("disable_web_page_preview").Bool(true);
    out.Key("disable_notification").Bool(silent);
    return RenderedMessage{"application/json", out.End('}').Take(), {}};
  }

  SendResult Send(const RenderedMessage& message, const SendContext& context,
                  HttpClient& client) override {
    RenderedMessage sent = message;
    if (context.possible_repeat) {
      const bool markdown = parse_mode == "MarkdownV2";
      sent.body = WithNote(sent.body, "/text", markdown ? " \\(possible repeat\\)" : kRepeatNote);
    }
    std::string answer;
    SendResult result = Post(client, request, sent, context.now_us, &answer);
    const std::string wait = MemberOf(answer, "/parameters/retry_after");
    std::int64_t seconds = 0;
    const auto [end, error] = std::from_chars(wait.data(), wait.data() + wait.size(), seconds);
    if (result.status == 429 && error == std::errc() && seconds >= 0) {
      result.retry_after_us = std::min(seconds, kMaxWaitSeconds) * 1'000'000;
    }
    return result;
  }

  bool deduplicates() const override { return false; }
};

Escape EscapeOf(const std::string& parse_mode) {
  if (parse_mode == "HTML") return Escape::kHtml;
  return parse_mode == "MarkdownV2" ? Escape::kMarkdownTelegram : Escape::kNone;
}

Result<std::unique_ptr<Channel>> Make(const ChannelConfig& config,
                                      const ChannelEnvironment& environment) {
  ChannelOptions options(config, environment);
  auto channel = std::make_unique<Telegram>();
  channel->request = options.Http();
  std::string url = options.Url("api_url", "https://api.telegram.org");
  while (url.ends_with('/')) url.pop_back();
  channel->request.url = url + "/bot" + options.RequiredSecret("bot_token") + "/sendMessage";
  channel->chat_id = options.Required("chat_id");
  channel->thread_id = options.Number("message_thread_id", 0, 0, INT64_MAX);
  channel->silent = options.Bool("disable_notifications", false);
  channel->parse_mode = options.Choice("parse_mode", "HTML", {"HTML", "MarkdownV2", ""});
  channel->external_url = environment.external_url;
  const bool own = options.Has("message");
  std::string otherwise = channel->parse_mode == "HTML"
                              ? "<b>" + std::string(kDefaultTitle) + "</b>\n"
                              : std::string(kDefaultTitle) + "\n";
  otherwise += kDefaultText;
  // The default texts hold characters that MarkdownV2 gives a meaning.
  if (!own && channel->parse_mode == "MarkdownV2") channel->parse_mode.clear();
  channel->text = options.Template("message", otherwise, EscapeOf(channel->parse_mode));
  TOCSIN_TRY(options.Finish());
  return channel;
}

constexpr auto kOptions = std::to_array<ChannelOption>({
    {"bot_token", "Token of the bot", true, true},
    {"chat_id", "Chat that gets the messages", true},
    {"message", "Text, at most 4,000 characters"},
    {"parse_mode", "`HTML` (the default), `MarkdownV2`, or empty for plain text"},
    {"message_thread_id", "Topic of the chat"},
    {"disable_notifications", "`true`: without a sound"},
    {"api_url", "Other address of the service"},
});

}  // namespace

namespace kinds {
extern constinit const ChannelKind telegram{
    .name = "telegram",
    .config_key = "telegram_configs",
    .summary = "A message of a Telegram bot.",
    .options = kOptions,
    .ignored = {},
    .rate_per_minute = 20,
    .make = Make,
};
}  // namespace kinds

}  // namespace tocsin
