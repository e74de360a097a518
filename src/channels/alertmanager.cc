#include <array>

#include "channels/channel_options.h"
#include "channels/json_writer.h"
#include "channels/payloads.h"
#include "channels/post.h"

namespace tocsin {
namespace {

constexpr std::string_view kPath = "/api/v2/alerts";
// An Alertmanager ends an alert by itself when nobody repeats it; a resolution that we owe it comes
// from the outbox, so a long time is safe.
constexpr std::int64_t kFiringForUs = 7LL * 86'400 * 1'000'000;

// Alertmanager takes [a-zA-Z_][a-zA-Z0-9_]*.
std::string LabelName(std::string_view name) {
  std::string out;
  for (const char c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    out += plain ? c : '_';
  }
  return out.empty() || (out[0] >= '0' && out[0] <= '9') ? "_" + out : out;
}

void AppendLabels(JsonWriter& out, const char* name, const LabelMap& map) {
  LabelMap mended;
  for (const auto& [key, value] : map) {
    if (!value.empty()) mended.emplace(LabelName(key), value);
  }
  out.Map(name, mended);
}

class Alertmanager final : public Channel {
 public:
  HttpRequest request;
  std::string external_url;
  std::vector<std::string> urls;

  Result<RenderedMessage> Render(const Notification& notification) const override {
    const NotificationView view(notification, external_url);
    JsonWriter out;
    out.Begin('[');
    for (std::size_t i = 0; i < notification.alerts.size(); ++i) {
      const AlertMessage& alert = notification.alerts[i];
      const std::int64_t ends = alert.firing ? notification.decided_us + kFiringForUs
                                             : std::max(alert.ends_at_us, alert.starts_at_us);
      out.Begin('{');
      AppendLabels(out, "labels", view.labels(i));
      AppendLabels(out, "annotations", alert.annotations);
      out.Field("startsAt", AlertmanagerTime(alert.starts_at_us));
      out.Field("endsAt", AlertmanagerTime(ends));
      if (!external_url.empty()) out.Field("generatorURL", external_url);
      out.End('}');
    }
    return RenderedMessage{"application/json", out.End(']').Take(), {}};
  }

  // To every instance of a cluster; one that took it tells the others.
  SendResult Send(const RenderedMessage& message, const SendContext& context,
                  HttpClient& client) override {
    SendResult result;
    bool first = true, delivered = false;
    for (const std::string& url : urls) {
      HttpRequest to = request;
      to.url = url;
      SendResult one = Post(client, std::move(to), message, context.now_us);
      using Outcome = SendResult::Outcome;
      const bool better = one.outcome == Outcome::kDelivered ||
                          (!delivered && (first || one.outcome == Outcome::kRetry));
      delivered = delivered || one.outcome == Outcome::kDelivered;
      if (better) result = std::move(one);
      first = false;
    }
    return result;
  }

  bool deduplicates() const override { return true; }
};

Result<std::unique_ptr<Channel>> Make(const ChannelConfig& config,
                                      const ChannelEnvironment& environment) {
  ChannelOptions options(config, environment);
  auto channel = std::make_unique<Alertmanager>();
  channel->request = options.Http();
  channel->external_url = environment.external_url;
  channel->urls = options.List("url");
  for (std::string& url : options.List("urls")) channel->urls.push_back(std::move(url));
  if (channel->urls.empty()) options.Mistake("url", "is missing");
  for (std::string& url : channel->urls) {
    const Status status = CheckUrl(url, environment.policy);
    if (!status) options.Mistake("url", status.error().message());
    while (url.ends_with('/')) url.pop_back();
    if (!url.ends_with(kPath)) url += kPath;
  }
  TOCSIN_TRY(options.Finish());
  return channel;
}

constexpr auto kOptions = std::to_array<ChannelOption>({
    {"url", "Address of an Alertmanager, like `https://alertmanager.example.com:9093`", true},
    {"urls", "Further instances of the cluster, separated by commas"},
    {"urls.*", "Further instances of the cluster"},
});

}  // namespace

namespace kinds {
extern constinit const ChannelKind alertmanager{
    .name = "alertmanager",
    .config_key = "alertmanager_configs",
    .summary =
        "Passes the alerts to Alertmanager (`POST /api/v2/alerts`) for it to route. Delivered "
        "when one instance took them. A firing alert ends there seven days after it was "
        "last told.",
    .options = kOptions,
    .ignored = {},
    .deduplicates = true,
    .rate_per_minute = 30'000,
    .make = Make,
};
}  // namespace kinds

}  // namespace tocsin
