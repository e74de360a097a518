#include "offline/fault_labels.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/file.h"
#include "base/time_text.h"

namespace tocsin {
namespace {

std::unexpected<Error> Wrong(const std::string& where, std::string_view what) {
  return Fail(Code::kInvalidArgument, where + ": " + std::string(what));
}

Result<std::string> TextMember(const nlohmann::json& object, const std::string& name, bool required,
                               const std::string& where) {
  const auto member = object.find(name);
  if (member != object.end() && member->is_string()) return member->get<std::string>();
  const bool absent = member == object.end() || member->is_null();
  if (absent && !required) return std::string();
  return Wrong(where, "`" + name + "` must be a string" + (absent ? ", and it is missing" : ""));
}

Result<std::int64_t> TimeMember(const nlohmann::json& object, const std::string& name,
                                const std::string& where) {
  TOCSIN_ASSIGN(const std::string text, TextMember(object, name, true, where));
  const auto time_us = ParseTime(text);
  if (!time_us) {
    return Wrong(where,
                 "`" + name + "` is '" + text + "'; a time is written like 2025-01-01T00:00:00Z");
  }
  return *time_us;
}

Result<FaultLabel> ParseLabel(std::string_view line, const std::string& where) {
  const auto object = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) {
    return Wrong(where, "a label is one JSON object a line");
  }
  FaultLabel label;
  TOCSIN_ASSIGN(label.device_id, TextMember(object, "device_id", true, where));
  TOCSIN_ASSIGN(label.fault, TextMember(object, "fault", true, where));
  TOCSIN_ASSIGN(label.metric, TextMember(object, "metric", false, where));
  TOCSIN_ASSIGN(label.start_us, TimeMember(object, "start", where));
  TOCSIN_ASSIGN(label.end_us, TimeMember(object, "end", where));
  if (label.end_us < label.start_us) return Wrong(where, "`end` is before `start`");
  return label;
}

}  // namespace

FaultLabels::FaultLabels(std::vector<FaultLabel> labels) : labels_(std::move(labels)) {
  for (std::uint32_t i = 0; i < labels_.size(); ++i) {
    by_device_[labels_[i].device_id].push_back({i, 0});
  }
  for (auto& [device, entries] : by_device_) {
    std::ranges::stable_sort(entries, {},
                             [&](const Entry& entry) { return labels_[entry.label].start_us; });
    std::int64_t latest_us = INT64_MIN;
    for (Entry& entry : entries) {
      latest_us = std::max(latest_us, labels_[entry.label].end_us);
      entry.latest_end_us = latest_us;
    }
  }
}

Result<FaultLabels> FaultLabels::Read(const std::string& path) {
  TOCSIN_ASSIGN(const std::string text, ReadWholeFile(path));
  return Parse(text, path);
}

Result<FaultLabels> FaultLabels::Parse(std::string_view text, const std::string& path) {
  std::vector<FaultLabel> labels;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    TOCSIN_ASSIGN(FaultLabel label, ParseLabel(line, path + ":" + std::to_string(number)));
    labels.push_back(std::move(label));
  }
  return FaultLabels(std::move(labels));
}

std::vector<std::uint32_t> FaultLabels::Overlapping(std::string_view device_id,
                                                    std::int64_t first_us, std::int64_t last_us,
                                                    std::int64_t grace_us) const {
  std::vector<std::uint32_t> found;
  const auto device = by_device_.find(device_id);
  if (device == by_device_.end()) return found;
  const std::vector<Entry>& entries = device->second;
  auto entry = std::ranges::upper_bound(
      entries, last_us, {}, [&](const Entry& each) { return labels_[each.label].start_us; });
  while (entry != entries.begin()) {
    --entry;
    if (entry->latest_end_us < first_us - grace_us) break;
    if (labels_[entry->label].end_us >= first_us - grace_us) found.push_back(entry->label);
  }
  std::ranges::reverse(found);
  return found;
}

}  // namespace tocsin
