#include "channels/channel_options.h"

#include <sys/stat.h>
#include <algorithm>
#include <array>
#include <charconv>

#include "base/file.h"
#include "base/logging.h"
#include "base/text.h"

namespace tocsin {
namespace {

constexpr std::int64_t kMaxSecretBytes = 64 * 1024;
constexpr std::string_view kSpace = " \t\r\n";

constexpr auto kHttpOptions = std::to_array<ChannelOption>({
    {"http_config.authorization.type", "Scheme of the credentials, `Bearer` by default"},
    {"http_config.authorization.credentials", "Credentials of every request", false, true},
    {"http_config.bearer_token", "The same with the scheme `Bearer`", false, true},
    {"http_config.basic_auth.username", "User of basic authentication"},
    {"http_config.basic_auth.password", "Password of basic authentication", false, true},
    {"http_config.tls_config.ca_file", "Certificates that verify the server"},
    {"http_config.tls_config.cert_file", "Client certificate"},
    {"http_config.tls_config.key_file", "Key of the client certificate"},
    {"http_config.tls_config.insecure_skip_verify", "Do not verify the server; warned of at start"},
});
constexpr auto kIgnoredHttp = std::to_array<std::string_view>(
    {"http_config.follow_redirects", "http_config.enable_http2",
     "http_config.tls_config.min_version", "http_config.proxy_from_environment", "timeout"});

std::string Trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

Result<std::string> ReadSecretFile(const std::string& path) {
  struct stat info{};
  if (stat(path.c_str(), &info) == 0 && info.st_size > kMaxSecretBytes) {
    return Fail(Code::kConfiguration, "file " + path + " is above 64 KiB");
  }
  TOCSIN_ASSIGN(const std::string bytes, ReadWholeFile(path));
  std::string secret = Trimmed(bytes);
  if (secret.empty()) return Fail(Code::kConfiguration, "file " + path + " is empty");
  return secret;
}

// "headers.*" takes headers.Subject.
bool Takes(const ChannelOption& option, std::string_view key) {
  if (option.key == key) return true;
  if (option.secret && key.ends_with("_file") && key.substr(0, key.size() - 5) == option.key) {
    return true;
  }
  return option.key.ends_with(".*") && key.starts_with(option.key.substr(0, option.key.size() - 1));
}

bool Ignores(std::string_view pattern, std::string_view key) {
  if (!pattern.ends_with('*')) return pattern == key;
  return key.starts_with(pattern.substr(0, pattern.size() - 1));
}

}  // namespace

std::span<const ChannelOption> HttpOptions() {
  return kHttpOptions;
}

std::string ChannelOptions::Text(const std::string& key, std::string_view otherwise) const {
  const auto found = config_.options.find(key);
  return found == config_.options.end() ? std::string(otherwise) : found->second;
}

std::string ChannelMistake(const ChannelConfig& config, const std::string& key,
                           const std::string& text) {
  const auto at = config.places.find(key);
  const SourcePlace place = at == config.places.end() ? config.place : at->second;
  std::string mistake;
  if (place.line > 0) {
    mistake =
        config.file + ":" + std::to_string(place.line) + ":" + std::to_string(place.column) + ": ";
  }
  return mistake + "channel " + config.name + ": " + text;
}

void ChannelOptions::Mistake(const std::string& key, const std::string& message) {
  mistakes_.push_back(ChannelMistake(config_, key, "option " + key + ": " + message));
}

Status ChannelOptions::Finish() const {
  if (mistakes_.empty()) return {};
  std::string text;
  for (const std::string& mistake : mistakes_) {
    text += (text.empty() ? "" : "\n") + mistake;
  }
  return Fail(Code::kConfiguration, text);
}

std::string ChannelOptions::WhereElse(const std::string& key) const {
  const auto global = config_.global_keys.find(key);
  if (global == config_.global_keys.end()) return "";
  return "; set it here or as " + global->second + " under global";
}

std::string ChannelOptions::Secret(const std::string& key) {
  if (Has(key)) return Trimmed(Text(key));
  if (!Has(key + "_file")) return {};
  Result<std::string> secret = ReadSecretFile(Text(key + "_file"));
  if (secret) return std::move(*secret);
  Mistake(key + "_file", secret.error().message());
  return {};
}

std::string ChannelOptions::RequiredSecret(const std::string& key) {
  const std::size_t before = mistakes_.size();
  std::string secret = Secret(key);
  if (secret.empty() && mistakes_.size() == before) {
    Mistake(key, "is missing; set it, or " + key + "_file to the path of a file with it" +
                     WhereElse(key));
  }
  return secret;
}

std::string ChannelOptions::Required(const std::string& key) {
  std::string text = Text(key);
  if (text.empty()) Mistake(key, "is missing" + WhereElse(key));
  return text;
}

bool ChannelOptions::Bool(const std::string& key, bool otherwise) {
  if (!Has(key)) return otherwise;
  const std::string text = Text(key);
  if (text == "true" || text == "yes" || text == "on") return true;
  if (text != "false" && text != "no" && text != "off") Mistake(key, "must be true or false");
  return false;
}

std::int64_t ChannelOptions::Number(const std::string& key, std::int64_t otherwise,
                                    std::int64_t min, std::int64_t max) {
  if (!Has(key)) return otherwise;
  const std::string text = Text(key);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size() && value >= min && value <= max) {
    return value;
  }
  Mistake(key, "must be a number from " + std::to_string(min) + " to " + std::to_string(max));
  return otherwise;
}

