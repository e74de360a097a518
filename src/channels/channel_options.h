#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "channels/channel.h"
#include "template/message_template.h"

namespace tocsin {

// Reads the options of one channel. A mistake gives an empty value and is remembered; Finish()
// tells them all. Messages name the channel and the option, never the value of a secret.
class ChannelOptions {
 public:
  ChannelOptions(const ChannelConfig& config, const ChannelEnvironment& environment)
      : config_(config), environment_(environment) {}

  bool Has(const std::string& key) const { return config_.options.contains(key); }
  std::string Text(const std::string& key, std::string_view otherwise = {}) const;
  // The value, or the content of the file named by <key>_file without white space around it.
  std::string Secret(const std::string& key);
  std::string RequiredSecret(const std::string& key);
  std::string Required(const std::string& key);
  bool Bool(const std::string& key, bool otherwise);
  std::int64_t Number(const std::string& key, std::int64_t otherwise, std::int64_t min,
                      std::int64_t max);
  std::string Choice(const std::string& key, std::string_view otherwise,
                     std::initializer_list<std::string_view> choices);
  // A URL that the policy may allow; also as <key>_file.
  std::string Url(const std::string& key, std::string_view otherwise = {});
  MessageTemplate Template(const std::string& key, std::string_view otherwise, Escape escape);
  // key.NAME → (NAME, value).
  std::vector<std::pair<std::string, std::string>> Map(const std::string& key) const;
  // `key` split at commas, and key.0, key.1 …
  std::vector<std::string> List(const std::string& key) const;
  // Credentials and certificates of http_config, for every request of the channel.
  HttpRequest Http();
  // Certificates of <prefix>ca_file, …; Mail takes them too.
  void Tls(const std::string& prefix, HttpRequest& request);

  void Mistake(const std::string& key, const std::string& message);
  Status Finish() const;

 private:
  // "; set it here or as slack_api_url under global", or "".
  std::string WhereElse(const std::string& key) const;

  const ChannelConfig& config_;
  const ChannelEnvironment& environment_;
  std::vector<std::string> mistakes_;
};

// "routes.yaml:7:9: channel ops/slack[0]: TEXT" for the option, or the channel when the option is
// not in the file; without the place when the channel is in none.
std::string ChannelMistake(const ChannelConfig& config, const std::string& key,
                           const std::string& text);

// Every key must be one of the kind's, of http_config's, or one that is accepted without effect.
Status CheckOptionKeys(const ChannelKind& kind, const ChannelConfig& config);
std::span<const ChannelOption> HttpOptions();

}  // namespace tocsin
