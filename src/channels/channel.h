#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "http/http_client.h"
#include "route/notifier.h"
#include "route/route_config.h"

// The channels: how one notification becomes one message of a service. One file a kind; the list is
// channels.def. A channel renders, sends and classifies, nothing else: retries, order, rate limits
// and breakers are the outbox's.
namespace tocsin {

// One attempt's outcome.
struct SendResult {
  enum class Outcome : std::uint8_t {
    kDelivered,
    kRetry,     // 408, 425, 429, 5xx, transport
    kDead,      // can never succeed: other 4xx, a refused address, a body the service rejects
    kDisabled,  // 410: the channel is to be disabled
  } outcome = Outcome::kDelivered;
  int status = 0;                    // HTTP or SMTP code, 0 when there was none
  std::string message;               // for the attempt's record; at most 512 bytes, no secrets
  std::int64_t retry_after_us = -1;  // the service's wish (both forms of Retry-After), -1 = none
};

// Stays the same over all attempts of one notification.
struct SendContext {
  std::string delivery_id;  // webhook-id, dedup key of this message
  std::uint32_t attempt = 1;
  std::int64_t now_us = 0;       // wall clock: webhook-timestamp
  bool possible_repeat = false;  // an earlier attempt may have arrived: say so where the service
                                 // does not deduplicate
};

// What a message is made of: rendered once when the notification is queued, and stored, so that a
// retry and a redelivery send the same bytes.
struct RenderedMessage {
  std::string content_type;
  std::string body;  // what the channel sends (JSON, form, RFC 5322); bounded by the kind's limit
  // Besides authentication. A name with a ':' before it is for the channel alone and never sent:
  // the path of the service, the level of a log line.
  std::vector<std::pair<std::string, std::string>> headers;
};

class Channel {
 public:
  virtual ~Channel() = default;
  // Pure and deterministic. An Error is a dead letter.
  virtual Result<RenderedMessage> Render(const Notification& notification) const = 0;
  // Blocking; `client` is the worker's.
  virtual SendResult Send(const RenderedMessage& message, const SendContext& context,
                          HttpClient& client) = 0;
  // Whether the service drops a second message of the same delivery_id.
  virtual bool deduplicates() const = 0;
};

// The parts that channels need from the program.
struct ChannelEnvironment {
  OutgoingPolicy policy;
  std::string external_url;  // of the dashboard, for links; may be empty
  // Appends a record to a topic (kafka channel); durable on return.
  std::function<Status(const std::string& topic, std::string_view key, std::string_view value)>
      append;
};

// One kind as data: for `channels`, the reference page and the checks.
struct ChannelOption {
  std::string_view key;  // as in ChannelConfig::options, lists and maps as "headers.*"
  std::string_view doc;
  bool required = false;
  bool secret = false;  // also as <key>_file; never shown
};
struct ChannelKind {
  std::string_view name;        // slack
  std::string_view config_key;  // slack_configs
  std::string_view summary;
  std::span<const ChannelOption> options;
  std::span<const std::string_view> ignored;  // options of Alertmanager that have no effect here
  bool http = true;                           // takes http_config.*
  bool deduplicates = false;
  // Defaults of the outbox for this kind.
  std::uint32_t rate_per_minute = 600;
  Result<std::unique_ptr<Channel>> (*make)(const ChannelConfig& config,
                                           const ChannelEnvironment& environment);
};
// docs/reference/channels.md.
std::string ChannelsReferenceMarkdown();
std::span<const ChannelKind* const> ChannelKinds();
const ChannelKind* FindChannelKind(std::string_view name);

// Checks the options (unknown keys with suggestions, missing ones, URLs, templates, secret files)
// and makes the channel. kConfiguration with every mistake, one a line, naming the channel and the
// option, never a secret.
Result<std::unique_ptr<Channel>> MakeChannel(const ChannelConfig& config,
                                             const ChannelEnvironment& environment);

}  // namespace tocsin
