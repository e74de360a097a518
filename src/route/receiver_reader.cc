#include "route/receiver_reader.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/text.h"

namespace tocsin {
namespace {

struct KnownKind {
  std::string_view key;   // of the file
  std::string_view kind;  // of ours; empty for a service that is not supported
  bool send_resolved = true;
  bool http = true;  // takes http_config
};

// Two services of Alertmanager's Teams differ in the URL alone.
constexpr KnownKind kKinds[] = {
    {"webhook_configs", "webhook"},
    {"slack_configs", "slack", false},
    {"email_configs", "email", false, false},
    {"pagerduty_configs", "pagerduty"},
    {"opsgenie_configs", "opsgenie"},
    {"telegram_configs", "telegram"},
    {"msteams_configs", "msteams"},
    {"msteamsv2_configs", "msteams"},
    {"twilio_configs", "twilio"},
    {"ntfy_configs", "ntfy"},
    {"alertmanager_configs", "alertmanager"},
    {"kafka_configs", "kafka", true, false},
    {"log_configs", "log", true, false},
    {"discord_configs", ""},
    {"incidentio_configs", ""},
    {"jira_configs", ""},
    {"mattermost_configs", ""},
    {"pushover_configs", ""},
    {"rocketchat_configs", ""},
    {"sns_configs", ""},
    {"victorops_configs", ""},
    {"webex_configs", ""},
    {"wechat_configs", ""},
};

// What a channel takes from `global` when it has neither the option nor option_file.
struct Inherited {
  std::string_view kind;
  std::string_view option;
  std::string_view global;
};
constexpr Inherited kInherited[] = {
    {"email", "smarthost", "smtp_smarthost"},
    {"email", "from", "smtp_from"},
    {"email", "hello", "smtp_hello"},
    {"email", "auth_username", "smtp_auth_username"},
    {"email", "auth_password", "smtp_auth_password"},
    {"email", "auth_secret", "smtp_auth_secret"},
    {"email", "auth_identity", "smtp_auth_identity"},
    {"email", "require_tls", "smtp_require_tls"},
    {"email", "force_implicit_tls", "smtp_force_implicit_tls"},
    {"slack", "api_url", "slack_api_url"},
    {"pagerduty", "url", "pagerduty_url"},
    {"opsgenie", "api_url", "opsgenie_api_url"},
    {"opsgenie", "api_key", "opsgenie_api_key"},
    {"telegram", "api_url", "telegram_api_url"},
    {"telegram", "bot_token", "telegram_bot_token"},
};

constexpr std::string_view kGlobalKeys[] = {
    "resolve_timeout", "http_config", "smtp_from", "smtp_hello", "smtp_smarthost",
    "smtp_auth_username", "smtp_auth_password", "smtp_auth_password_file", "smtp_auth_secret",
    "smtp_auth_secret_file", "smtp_auth_identity", "smtp_require_tls", "smtp_tls_config",
    "smtp_force_implicit_tls", "slack_api_url", "slack_api_url_file", "pagerduty_url",
    "opsgenie_api_url", "opsgenie_api_key", "opsgenie_api_key_file", "telegram_api_url",
    "telegram_bot_token", "telegram_bot_token_file",
    // Of services that are not supported, or with no effect:
    "slack_app_token", "slack_app_token_file", "slack_app_url", "wechat_api_url",
    "wechat_api_secret", "wechat_api_secret_file", "wechat_api_corp_id", "victorops_api_url",
    "victorops_api_key", "victorops_api_key_file", "webex_api_url", "rocketchat_api_url",
    "rocketchat_token", "rocketchat_token_file", "rocketchat_token_id", "rocketchat_token_id_file",
    "jira_api_url", "mattermost_webhook_url", "mattermost_webhook_url_file"};

using Options = std::map<std::string, std::string>;

class ReceiverReader {
 public:
  ReceiverReader(const ConfigFields& file, std::string folder, RouteConfig& config,
                 Diagnostics& diagnostics)
      : folder_(std::move(folder)), config_(config), diagnostics_(diagnostics) {
    if (const ConfigNode* global = file.Find("global")) ReadGlobal(*global);
    for (const KnownKind& kind : kKinds) receiver_keys_.push_back(kind.key);
    receiver_keys_.push_back("name");
  }

  void Read(const ConfigNode& node) {
    const ConfigFields fields(node, "receiver", receiver_keys_, diagnostics_);
    Receiver receiver;
    fields.Text("name", receiver.name);
    if (receiver.name.empty()) Mistake(node.place, "a receiver needs a name");
    if (!names_.insert(receiver.name).second) {
      Mistake(node.place, "receiver '" + receiver.name + "' is defined twice");
    }
    std::vector<std::string_view> unsupported;
    for (const KnownKind& kind : kKinds) {
      const std::vector<const ConfigNode*> items = fields.List(kind.key);
      if (kind.kind.empty()) {
        if (!items.empty()) unsupported.push_back(kind.key);
        continue;
      }
      for (const ConfigNode* item : items) ReadChannel(*item, kind, receiver);
    }
    if (!unsupported.empty()) ReportUnsupported(node, receiver, unsupported);
    config_.receivers.push_back(std::move(receiver));
  }

 private:
  void Mistake(SourcePlace place, std::string message) {
    diagnostics_.push_back({place, std::move(message)});
  }

