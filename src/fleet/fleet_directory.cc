#include "fleet/fleet_directory.h"

#include <re2/re2.h>

#include <mutex>
#include <shared_mutex>
#include <unordered_map>
#include <utility>

#include "fleet/fleet_file.h"

namespace tocsin {
namespace {

constexpr std::size_t kMaxRemembered = 1'000'000;

}  // namespace

struct FleetDirectory::Parts {
  struct Pattern {
    std::unique_ptr<const RE2> expression;
    DeviceLabels labels;
  };
  std::vector<std::string> expected;
  std::unordered_map<std::string, DeviceLabels> devices;
  std::vector<Pattern> patterns;
  const DeviceLabels none;
  std::shared_mutex mutex;
  std::unordered_map<std::string, const DeviceLabels*> remembered;  // guarded by mutex
};

FleetDirectory::FleetDirectory() : parts_(std::make_unique<Parts>()) {}
FleetDirectory::~FleetDirectory() = default;

Result<std::unique_ptr<FleetDirectory>> FleetDirectory::Open(const std::string& path) {
  if (path.empty()) return std::make_unique<FleetDirectory>();
  TOCSIN_ASSIGN(const std::string text, ReadFleetFile(path));
  std::vector<Diagnostic> diagnostics;
  return Parse(text, path, diagnostics);
}

Result<std::unique_ptr<FleetDirectory>> FleetDirectory::Parse(
    std::string_view text, const std::string& path, std::vector<Diagnostic>& diagnostics) {
  std::vector<Diagnostic> found;
  const std::vector<FleetEntry> entries =
      path.ends_with(".csv") ? ParseFleetCsv(text, found) : ParseFleetYaml(text, found);
  auto directory = std::make_unique<FleetDirectory>();
  for (const FleetEntry& entry : entries) {
    if (!entry.pattern) {
      if (!directory->parts_->devices.try_emplace(entry.text, entry.labels).second) {
        found.push_back({entry.place, "device `" + entry.text + "` stands here a second time"});
      }
      directory->parts_->expected.push_back(entry.text);
      continue;
    }
    auto expression = std::make_unique<const RE2>(entry.text, RE2::Quiet);
    if (!expression->ok()) {
      found.push_back(
          {entry.place, "match: `" + entry.text + "` is no RE2 pattern: " + expression->error()});
    }
    directory->parts_->patterns.push_back({std::move(expression), entry.labels});
  }
  if (found.empty()) return directory;
  diagnostics.insert(diagnostics.end(), found.begin(), found.end());
  return Fail(Code::kConfiguration, FormatDiagnostics(path, found));
}

const DeviceLabels& FleetDirectory::LabelsOf(std::string_view device_id) const {
  Parts& parts = *parts_;
  if (parts.devices.empty() && parts.patterns.empty()) return parts.none;
  const std::string id(device_id);
  if (const auto own = parts.devices.find(id); own != parts.devices.end()) return own->second;
  if (parts.patterns.empty()) return parts.none;
  {
    const std::shared_lock lock(parts.mutex);
    const auto known = parts.remembered.find(id);
    if (known != parts.remembered.end()) return *known->second;
  }
  const DeviceLabels* labels = &parts.none;
  for (const Parts::Pattern& pattern : parts.patterns) {
    if (!RE2::FullMatch(id, *pattern.expression)) continue;
    labels = &pattern.labels;
    break;
  }
  const std::unique_lock lock(parts.mutex);
  if (parts.remembered.size() >= kMaxRemembered) parts.remembered.clear();
  parts.remembered[id] = labels;
  return *labels;
}

std::string_view FleetDirectory::Label(std::string_view device_id, std::string_view name) const {
  const DeviceLabels& labels = LabelsOf(device_id);
  const auto found = labels.find(std::string(name));
  return found == labels.end() ? std::string_view() : std::string_view(found->second);
}

const std::vector<std::string>& FleetDirectory::expected() const {
  return parts_->expected;
}

bool FleetDirectory::IsExpected(std::string_view device_id) const {
  return parts_->devices.contains(std::string(device_id));
}

}  // namespace tocsin
