#include "app/open_log.h"

#include <chrono>
#include <filesystem>
#include <thread>
#include <utility>

#include "app/kafka_settings.h"
#include "base/logging.h"
#include "kafka_log/kafka_log.h"
#include "local_api/remote_log.h"
#include "local_api/standby_server.h"
#include "log/cluster_wait.h"
#include "spool/spooling_log.h"

namespace tocsin {
namespace {

// An instance holds the lock a moment before it listens.
constexpr int kConnectAttempts = 10;
constexpr std::chrono::milliseconds kConnectPause(50);
constexpr std::string_view kSpoolFolder = "spool";

Status EnsureTopics(const Settings& settings, Log& log, bool on_cluster) {
  for (const std::string& topic :
       {settings.raw_topic, settings.processed_topic, settings.alert_topic, settings.dlq_topic}) {
    // A topic of the cluster is its operators': it is used as it is.
    if (on_cluster && PartitionCount(log, topic)) continue;
    Status made = log.EnsureTopic(topic, TopicConfigFor(settings));
    if (made) continue;
    const Code code = made.error().code();
    const bool contradiction = code == Code::kFailedPrecondition || code == Code::kInvalidArgument;
    return Fail(contradiction ? Code::kConfiguration : code, made.error().message());
  }
  // What nobody has processed yet is kept, even before the processor has run for the first time.
  if (settings.streaming_auto_offset == "latest") return {};
  return log.RegisterGroup(settings.streaming_group_id, settings.raw_topic);
}

Result<std::unique_ptr<Log>> ConnectToHolder(const std::string& socket_path) {
  for (int attempt = 1;; ++attempt) {
    auto connected = RemoteLog::Connect(socket_path);
    if (connected || attempt == kConnectAttempts) return connected;
    std::this_thread::sleep_for(kConnectPause);
  }
}

Result<OpenedLog> UseHolder(const Settings& settings, Error refusal, LogAccess access) {
  if (access == LogAccess::kExclusive) return std::unexpected(std::move(refusal));
  auto connected = ConnectToHolder(SocketPathFor(settings.data_dir));
  if (!connected) {
    return std::unexpected(Error(
        Code::kUnavailable,
        refusal.message() + ", and it does not answer on " + SocketPathFor(settings.data_dir)));
  }
  OpenedLog opened;
  opened.log = std::move(*connected);
  return opened;
}

}  // namespace

TopicConfig TopicConfigFor(const Settings& settings) {
  TopicConfig config;
  config.partitions = static_cast<std::int32_t>(settings.topic_partitions);
  config.retention_bytes = settings.retention_bytes;
  config.retention_ms = settings.retention_us / 1000;
  return config;
}

std::string LogDirectoryOf(const Settings& settings) {
  return settings.data_dir + "/log";
}

EmbeddedLogOptions LogOptionsFor(const Settings& settings) {
  EmbeddedLogOptions options;
  options.directory = LogDirectoryOf(settings);
  options.compression = settings.log_compression == "none"   ? Compression::kNone
                        : settings.log_compression == "zstd" ? Compression::kZstd
                                                             : Compression::kLz4;
  options.disk_reserve_bytes = settings.disk_reserve_bytes;
  options.retention_force = settings.retention_force;
  return options;
}

namespace {

// Output partition = input partition: what a stage writes needs at least as many as what it reads.
Status CheckPartitions(const Settings& settings, Log& log) {
  TOCSIN_ASSIGN(const std::int32_t input, PartitionCount(log, settings.raw_topic));
  for (const std::string& topic :
       {settings.processed_topic, settings.alert_topic, settings.dlq_topic}) {
    TOCSIN_ASSIGN(const std::int32_t count, PartitionCount(log, topic));
    if (count >= input) continue;
    return Fail(Code::kConfiguration, "topic " + topic + " has " + std::to_string(count) +
                                          " partitions, its input " + settings.raw_topic + " has " +
                                          std::to_string(input) + "; give it at least as many");
  }
  return {};
}

// New events do not wait for a cluster that goes away in their midst.
Status AddSpool(const Settings& settings, const std::string& name, const ClusterWait& wait,
                OpenedLog& opened) {
  SpoolOptions options;
  options.directory = opened.private_directory + "/" + std::string(kSpoolFolder);
  options.max_bytes = settings.kafka_spool_bytes;
  options.name = name;
  options.connect_timeout_us = wait.timeout_us;
  TOCSIN_ASSIGN(auto spool,
                SpoolingLog::Open(std::move(opened.log), options, wait.clock, wait.stop));
  opened.spool = spool.get();
  opened.log = std::move(spool);
  return {};
}

Result<OpenedLog> OpenOnKafka(const Settings& settings, const Clock& clock, LogAccess access,
                              std::string_view role, std::stop_token stop) {
  TOCSIN_ASSIGN(KafkaOptions options, KafkaOptionsFor(settings));
  OpenedLog opened;
  if (access != LogAccess::kRead) {
    TOCSIN_ASSIGN(InstanceSlot slot,
                  InstanceSlot::Take(settings.data_dir + "/kafka", role, kSpoolFolder));
    opened.slot = std::make_unique<InstanceSlot>(std::move(slot));
    if (options.instance_id.empty()) options.instance_id = opened.slot->id();
    opened.private_directory = opened.slot->directory();
    if (access == LogAccess::kExclusive) {
      options.state_directory = opened.slot->directory() + "/state";
    }
  }
  const std::string name = options.instance_id;
  const std::int64_t connect_timeout_us = options.connect_timeout_us;
  const bool at_least_once = options.at_least_once;
  auto log = KafkaLog::Open(options, clock, stop);
  if (!log) {
    // Whatever a cluster refuses, a dependency is not there for us.
    Error error = std::move(log).error();
    if (error.code() == Code::kFailedPrecondition) {
      return Fail(Code::kUnavailable, error.message());
    }
    return std::unexpected(std::move(error));
  }
  KafkaLog& kafka = **log;
  opened.log = std::move(*log);
  if (access == LogAccess::kRead) return opened;
  // A cluster that answered may go away before we have begun.
  const ClusterWait wait{clock, connect_timeout_us, std::move(stop)};
  const bool brings_events = role == "ingest" || role == "generate";
  const auto get_ready = [&]() -> Status {
    TOCSIN_TRY(EnsureTopics(settings, *opened.log, true));
    if (access == LogAccess::kExclusive) TOCSIN_TRY(CheckPartitions(settings, *opened.log));
    return at_least_once ? Status() : kafka.EndEarlierTransactions(brings_events);
  };
  TOCSIN_TRY(wait.Until(get_ready));
  if (brings_events) {
    TOCSIN_TRY(AddSpool(settings, name, wait, opened));
  }
  return opened;
}

}  // namespace

Status RequireLog(const Settings& settings) {
  if (!settings.kafka_broker.empty()) return {};
  const std::string directory = LogDirectoryOf(settings);
  std::error_code error;
  if (std::filesystem::exists(directory, error)) return {};
  return Fail(Code::kNotFound, "there is no log in " + directory +
                                   "; start `tocsin up` or `tocsin ingest`, or name another "
                                   "--data-dir");
}

Result<OpenedLog> OpenLog(const Settings& settings, const Clock& clock, LogAccess access,
                          std::string_view role, std::stop_token stop) {
  TOCSIN_TRY(CheckBuilt(settings));
  if (!settings.kafka_broker.empty()) {
    return OpenOnKafka(settings, clock, access, role, std::move(stop));
  }
  if (access == LogAccess::kRead) TOCSIN_TRY(RequireLog(settings));
  OpenedLog opened;
  auto embedded = EmbeddedLog::Open(LogOptionsFor(settings), clock);
  if (embedded) {
    opened.embedded = embedded->get();
    opened.log = std::move(*embedded);
  } else if (embedded.error().code() == Code::kUnavailable) {
    TOCSIN_ASSIGN(opened, UseHolder(settings, std::move(embedded).error(), access));
  } else {
    return std::unexpected(std::move(embedded).error());
  }
  if (access != LogAccess::kRead && opened.embedded != nullptr) {
    TOCSIN_TRY(EnsureTopics(settings, *opened.log, false));
  }
  opened.private_directory = settings.data_dir;
  return opened;
}

Result<std::unique_ptr<LocalServer>> ServeLog(const Settings& settings, OpenedLog& opened,
                                              std::function<std::string()> status, bool optional,
                                              LocalServer::Control control) {
  const bool for_control = opened.slot != nullptr && control;
  if (for_control) {
    return StartOrStandBy(SocketPathFor(settings.data_dir), *opened.log, std::move(status),
                          std::move(control));
  }
  if (opened.embedded == nullptr) return std::unique_ptr<LocalServer>();
  auto server = LocalServer::Start(SocketPathFor(settings.data_dir), *opened.log, std::move(status),
                                   std::move(control));
  if (!server && optional) {
    LogWarning("local_api", "other processes cannot use the log meanwhile",
               {{"reason", server.error().message()}});
    return std::unique_ptr<LocalServer>();
  }
  return server;
}

void WaitUntilDrained(const OpenedLog& opened, Metrics& metrics) {
  if (opened.spool == nullptr) return;
  if (const Status drained = opened.spool->WaitUntilDrained(); !drained) {
    LogWarning("spool", drained.error().message());
  }
  metrics.Set(Metric::kSpoolBytes, opened.spool->spooled_bytes());
}

void TakeLogMetrics(const OpenedLog& opened, Metrics& metrics) {
  if (opened.embedded == nullptr) return;
  const auto commits = static_cast<std::int64_t>(opened.embedded->statistics().commits);
  metrics.Set(Metric::kLogCommits, commits);
}

}  // namespace tocsin
