#include "app/doctor.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include <filesystem>

#include "app/build_info.h"
#include "app/open_log.h"
#include "app/progress_line.h"
#include "base/text.h"
#include "config/units.h"
#include "local_api/remote_log.h"

namespace tocsin {
namespace {

Finding CheckDirectory(const Settings& settings) {
  std::error_code error;
  const std::string& directory = settings.data_dir;
  if (!std::filesystem::exists(directory, error)) {
    const std::filesystem::path full = std::filesystem::absolute(directory, error);
    std::filesystem::path parent = full.parent_path();
    while (!std::filesystem::exists(parent, error) && parent.has_relative_path()) {
      parent = parent.parent_path();
    }
    if (::access(parent.c_str(), W_OK) != 0) {
      return {"data directory", Health::kProblem,
              directory + " does not exist and cannot be made in " + parent.string()};
    }
    return {"data directory", Health::kOk, directory + " does not exist yet; it can be made"};
  }
  if (::access(directory.c_str(), W_OK | X_OK) != 0) {
    return {"data directory", Health::kProblem,
            directory + " is not writable; give this user the right to write it"};
  }
  return {"data directory", Health::kOk, directory + " is writable"};
}

Finding CheckDisk(const Settings& settings) {
  std::error_code error;
  std::filesystem::path path = std::filesystem::absolute(settings.data_dir, error);
  while (!std::filesystem::exists(path, error) && path.has_relative_path()) {
    path = path.parent_path();
  }
  struct statvfs status{};
  if (::statvfs(path.c_str(), &status) != 0) {
    return {"free disk", Health::kProblem, "cannot be read for " + path.string()};
  }
  const auto free_bytes =
      static_cast<std::int64_t>(status.f_bavail) * static_cast<std::int64_t>(status.f_frsize);
  const int shift = free_bytes >= 10LL << 30 ? 30 : 20;  // whole GiB or MiB
  const std::string text = FormatBytes(free_bytes >> shift << shift) +
                           " free; ingest is refused below " +
                           FormatBytes(settings.disk_reserve_bytes) + " (DISK_RESERVE)";
  if (free_bytes < settings.disk_reserve_bytes) return {"free disk", Health::kProblem, text};
  if (free_bytes < 4 * settings.disk_reserve_bytes) return {"free disk", Health::kWarning, text};
  return {"free disk", Health::kOk, text};
}

Finding CheckHolder(const Settings& settings, int holder) {
  if (holder == 0) return {"lock", Health::kOk, "no process holds the log"};
  return {"lock", Health::kOk,
          "process " + std::to_string(holder) + " holds " + LogDirectoryOf(settings)};
}

Finding CheckSocket(const Settings& settings, int holder) {
  const std::string path = SocketPathFor(settings.data_dir);
  const auto status = RemoteLog::Status(path);
  if (status) return {"socket", Health::kOk, "the running instance answers on " + path};
  if (holder == 0) return {"socket", Health::kOk, "no instance is running"};
  return {"socket", Health::kWarning,
          "process " + std::to_string(holder) + " does not answer on " + path +
              "; other commands cannot use the log meanwhile"};
}

void VerifyLog(Session& session, EmbeddedLog& log, std::vector<Finding>& findings) {
  ProgressLine line("doctor", "bytes", session.clock);
  const auto report =
      log.Verify([&](std::uint64_t done, std::uint64_t all) { line.Update(done, done, all); });
  line.Clear();
  if (!report) {
    findings.push_back({"checksums", Health::kDamage, report.error().message()});
    return;
  }
  for (const std::string& problem : report->problems) {
    findings.push_back({"checksums", Health::kDamage, problem});
  }
  if (!report->problems.empty()) return;
  findings.push_back({"checksums", report->lost.empty() ? Health::kOk : Health::kWarning,
                      Grouped(report->records) + " records in " + Grouped(report->batches) +
                          " batches, " + Grouped(report->bytes) + " bytes, all sound"});
  for (const LostRange& lost : report->lost) {
    findings.push_back({"checksums", Health::kWarning,
                        "lost for good: " + lost.partition.topic + " partition " +
                            std::to_string(lost.partition.partition) + " offsets " +
                            std::to_string(lost.first) + " to " + std::to_string(lost.end - 1)});
  }
}

void CheckLog(Session& session, int holder, std::vector<Finding>& findings) {
  const std::string directory = LogDirectoryOf(session.settings);
  std::error_code error;
  if (!std::filesystem::exists(directory, error)) {
    findings.push_back({"log", Health::kOk, "there is no log in " + directory + " yet"});
    return;
  }
  if (holder != 0) {
    findings.push_back(
        {"log", Health::kOk,
         "in use; stop process " + std::to_string(holder) + " to have every checksum read"});
    return;
  }
  const auto log = EmbeddedLog::Open(LogOptionsFor(session.settings), session.clock);
  if (!log) {
    const Code code = log.error().code();
    const bool damage = code == Code::kDataLoss || code == Code::kDiskError;
    findings.push_back({"log", damage ? Health::kDamage : Health::kProblem, log.error().message()});
    return;
  }
  findings.push_back({"log", Health::kOk, directory + " opens"});
  VerifyLog(session, **log, findings);
}

}  // namespace

std::string_view HealthName(Health health) {
  switch (health) {
    case Health::kOk:
      return "ok";
    case Health::kWarning:
      return "warning";
    case Health::kProblem:
      return "problem";
    case Health::kDamage:
      return "damage";
  }
  return "";
}

std::vector<Finding> CheckHealth(Session& session) {
  const Settings& settings = session.settings;
  std::vector<Finding> findings;
  findings.push_back({"program", Health::kOk, "tocsin " + VersionText() + ", " + BuildFlagsText()});
  const Status built = CheckBuilt(settings);
  findings.push_back({"configuration", built ? Health::kOk : Health::kProblem,
                      built ? "valid" : built.error().message()});
  for (const std::string& warning : WarningsFor(settings)) {
    findings.push_back({"configuration", Health::kWarning, warning});
  }
  findings.push_back(CheckDirectory(settings));
  findings.push_back(CheckDisk(settings));
  const int holder = HolderOf(LogDirectoryOf(settings));
  findings.push_back(CheckHolder(settings, holder));
  findings.push_back(CheckSocket(settings, holder));
  CheckLog(session, holder, findings);
  return findings;
}

std::vector<Finding> RepairLog(Session& session) {
  const std::string directory = LogDirectoryOf(session.settings);
  std::error_code error;
  if (!std::filesystem::exists(directory, error)) {
    return {{"repair", Health::kOk, "there is no log in " + directory}};
  }
  const auto lost = EmbeddedLog::Repair(LogOptionsFor(session.settings), session.clock);
  if (!lost) return {{"repair", Health::kDamage, lost.error().message()}};
  std::vector<Finding> findings;
  for (const LostRange& range : *lost) {
    findings.push_back({"repair", Health::kWarning,
                        "gave up " + range.partition.topic + " partition " +
                            std::to_string(range.partition.partition) + " offsets " +
                            std::to_string(range.first) + " to " + std::to_string(range.end - 1)});
  }
  if (lost->empty()) findings.push_back({"repair", Health::kOk, "nothing had to be given up"});
  return findings;
}

}  // namespace tocsin
