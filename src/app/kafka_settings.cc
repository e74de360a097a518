#include "app/kafka_settings.h"

#include <algorithm>

#include "base/file.h"

namespace tocsin {
namespace {

// The secret itself, or the content of the file that holds it without its last line end.
Status TakeSecret(const std::string& value, const std::string& file, const char* key,
                  std::string& secret) {
  secret = value;
  if (file.empty()) return {};
  if (!value.empty()) {
    return Fail(Code::kConfiguration,
                std::string(key) + " and " + key + "_FILE are both set; keep one");
  }
  auto content = ReadWholeFile(file);
  if (!content) {
    return Fail(Code::kConfiguration,
                std::string(key) + "_FILE='" + file + "': " + content.error().message());
  }
  secret = std::move(*content);
  while (secret.ends_with('\n') || secret.ends_with('\r')) secret.pop_back();
  return {};
}

Status Require(const std::string& value, const char* key, const std::string& why) {
  if (!value.empty()) return {};
  return Fail(Code::kConfiguration, std::string(key) + " is not set; " + why + " needs it");
}

Status CheckSecurity(const KafkaSecurity& security) {
  if (!security.protocol.starts_with("SASL")) {
    if (security.mechanism.empty()) return {};
    return Fail(Code::kConfiguration, "KAFKA_SASL_MECHANISM=" + security.mechanism +
                                          " has no use with KAFKA_SECURITY_PROTOCOL=" +
                                          security.protocol + "; set SASL_SSL");
  }
  const std::string why = "KAFKA_SECURITY_PROTOCOL=" + security.protocol;
  TOCSIN_TRY(Require(security.mechanism, "KAFKA_SASL_MECHANISM", why));
  if (security.mechanism == "OAUTHBEARER") {
    const std::string oauth = "KAFKA_SASL_MECHANISM=OAUTHBEARER";
    TOCSIN_TRY(Require(security.oauth_token_url, "KAFKA_OAUTH_TOKEN_URL", oauth));
    TOCSIN_TRY(Require(security.oauth_client_id, "KAFKA_OAUTH_CLIENT_ID", oauth));
    return Require(security.oauth_client_secret, "KAFKA_OAUTH_CLIENT_SECRET", oauth);
  }
  const std::string mechanism = "KAFKA_SASL_MECHANISM=" + security.mechanism;
  TOCSIN_TRY(Require(security.user, "KAFKA_SASL_USERNAME", mechanism));
  return Require(security.password, "KAFKA_SASL_PASSWORD", mechanism);
}

}  // namespace

Result<KafkaOptions> KafkaOptionsFor(const Settings& settings) {
  KafkaOptions options;
  options.brokers = settings.kafka_broker;
  options.app_id = settings.kafka_app_id;
  options.instance_id = settings.kafka_instance_id;
  options.compression = settings.log_compression == "none"   ? Compression::kNone
                        : settings.log_compression == "zstd" ? Compression::kZstd
                                                             : Compression::kLz4;
  options.state_partitions = static_cast<std::int32_t>(settings.topic_partitions);
  options.replication =
      settings.kafka_replication == 0 ? -1 : static_cast<int>(settings.kafka_replication);
  options.at_least_once = settings.kafka_delivery == "at_least_once";
  options.connect_timeout_us = settings.kafka_connect_timeout_us;
  options.transaction_timeout_ms = static_cast<int>(settings.kafka_transaction_timeout_us / 1000);
  options.session_timeout_ms = static_cast<int>(settings.kafka_session_timeout_us / 1000);
  options.request_timeout_ms =
      std::min(options.request_timeout_ms, options.transaction_timeout_ms * 2 / 3);
  KafkaSecurity& security = options.security;
  security.protocol = settings.kafka_security_protocol;
  if (settings.kafka_sasl_mechanism != "none") security.mechanism = settings.kafka_sasl_mechanism;
  security.user = settings.kafka_sasl_username;
  security.ca_file = settings.kafka_ssl_ca_file;
  security.certificate_file = settings.kafka_ssl_certificate_file;
  security.key_file = settings.kafka_ssl_key_file;
  security.key_password = settings.kafka_ssl_key_password;
  security.oauth_token_url = settings.kafka_oauth_token_url;
  security.oauth_client_id = settings.kafka_oauth_client_id;
  security.oauth_scope = settings.kafka_oauth_scope;
  TOCSIN_TRY(TakeSecret(settings.kafka_sasl_password, settings.kafka_sasl_password_file,
                        "KAFKA_SASL_PASSWORD", security.password));
  TOCSIN_TRY(TakeSecret(settings.kafka_oauth_client_secret, settings.kafka_oauth_client_secret_file,
                        "KAFKA_OAUTH_CLIENT_SECRET", security.oauth_client_secret));
  TOCSIN_TRY(CheckSecurity(security));
  return options;
}

}  // namespace tocsin
