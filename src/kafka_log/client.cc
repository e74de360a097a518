#include "kafka_log/client.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <utility>

#include "base/logging.h"
#include "kafka_log/kafka_error.h"

namespace tocsin {
namespace {

constexpr std::string_view kComponent = "kafka";
constexpr int kMetadataTimeoutMs = 1'000;

// The settings of every client. Research on librdkafka's defaults: docs/decisions/0009.
Client::Settings BaseSettings(const KafkaOptions& options) {
  Client::Settings settings = {
      {"bootstrap.servers", options.brokers},
      {"client.id", options.instance_id.empty() ? options.app_id : options.instance_id},
      {"security.protocol", options.security.protocol},
      {"socket.timeout.ms", std::to_string(options.request_timeout_ms)},
      {"socket.keepalive.enable", "true"},
      {"socket.nagle.disable", "true"},
      {"reconnect.backoff.ms", "50"},
      {"reconnect.backoff.max.ms", "2000"},
      {"allow.auto.create.topics", "false"},
      {"log.connection.close", "false"},
      {"topic.metadata.refresh.fast.interval.ms", "50"},
  };
  const KafkaSecurity& security = options.security;
  const auto set = [&](const char* key, const std::string& value) {
    if (!value.empty()) settings[key] = value;
  };
  if (security.protocol.ends_with("SSL")) {
    set("ssl.ca.location", security.ca_file);
    set("ssl.certificate.location", security.certificate_file);
    set("ssl.key.location", security.key_file);
    set("ssl.key.password", security.key_password);
  }
  if (security.protocol.starts_with("SASL")) {
    set("sasl.mechanisms", security.mechanism);
    set("sasl.username", security.user);
    set("sasl.password", security.password);
    if (security.mechanism == "OAUTHBEARER") {
      settings["sasl.oauthbearer.method"] = "oidc";
      set("sasl.oauthbearer.token.endpoint.url", security.oauth_token_url);
      set("sasl.oauthbearer.client.id", security.oauth_client_id);
      set("sasl.oauthbearer.client.secret", security.oauth_client_secret);
      set("sasl.oauthbearer.scope", security.oauth_scope);
    }
  }
  return settings;
}

Status Apply(rd_kafka_conf_t* conf, const Client::Settings& settings) {
  for (const auto& [key, value] : settings) {
    char reason[256];
    if (rd_kafka_conf_set(conf, key.c_str(), value.c_str(), reason, sizeof reason) ==
        RD_KAFKA_CONF_OK) {
      continue;
    }
    // The reason may quote the value, which may be a secret.
    const bool secret =
        key.find("password") != std::string::npos || key.find("secret") != std::string::npos;
    return Fail(Code::kConfiguration, "the Kafka client refuses " + key + ": " +
                                          (secret ? "the value cannot be used" : reason));
  }
  return {};
}

constexpr const char* kInterceptor = "tocsin";
thread_local bool in_broker_thread = false;  // one of librdkafka's that speak to a broker

// The requests that change what a transaction holds or how it ends.
bool IsOfTransaction(std::int16_t api_key) {
  constexpr std::int16_t kAddPartitionsToTxn = 24;
  constexpr std::int16_t kAddOffsetsToTxn = 25;
  constexpr std::int16_t kEndTxn = 26;
  constexpr std::int16_t kTxnOffsetCommit = 28;
  return api_key == kAddPartitionsToTxn || api_key == kAddOffsetsToTxn || api_key == kEndTxn ||
         api_key == kTxnOffsetCommit;
}

std::string_view Trimmed(const char* text) {
  std::string_view view(text == nullptr ? "" : text);
  while (!view.empty() && (view.back() == '\n' || view.back() == ' ')) view.remove_suffix(1);
  return view;
}

}  // namespace

// librdkafka's C signatures.
struct ClientTrampolines {
  static void Error(rd_kafka_t* rk, int error, const char* reason, void* self) {
    Client::OnError(rk, error, reason, self);
  }
  static void Log(const rd_kafka_t* rk, int level, const char* facility, const char* text) {
    Client::OnLog(rk, level, facility, text);
  }
  static void Delivered(rd_kafka_t* /*rk*/, const rd_kafka_message_t* message, void* self) {
    const Client& client = *static_cast<Client*>(self);
    client.callbacks_.delivered(*message, client.callbacks_.context);
  }
  static rd_kafka_resp_err_t Sent(rd_kafka_t* /*rk*/, int /*socket*/, const char* /*broker*/,
                                  std::int32_t /*broker_id*/, std::int16_t api_key,
                                  std::int16_t /*version*/, std::int32_t /*correlation*/,
                                  std::size_t /*size*/, void* self) {
    if (IsOfTransaction(api_key)) ++static_cast<Client*>(self)->sent_;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  }
  static rd_kafka_resp_err_t Received(rd_kafka_t* /*rk*/, int /*socket*/, const char* /*broker*/,
                                      std::int32_t /*broker_id*/, std::int16_t api_key,
                                      std::int16_t /*version*/, std::int32_t /*correlation*/,
                                      std::size_t /*size*/, std::int64_t /*round_trip*/,
                                      rd_kafka_resp_err_t error, void* self) {
    // An error stands for an answer that will never come. librdkafka tells of most answers twice:
    // when its broker thread reads them, and when another thread takes them from there.
    if (in_broker_thread && error == RD_KAFKA_RESP_ERR_NO_ERROR && IsOfTransaction(api_key)) {
      ++static_cast<Client*>(self)->answered_;
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  }
  static rd_kafka_resp_err_t ThreadStarted(rd_kafka_t* /*rk*/, rd_kafka_thread_type_t type,
                                           const char* /*name*/, void* /*self*/) {
    in_broker_thread = type == RD_KAFKA_THREAD_BROKER;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  }
  static rd_kafka_resp_err_t New(rd_kafka_t* rk, const rd_kafka_conf_t* /*conf*/, void* self,
                                 char* /*reason*/, std::size_t /*reason_size*/) {
    rd_kafka_resp_err_t failed =
        rd_kafka_interceptor_add_on_thread_start(rk, kInterceptor, &ThreadStarted, self);
    if (failed == RD_KAFKA_RESP_ERR_NO_ERROR) {
      failed = rd_kafka_interceptor_add_on_request_sent(rk, kInterceptor, &Sent, self);
    }
    if (failed == RD_KAFKA_RESP_ERR_NO_ERROR) {
      failed = rd_kafka_interceptor_add_on_response_received(rk, kInterceptor, &Received, self);
    }
    return failed;
  }
  static void Rebalanced(rd_kafka_t* /*rk*/, rd_kafka_resp_err_t event,
                         rd_kafka_topic_partition_list_t* partitions, void* self) {
    const Client& client = *static_cast<Client*>(self);
    client.callbacks_.rebalance(event, *partitions, client.callbacks_.context);
  }
};

Result<std::unique_ptr<Client>> Client::Make(const KafkaOptions& options, ClientKind kind,
                                             const Settings& settings, Callbacks callbacks) {
  std::unique_ptr<Client> client(new Client());
  client->security_ = options.security;
  client->security_.password.clear();
  client->security_.key_password.clear();
  client->security_.oauth_client_secret.clear();
  client->brokers_ = options.brokers;
  client->callbacks_ = callbacks;
  RdConf conf(rd_kafka_conf_new());
  TOCSIN_TRY(Apply(conf.get(), BaseSettings(options)));
  TOCSIN_TRY(Apply(conf.get(), settings));
  rd_kafka_conf_set_opaque(conf.get(), client.get());
  rd_kafka_conf_set_error_cb(conf.get(), &ClientTrampolines::Error);
  rd_kafka_conf_set_log_cb(conf.get(), &ClientTrampolines::Log);
  if (callbacks.delivered != nullptr) {
    rd_kafka_conf_set_dr_msg_cb(conf.get(), &ClientTrampolines::Delivered);
  }
  if (callbacks.rebalance != nullptr) {
    rd_kafka_conf_set_rebalance_cb(conf.get(), &ClientTrampolines::Rebalanced);
  }
  if (settings.contains("transactional.id")) {
    rd_kafka_conf_interceptor_add_on_new(conf.get(), kInterceptor, &ClientTrampolines::New,
                                         client.get());
  }
  char reason[512];
  client->rk_ = rd_kafka_new(kind == ClientKind::kConsumer ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER,
                             conf.get(), reason, sizeof reason);
  if (client->rk_ == nullptr) {
    return Fail(Code::kConfiguration,
                "the Kafka client cannot be made: " + std::string(Trimmed(reason)));
  }
  static_cast<void>(conf.release());  // owned by the handle now
  return client;
}

Client::~Client() {
  if (rk_ != nullptr) rd_kafka_destroy(rk_);
}

void Client::OnError(rd_kafka_s* /*rk*/, int error, const char* reason, void* self) {
  Client& client = *static_cast<Client*>(self);
  if (error == RD_KAFKA_RESP_ERR__TRANSPORT || error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
    client.lost_connections_ = true;
  }
  const std::lock_guard lock(client.mutex_);
  // What a broker says is worth more than that none is left.
  if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && client.complaint_.error != 0) return;
  client.complaint_ = {error, std::string(Trimmed(reason))};
}

void Client::OnLog(const rd_kafka_s* rk, int level, const char* facility, const char* text) {
  constexpr int kSyslogWarning = 4;
  constexpr int kSyslogError = 3;
  // Lost connections are told by those who wait for an answer; here they would be a line a second.
  const std::string_view from = facility;
  const bool connection = from == "FAIL" || from == "ERROR";
  const LogLevel ours = connection || level > kSyslogWarning ? LogLevel::kDebug
                        : level <= kSyslogError              ? LogLevel::kError
                                                             : LogLevel::kWarning;
  LogMessage(ours, kComponent, Trimmed(text),
             {{"client", rk == nullptr ? "" : rd_kafka_name(rk)}, {"from", std::string(from)}});
}

Client::Complaint Client::complaint() const {
  const std::lock_guard lock(mutex_);
  return complaint_;
}

Status Client::WaitForBroker(std::int64_t timeout_us) {
  std::int64_t left_ms = std::max<std::int64_t>(1, timeout_us / 1000);
  for (;;) {
    const int wait_ms = static_cast<int>(std::min<std::int64_t>(left_ms, kMetadataTimeoutMs));
    const rd_kafka_metadata_t* metadata = nullptr;
    const rd_kafka_resp_err_t answer = rd_kafka_metadata(rk_, 0, nullptr, &metadata, wait_ms);
    if (metadata != nullptr) rd_kafka_metadata_destroy(metadata);
    if (answer == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
    rd_kafka_poll(rk_, 0);  // error callbacks
    Complaint last = complaint();
    // TLS 1.3 refuses a client after the handshake, which librdkafka takes for a lost connection.
    if (last.text.find("SSL alert number") != std::string::npos) {
      last.error = RD_KAFKA_RESP_ERR__SSL;
    }
    if (IsRefusal(last.error)) {
      std::string who = "Kafka at " + brokers_ + " refuses this client (" + security_.protocol;
      if (!security_.mechanism.empty()) who += ", " + security_.mechanism;
      if (!security_.user.empty()) who += ", user " + security_.user;
      return std::unexpected(KafkaError(last.error, who + ")", last.text));
    }
    left_ms -= wait_ms;
    if (left_ms > 0) continue;
    const std::string_view why =
        last.text.empty() ? std::string_view(rd_kafka_err2str(answer)) : last.text;
    return Fail(Code::kUnavailable,
                "Kafka at " + brokers_ + " does not answer: " + std::string(why));
  }
}

}  // namespace tocsin