  void ReadGlobal(const ConfigNode& node) {
    const ConfigFields fields(node, "global", kGlobalKeys, diagnostics_);
    if (node.kind != ConfigNode::Kind::kMap) return;
    Flatten(node, "", global_, nullptr);
    std::int64_t unused = 0;
    fields.Duration("resolve_timeout", unused);
    for (const std::string_view key :
         {"resolve_timeout", "slack_app_token", "slack_app_token_file", "slack_app_url"}) {
      if (fields.Find(key) == nullptr) continue;
      config_.warnings.push_back(
          "global." + std::string(key) + " has no effect" +
          (key == "resolve_timeout" ? ": an alert ends when its rule says so" : ""));
    }
    for (const std::string_view text : {"smtp_auth_password", "smtp_auth_secret", "slack_api_url",
                                        "opsgenie_api_key", "telegram_bot_token"}) {
      const std::string file = std::string(text) + "_file";
      if (fields.Find(text) == nullptr || fields.Find(file) == nullptr) continue;
      Mistake(fields.Find(file)->place, "set " + std::string(text) + " or " + file + ", not both");
    }
  }

  // A relative path of a file is relative to the folder of the configuration.
  std::string Located(std::string_view key, const std::string& value) const {
    const bool path = key.ends_with("_file") && !value.empty() && value.front() != '/';
    return path && !folder_.empty() ? folder_ + "/" + value : value;
  }

  void Flatten(const ConfigNode& node, const std::string& prefix, Options& out,
               std::map<std::string, SourcePlace>* places) {
    const bool map = node.kind == ConfigNode::Kind::kMap;
    if (map || node.kind == ConfigNode::Kind::kList) {
      for (std::size_t i = 0; i < node.items.size(); ++i) {
        const std::string name = map ? node.keys[i].text : std::to_string(i);
        Flatten(node.items[i], prefix.empty() ? name : prefix + "." + name, out, places);
      }
    } else if (!node.is_null()) {
      out[prefix] = Located(prefix, node.text);
      if (places != nullptr) (*places)[prefix] = node.place;
    }
  }

  // Takes global_[from…] as options[to…] when the channel has nothing under `to`.
  void InheritTree(std::string_view from, std::string_view to, Options& options) const {
    const std::string prefix = std::string(to) + ".";
    const auto at = options.lower_bound(prefix);
    if (at != options.end() && at->first.starts_with(prefix)) return;
    for (const auto& [key, value] : global_) {
      if (key.starts_with(std::string(from) + ".")) {
        options[std::string(to) + key.substr(from.size())] = value;
      }
    }
  }

  void Inherit(const KnownKind& kind, Options& options) const {
    for (const Inherited& entry : kInherited) {
      if (entry.kind != kind.kind) continue;
      const std::string option(entry.option);
      if (options.contains(option) || options.contains(option + "_file")) continue;
      for (const std::string_view suffix : {"", "_file"}) {
        const auto at = global_.find(std::string(entry.global) + std::string(suffix));
        if (at != global_.end()) options[option + std::string(suffix)] = at->second;
      }
    }
    if (kind.http) InheritTree("http_config", "http_config", options);
    if (kind.kind == "email") InheritTree("smtp_tls_config", "tls_config", options);
  }

  void ReadChannel(const ConfigNode& node, const KnownKind& kind, Receiver& receiver) {
    if (node.kind != ConfigNode::Kind::kMap && !node.is_null()) {
      Mistake(node.place, "an entry of " + std::string(kind.key) + " must be a mapping");
      return;
    }
    std::set<std::string_view> seen;
    for (const ConfigNode::Key& key : node.keys) {
      if (!seen.insert(key.text).second) Mistake(key.place, "'" + key.text + "' is set twice");
    }
    ChannelConfig channel;
    channel.kind = kind.kind;
    const auto same = std::ranges::count(receiver.channels, channel.kind, &ChannelConfig::kind);
    channel.name = receiver.name + "/" + channel.kind + "[" + std::to_string(same) + "]";
    channel.send_resolved = kind.send_resolved;
    channel.place = node.place;
    Flatten(node, "", channel.options, &channel.places);
    if (const auto at = channel.options.find("send_resolved"); at != channel.options.end()) {
      const std::optional<bool> value = BoolOf(at->second);
      if (!value) Mistake(channel.places[at->first], "send_resolved must be true or false");
      channel.send_resolved = value.value_or(true);
      channel.places.erase(at->first);
      channel.options.erase(at);
    }
    Inherit(kind, channel.options);
    for (const Inherited& entry : kInherited) {
      if (entry.kind == kind.kind) {
        channel.global_keys.emplace(entry.option, entry.global);
      }
    }
    receiver.channels.push_back(std::move(channel));
  }

  void ReportUnsupported(const ConfigNode& node, const Receiver& receiver,
                         const std::vector<std::string_view>& kinds) {
    std::string list;
    for (const std::string_view kind : kinds) {
      list += (list.empty() ? "" : ", ") + std::string(kind);
    }
    if (!receiver.channels.empty()) {
      config_.warnings.push_back("receiver '" + receiver.name + "': " + list +
                                 " is not supported and was left out");
      return;
    }
    Mistake(node.place, "receiver '" + receiver.name + "' would reach nobody: " + list +
                            " is not supported; add a webhook_configs entry, or an "
                            "alertmanager_configs entry that passes alerts to an Alertmanager");
  }

  std::string folder_;
  RouteConfig& config_;
  Diagnostics& diagnostics_;
  Options global_;
  std::vector<std::string_view> receiver_keys_;
  std::set<std::string> names_;
};

}  // namespace

void ReadReceivers(const ConfigFields& file, const std::string& folder, RouteConfig& config,
                   Diagnostics& diagnostics) {
  ReceiverReader reader(file, folder, config, diagnostics);
  const std::vector<const ConfigNode*> items = file.List("receivers");
  for (const ConfigNode* item : items) reader.Read(*item);
  if (items.empty()) diagnostics.push_back({{1, 1}, "the file has no 'receivers'"});
}

}  // namespace tocsin
