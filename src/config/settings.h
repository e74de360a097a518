#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/logging.h"
#include "model/metric_spec.h"

namespace tocsin {

enum class AlertMode : std::uint8_t { kTransitions, kEveryEvent };

struct Range {
  double low = 0;
  double high = 0;
};

// Every setting of the program with its default. Names, units, bounds and documentation of each
// stand in the table of settings_table.h, which also makes --help, .env.example and the
// reference page. Durations are microseconds, sizes bytes.
struct Settings {
  // Log
  std::string data_dir = "data";
  std::string kafka_broker;                            // empty = embedded log
  std::string kafka_app_id = "tocsin";                 // KAFKA_APP_ID
  std::string kafka_instance_id;                       // KAFKA_INSTANCE_ID
  std::string kafka_delivery = "exactly_once";         // or at_least_once
  std::int64_t kafka_commit_interval_us = 100'000;     // KAFKA_COMMIT_INTERVAL
  std::int64_t kafka_replication = 0;                  // KAFKA_REPLICATION; 0 = broker's default
  std::int64_t kafka_connect_timeout_us = 0;           // KAFKA_CONNECT_TIMEOUT; 0 = for ever
  std::int64_t kafka_session_timeout_us = 10'000'000;  // KAFKA_SESSION_TIMEOUT
  std::int64_t kafka_transaction_timeout_us = 15'000'000;  // KAFKA_TRANSACTION_TIMEOUT
  std::int64_t kafka_spool_bytes = 1LL << 30;              // KAFKA_SPOOL_BYTES; 0 = no spool
  std::string kafka_security_protocol = "PLAINTEXT";
  std::string kafka_sasl_mechanism = "none";  // PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER
  std::string kafka_sasl_username;
  std::string kafka_sasl_password;  // secret
  std::string kafka_sasl_password_file;
  std::string kafka_ssl_ca_file;
  std::string kafka_ssl_certificate_file;
  std::string kafka_ssl_key_file;
  std::string kafka_ssl_key_password;  // secret
  std::string kafka_oauth_token_url;
  std::string kafka_oauth_client_id;
  std::string kafka_oauth_client_secret;  // secret
  std::string kafka_oauth_client_secret_file;
  std::string kafka_oauth_scope;
  std::string raw_topic = "iot.raw";
  std::string processed_topic = "iot.processed";
  std::string alert_topic = "iot.alerts";
  std::string dlq_topic = "iot.dlq";
  std::int64_t topic_partitions = 4;                     // TOPIC_PARTITIONS
  std::int64_t retention_bytes = 10LL << 30;             // RETENTION_BYTES, per topic
  std::int64_t retention_us = 7LL * 86'400 * 1'000'000;  // RETENTION_AGE
  bool retention_force = false;                          // RETENTION_FORCE
  std::string log_compression = "lz4";                   // LOG_COMPRESSION: none, lz4, zstd
  std::int64_t disk_reserve_bytes = 256LL << 20;         // DISK_RESERVE: ingest is refused below it

  // Generator
  double gen_interval_seconds = 5;
  std::int64_t gen_device_count = 10;
  std::string gen_http_url = "http://127.0.0.1:8501";  // GEN_HTTP_URL: of the sink http
  std::string gen_http_token;                          // secret
  Range temp_range{20, 55};
  Range humidity_range{20, 90};

  // Event
  std::vector<MetricSpec> metrics = DefaultMetrics();
  std::int64_t max_event_bytes = 64 * 1024;  // MAX_EVENT_BYTES
  std::int64_t max_event_depth = 16;         // MAX_EVENT_DEPTH
  std::int64_t max_event_fields = 64;        // MAX_EVENT_FIELDS

  // Processing
  double temp_alert_threshold = 50;
  double humidity_alert_threshold = 25;
  AlertMode alert_mode = AlertMode::kTransitions;
  std::int64_t allowed_lateness_us = 0;
  std::int64_t max_clock_skew_us = 300'000'000;
  std::int64_t dedup_window_us = 0;
  std::string rules_file;
  std::string fleet_file;  // FLEET_FILE: devices with their labels
  std::string streaming_group_id = "stream-processor";
  std::string streaming_auto_offset = "earliest";  // earliest, latest
  std::int64_t streaming_poll_timeout_ms = 100;
  std::int64_t streaming_batch_size = 10'000;

  // Batch. A path left at its default follows an explicit data directory.
  std::string raw_data_path = "data/raw";
  std::string processed_data_path = "data/processed";
  std::string batch_input_path = "data/raw/sensor_log.jsonl";
  std::string batch_agg_filename = "aggregates.parquet";
  std::string batch_cleansed_filename = "cleansed.parquet";
  std::int64_t batch_interval_us = 60'000'000;    // BATCH_INTERVAL: inside `up`; 0 = off
  std::int64_t batch_memory_bytes = 512LL << 20;  // BATCH_MEMORY_LIMIT

