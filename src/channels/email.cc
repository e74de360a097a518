#include <algorithm>
#include <array>

#include "channels/channel_options.h"
#include "channels/classify.h"
#include "channels/json_writer.h"
#include "channels/mail_message.h"
#include "template/default_texts.h"

namespace tocsin {
namespace {

constexpr std::size_t kMaxSubject = 500;
constexpr std::size_t kMaxBody = 200'000;

// Headers that the message needs to be what it is.
constexpr std::string_view kOwnHeaders[] = {
    "from",         "to",           "cc",
    "bcc",          "date",         "message-id",
    "mime-version", "content-type", "content-transfer-encoding",
    "sender",       "return-path",  "received"};

std::string Lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

bool PlainName(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.';
  });
}

class Email final : public Channel {
 public:
  MailRequest request;
  MailAddress from;
  std::vector<MailAddress> to;
  std::string external_url;
  MessageTemplate subject, text, html;
  std::vector<std::pair<std::string, MessageTemplate>> headers;
  bool with_html = true;

  Result<RenderedMessage> Render(const Notification& notification) const override {
    MailParts parts;
    parts.from = from;
    parts.to = to;
    parts.subject = subject.Expand(notification, kMaxSubject, external_url);
    for (const auto& [name, value] : headers) {
      parts.headers.emplace_back(name, value.Expand(notification, kMaxSubject, external_url));
    }
    parts.text = text.Expand(notification, kMaxBody, external_url);
    if (with_html) parts.html = html.Expand(notification, kMaxBody, external_url);
    parts.date_us = notification.decided_us;
    return RenderedMessage{"message/rfc822", MakeMail(parts), {}};
  }

  SendResult Send(const RenderedMessage& message, const SendContext& context,
                  HttpClient& client) override {
    MailRequest mail = request;
    const std::string host = from.mailbox.substr(from.mailbox.rfind('@') + 1);
    mail.message = StampMail(message.body, context.delivery_id + "@" + host,
                             context.possible_repeat ? kRepeatNote : std::string_view());
    return ClassifyMail(client.Mail(mail));
  }

  bool deduplicates() const override { return false; }
};

void ReadServer(ChannelOptions& options, const OutgoingPolicy& policy, MailRequest& request) {
  const std::string smarthost = options.Required("smarthost");
  const std::string hello = options.Text("hello", "localhost");
  if (!PlainName(hello)) options.Mistake("hello", "must be a host name");
  const bool implicit = options.Bool("force_implicit_tls", smarthost.ends_with(":465"));
  request.url = (implicit ? "smtps://" : "smtp://") + smarthost + "/" + hello;
  request.require_tls = options.Bool("require_tls", true);
  request.user = options.Text("auth_username");
  request.password = options.Secret("auth_password");
  if (request.password.empty()) request.password = options.Secret("auth_secret");
  HttpRequest tls;
  options.Tls("tls_config.", tls);
  request.ca_file = tls.ca_file;
  request.insecure_skip_verify = tls.insecure_skip_verify;
  if (smarthost.empty()) return;
  if (smarthost.find_first_of("/@ ") != std::string::npos ||
      smarthost.find(':') == std::string::npos) {
    options.Mistake("smarthost", "must be host:port, like mail.example.com:587");
  } else if (const Status status = CheckUrl(request.url, policy); !status) {
    options.Mistake("smarthost", status.error().message());
  }
  if (!request.require_tls && !implicit && !policy.allow_http) {
    options.Mistake("require_tls",
                    "mail without TLS is not allowed; set ALERT_ALLOW_HTTP to allow it");
  }
}

void ReadAddresses(ChannelOptions& options, Email& channel) {
  const auto parse = [&](const char* key, const std::string& text) {
    if (text.empty()) return MailAddress{};  // was told to be missing
    const auto address = ParseMailAddress(text);
    if (!address) options.Mistake(key, address.error().message());
    return address.value_or(MailAddress{});
  };
  channel.from = parse("from", options.Required("from"));
  channel.request.from = channel.from.mailbox;
  for (const std::string& text : options.List("to")) channel.to.push_back(parse("to", text));
  if (channel.to.empty()) options.Mistake("to", "is missing");
  for (const MailAddress& to : channel.to) channel.request.to.push_back(to.mailbox);
}

void ReadHeaders(ChannelOptions& options, Email& channel) {
  std::string subject_key = "headers.Subject";
  for (const auto& [name, value] : options.Map("headers")) {
    const std::string key = "headers." + name;
    const std::string lower = Lower(name);
    if (lower == "subject") {
      subject_key = key;
    } else if (std::ranges::find(kOwnHeaders, lower) != std::end(kOwnHeaders)) {
      options.Mistake(key, "this header is the channel's own");
    } else if (!PlainName(name)) {
      options.Mistake(key, "a header's name has letters, digits and '-' only");
    } else {
      channel.headers.emplace_back(name, options.Template(key, "", Escape::kHeader));
    }
  }
  channel.subject = options.Template(subject_key, kDefaultTitle, Escape::kHeader);
}

Result<std::unique_ptr<Channel>> Make(const ChannelConfig& config,
                                      const ChannelEnvironment& environment) {
  ChannelOptions options(config, environment);
  auto channel = std::make_unique<Email>();
  ReadServer(options, environment.policy, channel->request);
  ReadAddresses(options, *channel);
  ReadHeaders(options, *channel);
  channel->external_url = environment.external_url;
  channel->text = options.Template("text", kDefaultText, Escape::kNone);
  channel->with_html = options.Text("html", "x") != "";
  channel->html = options.Template("html", kDefaultHtml, Escape::kHtml);
  TOCSIN_TRY(options.Finish());
  return channel;
}

constexpr auto kOptions = std::to_array<ChannelOption>({
    {"to", "Receivers, separated by commas", true},
    {"from", "Sender", true},
    {"smarthost", "Mail server, host:port; port 465 means TLS from the beginning", true},
    {"hello", "Name in the greeting, `localhost` by default"},
    {"auth_username", "User"},
    {"auth_password", "Password", false, true},
    {"auth_secret", "Secret of CRAM-MD5", false, true},
    {"require_tls", "STARTTLS is required, `true` by default"},
    {"force_implicit_tls", "TLS from the beginning on another port than 465"},
    {"tls_config.ca_file", "Certificates that verify the server"},
    {"tls_config.insecure_skip_verify", "Do not verify the server; warned of at start"},
    {"headers.*", "Further headers; `headers.Subject` is the subject"},
    {"text", "Text part"},
    {"html", "HTML part; empty = none"},
});
constexpr auto kIgnored = std::to_array<std::string_view>(
    {"auth_identity", "tls_config.min_version", "tls_config.server_name", "threading.*"});

}  // namespace

namespace kinds {
extern constinit const ChannelKind email{
    .name = "email",
    .config_key = "email_configs",
    .summary = "A mail with a text and an HTML part, by SMTP with STARTTLS.",
    .options = kOptions,
    .ignored = kIgnored,
    .http = false,
    .rate_per_minute = 60,
    .make = Make,
};
}  // namespace kinds

}  // namespace tocsin