std::string ChannelOptions::Choice(const std::string& key, std::string_view otherwise,
                                   std::initializer_list<std::string_view> choices) {
  std::string text = Text(key, otherwise);
  if (std::ranges::find(choices, text) != choices.end()) return text;
  std::string known;
  for (const std::string_view choice : choices)
    known.append(known.empty() ? "" : ", ").append(choice);
  Mistake(key, "'" + text + "' is not one of " + known);
  return text;
}

std::string ChannelOptions::Url(const std::string& key, std::string_view otherwise) {
  std::string url = Secret(key);
  if (url.empty()) url = otherwise;
  if (url.empty()) {
    Mistake(key, "is missing" + WhereElse(key));
    return {};
  }
  const Status status = CheckUrl(url, environment_.policy);
  if (!status) Mistake(key, status.error().message());
  return url;
}

MessageTemplate ChannelOptions::Template(const std::string& key, std::string_view otherwise,
                                         Escape escape) {
  static const TemplateFiles kNoFiles;
  const TemplateFiles& files = config_.templates == nullptr ? kNoFiles : *config_.templates;
  std::string text = Text(key, otherwise);
  // As in Alertmanager, whose defaults are templates by these names.
  const std::string name = config_.kind + ".default." + key;
  if (!Has(key) && DefinesTemplate(files, name)) text = "{{ template \"" + name + "\" . }}";
  auto made = MessageTemplate::Parse(text, escape, files);
  if (made) return std::move(*made);
  Mistake(key, "template " + made.error().message());
  return *MessageTemplate::Parse("", escape);
}

std::vector<std::pair<std::string, std::string>> ChannelOptions::Map(const std::string& key) const {
  std::vector<std::pair<std::string, std::string>> entries;
  const std::string prefix = key + ".";
  for (auto at = config_.options.lower_bound(prefix);
       at != config_.options.end() && at->first.starts_with(prefix); ++at) {
    entries.emplace_back(at->first.substr(prefix.size()), at->second);
  }
  return entries;
}

std::vector<std::string> ChannelOptions::List(const std::string& key) const {
  std::vector<std::string> list;
  const auto add = [&](const std::string& text) {
    for (std::size_t at = 0; at <= text.size();) {
      const std::size_t end = std::min(text.find(',', at), text.size());
      if (std::string item = Trimmed(text.substr(at, end - at)); !item.empty()) {
        list.push_back(std::move(item));
      }
      at = end + 1;
    }
  };
  add(Text(key));
  for (const auto& [number, text] : Map(key)) add(text);
  return list;
}

void ChannelOptions::Tls(const std::string& prefix, HttpRequest& request) {
  request.ca_file = Text(prefix + "ca_file");
  request.cert_file = Text(prefix + "cert_file");
  request.key_file = Text(prefix + "key_file");
  request.insecure_skip_verify = Bool(prefix + "insecure_skip_verify", false);
  if (request.insecure_skip_verify) {
    LogWarning("channels", "the server's certificate is not verified",
               {{"channel", config_.name}, {"option", prefix + "insecure_skip_verify"}});
  }
}

HttpRequest ChannelOptions::Http() {
  HttpRequest request;
  Tls("http_config.tls_config.", request);
  const std::string credentials = Secret("http_config.authorization.credentials");
  const std::string type = Text("http_config.authorization.type", "Bearer");
  request.bearer_token = Secret("http_config.bearer_token");
  if (!credentials.empty() && type == "Bearer") {
    request.bearer_token = credentials;
  } else if (!credentials.empty()) {
    request.headers.emplace_back("Authorization", type + " " + credentials);
  }
  request.basic_user = Text("http_config.basic_auth.username");
  request.basic_password = Secret("http_config.basic_auth.password");
  return request;
}

Status CheckOptionKeys(const ChannelKind& kind, const ChannelConfig& config) {
  std::vector<std::string_view> known;
  for (const ChannelOption& option : kind.options) known.push_back(option.key);
  for (const ChannelOption& option : kHttpOptions) {
    if (kind.http) known.push_back(option.key);
  }
  std::string mistakes;
  for (const auto& [key, value] : config.options) {
    const auto takes = [&](const ChannelOption& option) { return Takes(option, key); };
    const auto ignores = [&](std::string_view pattern) { return Ignores(pattern, key); };
    if (std::ranges::any_of(kind.options, takes) || std::ranges::any_of(kind.ignored, ignores)) {
      continue;
    }
    if (kind.http &&
        (std::ranges::any_of(kHttpOptions, takes) || std::ranges::any_of(kIgnoredHttp, ignores))) {
      continue;
    }
    std::string text = "unknown option " + key;
    if (const std::string_view nearest = Nearest(key, known); !nearest.empty()) {
      text += ", did you mean " + std::string(nearest) + "?";
    }
    mistakes += (mistakes.empty() ? "" : "\n") + ChannelMistake(config, key, text);
  }
  if (mistakes.empty()) return {};
  return Fail(Code::kConfiguration, mistakes);
}

}  // namespace tocsin
