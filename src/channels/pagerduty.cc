#include <array>

#include "channels/channel_options.h"
#include "channels/json_writer.h"
#include "channels/post.h"
#include "channels/signature.h"
#include "template/default_texts.h"
#include "template/notification_view.h"

namespace tocsin {
namespace {

constexpr std::size_t kMaxSummary = 1024;
constexpr std::size_t kMaxBytes = 512'000;
constexpr std::size_t kMaxDetail = 100'000;

constexpr std::string_view kUrlV2 = "https://events.pagerduty.com/v2/enqueue";
constexpr std::string_view kUrlV1 =
    "https://events.pagerduty.com/generic/2010-04-15/create_event.json";

constexpr std::string_view kSeverity =
    "{{ if eq .CommonLabels.severity \"critical\" }}critical{{ else if eq .CommonLabels.severity "
    "\"warning\" }}warning{{ else if eq .CommonLabels.severity \"info\" }}info{{ else }}error"
    "{{ end }}";

struct Detail {
  std::string name;
  MessageTemplate text;
};

class PagerDuty final : public Channel {
 public:
  HttpRequest request;
  std::string external_url, routing_key, service_key;
  MessageTemplate description, severity, client, client_url, source, component, group, klass;
  std::vector<Detail> details;

  Result<RenderedMessage> Render(const Notification& notification) const override {
    std::string body = Body(notification, true);
    if (body.size() > kMaxBytes) body = Body(notification, false);
    return RenderedMessage{"application/json", std::move(body), {}};
  }

  SendResult Send(const RenderedMessage& message, const SendContext& context,
                  HttpClient& client_) override {
    // The key is a secret: it is put in here so that it is in no stored row.
    RenderedMessage sent = message;
    JsonWriter key;
    key.Begin('{').Field(service_key.empty() ? "routing_key" : "service_key",
                         service_key.empty() ? routing_key : service_key);
    sent.body = key.Take() + "," + message.body.substr(1);
    return Post(client_, request, sent, context.now_us);
  }

  bool deduplicates() const override { return true; }

 private:
  std::string Expand(const MessageTemplate& text, const Notification& notification,
                     std::size_t max_chars = kMaxSummary) const {
    return text.Expand(notification, max_chars, external_url);
  }

  void AppendDetails(JsonWriter& out, const char* name, const Notification& notification) const {
    out.Key(name).Begin('{');
    for (const Detail& detail : details) {
      out.Field(detail.name, Expand(detail.text, notification, kMaxDetail));
    }
    out.End('}');
  }

  std::string Body(const Notification& notification, bool with_details) const {
    const NotificationView view(notification, external_url);
    const bool firing = view.status() == "firing";
    const std::string dedup_key = Sha256Hex(notification.group_key);
    JsonWriter out;
    out.Begin('{').Field(service_key.empty() ? "event_action" : "event_type",
                         firing ? "trigger" : "resolve");
    out.Field(service_key.empty() ? "dedup_key" : "incident_key", dedup_key);
    out.Field("client", Expand(client, notification));
    if (const std::string url = Expand(client_url, notification); !url.empty()) {
      out.Field("client_url", url);
    }
    if (!service_key.empty()) {
      out.Field("description", Expand(description, notification));
      if (with_details) AppendDetails(out, "details", notification);
      return out.End('}').Take();
    }
    out.Key("payload").Begin('{').Field("summary", Expand(description, notification));
    out.Field("source", Expand(source, notification)).Field("severity", Severity(notification));
    for (const auto& [name, text] : {std::pair{"component", &component}, std::pair{"group", &group},
                                     std::pair{"class", &klass}}) {
      if (const std::string value = Expand(*text, notification); !value.empty()) {
        out.Field(name, value);
      }
    }
    if (with_details) AppendDetails(out, "custom_details", notification);
    return out.End('}').End('}').Take();
  }

  // PagerDuty refuses any other word.
  std::string Severity(const Notification& notification) const {
    std::string text = Expand(severity, notification);
    const bool known = text == "critical" || text == "error" || text == "warning" || text == "info";
    return known ? text : "error";
  }
};

Result<std::unique_ptr<Channel>> Make(const ChannelConfig& config,
                                      const ChannelEnvironment& environment) {
  ChannelOptions options(config, environment);
  auto channel = std::make_unique<PagerDuty>();
  channel->request = options.Http();
  channel->routing_key = options.Secret("routing_key");
  channel->service_key = options.Secret("service_key");
  if (channel->routing_key.empty() == channel->service_key.empty()) {
    options.Mistake("routing_key", "set either routing_key (Events v2) or service_key (Events v1)");
  }
  channel->request.url = options.Url("url", channel->service_key.empty() ? kUrlV2 : kUrlV1);
  channel->external_url = environment.external_url;
  const auto text = [&](const char* key, std::string_view otherwise) {
    return options.Template(key, otherwise, Escape::kNone);
  };
  channel->description = text("description", kDefaultTitle);
  channel->severity = text("severity", kSeverity);
  channel->client = text("client", "tocsin");
  channel->client_url = text("client_url", "{{ExternalURL}}");
  channel->source = text("source",
                         "{{#CommonLabels.device_id}}{{CommonLabels.device_id}}"
                         "{{/CommonLabels.device_id}}{{^CommonLabels.device_id}}tocsin"
                         "{{/CommonLabels.device_id}}");
  channel->component = text("component", "");
  channel->group = text("group", "");
  channel->klass = text("class", "");
  channel->details = {{"alerts", text("details.alerts", kDefaultText)},
                      {"num_firing", text("details.num_firing", "{{FiringCount}}")},
                      {"num_resolved", text("details.num_resolved", "{{ResolvedCount}}")}};
  for (const auto& [name, value] : options.Map("details")) {
    if (name == "alerts" || name == "num_firing" || name == "num_resolved") continue;
    channel->details.push_back({name, text(("details." + name).c_str(), "")});
  }
  TOCSIN_TRY(options.Finish());
  return channel;
}

constexpr auto kOptions = std::to_array<ChannelOption>({
    {"routing_key", "Integration key of Events v2; this or `service_key`", false, true},
    {"service_key", "Integration key of Events v1", false, true},
    {"url", "Other address of the service"},
    {"description", "Summary of the incident, at most 1,024 characters"},
    {"severity", "`critical`, `error`, `warning` or `info`; by the alerts' severity by default"},
    {"client", "Name of the monitoring client"},
    {"client_url", "Link to the client; the dashboard by default"},
    {"source", "What is affected; the device by default"},
    {"component", "Component that is affected"},
    {"group", "Group of components"},
    {"class", "Kind of the event"},
    {"details.*", "Further details; left out when the event would pass 512,000 bytes"},
});
constexpr auto kIgnored = std::to_array<std::string_view>({"images.*", "links.*"});

}  // namespace

namespace kinds {
extern constinit const ChannelKind pagerduty{
    .name = "pagerduty",
    .config_key = "pagerduty_configs",
    .summary = "An incident of PagerDuty (Events v2): one a group, resolved with it.",
    .options = kOptions,
    .ignored = kIgnored,
    .deduplicates = true,
    .rate_per_minute = 120,
    .make = Make,
};
}  // namespace kinds

}  // namespace tocsin
