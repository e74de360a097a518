#include "app/open_log.h"

#include <chrono>
#include <filesystem>
#include <thread>
#include <utility>

#include "base/logging.h"
#include "local_api/remote_log.h"

namespace tocsin {
namespace {

// An instance holds the lock a moment before it listens.
constexpr int kConnectAttempts = 10;
constexpr std::chrono::milliseconds kConnectPause(50);

TopicConfig ConfigFor(const Settings& settings) {
  TopicConfig config;
  config.partitions = static_cast<std::int32_t>(settings.topic_partitions);
  config.retention_bytes = settings.retention_bytes;
  config.retention_ms = settings.retention_us / 1000;
  return config;
}

Status EnsureTopics(const Settings& settings, Log& log) {
  for (const std::string& topic :
       {settings.raw_topic, settings.processed_topic, settings.alert_topic, settings.dlq_topic}) {
    Status made = log.EnsureTopic(topic, ConfigFor(settings));
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

Status RequireLog(const Settings& settings) {
  const std::string directory = LogDirectoryOf(settings);
  std::error_code error;
  if (std::filesystem::exists(directory, error)) return {};
  return Fail(Code::kNotFound, "there is no log in " + directory +
                                   "; start `tocsin up` or `tocsin ingest`, or name another "
                                   "--data-dir");
}

Result<OpenedLog> OpenLog(const Settings& settings, const Clock& clock, LogAccess access) {
  TOCSIN_TRY(CheckBuilt(settings));
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
    TOCSIN_TRY(EnsureTopics(settings, *opened.log));
  }
  return opened;
}

Result<std::unique_ptr<LocalServer>> ServeLog(const Settings& settings, OpenedLog& opened,
                                              std::function<std::string()> status, bool optional,
                                              LocalServer::Control control) {
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

void TakeLogMetrics(const OpenedLog& opened, Metrics& metrics) {
  if (opened.embedded == nullptr) return;
  const auto commits = static_cast<std::int64_t>(opened.embedded->statistics().commits);
  metrics.Set(Metric::kLogCommits, commits);
}

}  // namespace tocsin