  // Alerts
  std::string alert_log_path = "logs/alerts.log";
  std::int64_t alert_log_max_bytes = 64LL << 20;  // ALERT_LOG_MAX_SIZE: rotation
  std::int64_t alert_log_keep = 5;                // ALERT_LOG_KEEP: rotated files kept
  std::string alert_webhook_url;                  // secret
  std::string alert_webhook_secret;               // ALERT_WEBHOOK_SECRET: signs the webhook
  std::string alert_webhook_format = "tocsin";    // ALERT_WEBHOOK_FORMAT: tocsin, alertmanager
  std::string alert_slack_webhook_url;            // secret
  std::string alert_routes_file;                  // ALERT_ROUTES_FILE: Alertmanager's shape
  bool alert_allow_http = false;                  // ALERT_ALLOW_HTTP
  std::string alert_allow_networks;               // ALERT_ALLOW_NETWORKS: CIDR, comma-separated
  std::string alert_ca_file;                      // ALERT_CA_FILE
  std::int64_t alert_timeout_us = 15'000'000;     // ALERT_TIMEOUT
  std::int64_t alert_max_age_us = 72LL * 3600 * 1'000'000;  // ALERT_MAX_AGE
  std::int64_t alert_backlog_age_us = 0;                    // ALERT_BACKLOG_AGE; 0 = off
  std::string alert_external_url;                           // ALERT_EXTERNAL_URL
  std::string warehouse_conn_string;                        // secret

  // Dashboard
  std::string dashboard_cleansed_path;
  std::string dashboard_aggregates_path;
  std::int64_t dashboard_refresh_seconds = 30;

  // HTTP server
  std::string http_bind = "127.0.0.1";                  // HTTP_BIND; empty = no server
  std::int64_t http_port = 8501;                        // HTTP_PORT; 0 = any free one
  std::int64_t http_threads = 0;                        // HTTP_THREADS: event loops; 0 = one a core
  std::int64_t http_max_connections = 12'000;           // HTTP_MAX_CONNECTIONS
  std::int64_t http_max_connections_per_address = 256;  // 0 = no limit; not of this machine
  std::int64_t http_max_requests_per_address = 1'000;   // a second; 0 = no limit
  std::int64_t http_max_body_bytes = 16LL << 20;  // HTTP_MAX_BODY, before and after decompression
  std::int64_t http_timeout_us = 10'000'000;      // HTTP_TIMEOUT: for a request's header
  std::string http_allowed_hosts;                 // HTTP_ALLOWED_HOSTS, comma-separated
  std::string http_tls_certificate_file;          // HTTP_TLS_CERTIFICATE_FILE
  std::string http_tls_key_file;                  // HTTP_TLS_KEY_FILE
  bool http_behind_proxy = false;                 // HTTP_BEHIND_PROXY: TLS ends there
  std::string http_auth = "auto";                 // HTTP_AUTH: auto, required
  std::int64_t live_memory_bytes = 64LL << 20;    // LIVE_MEMORY: readings held for the pages
  std::int64_t live_max_devices = 100'000;        // LIVE_MAX_DEVICES
  std::int64_t device_offline_after_us = 60'000'000;  // DEVICE_OFFLINE_AFTER

  // Messages
  LogLevel log_level = LogLevel::kInfo;     // LOG_LEVEL
  LogFormat log_format = LogFormat::kAuto;  // LOG_FORMAT

  // Where each key's value came from: "default", "environment", ".env:3", "tocsin.yaml:12",
  // "flag --data-dir", or "DATA_DIR" for a path that follows it. Every key of the table is present,
  // and "METRICS".
  std::map<std::string, std::string, std::less<>> origin;
};

struct SettingsSources {
  std::map<std::string, std::string> flags;        // KEY -> value, from the command line
  std::map<std::string, std::string> flag_names;   // KEY -> "--data-dir", for messages
  std::map<std::string, std::string> environment;  // the real environment
  std::string dotenv_path = ".env";                // read when it exists; empty = none
  std::string config_path;                         // --config; empty = tocsin.yaml when it exists
};

// Reads all sources in their precedence: flag > environment > .env > configuration file >
// default, checks every value and the values together.
//
// An empty value means "not set": for a text that may be empty it is the value, for every other
// setting the next source decides (an empty flag is an error there). Paths left at their default
// follow an explicit DATA_DIR; the dashboard's follow the batch outputs.
//
// kConfiguration: "KEY='value' (from SOURCE): what is allowed"; a source that cannot be read; an
// unknown key of the configuration file, with a suggestion. Foreign keys of the environment and
// .env are ignored. The value of a secret is shown as ***.
Result<Settings> LoadSettings(const SettingsSources& sources);

// kConfiguration for a setting that asks for something this build does not have:
// WAREHOUSE_CONN_STRING. Apart from LoadSettings so that `config print` shows them.
Status CheckBuilt(const Settings& settings);
// What a person should know about these settings though they are right, one sentence each.
std::vector<std::string> WarningsFor(const Settings& settings);

// The environment of this process as a map.
std::map<std::string, std::string> ProcessEnvironment();

}  // namespace tocsin
