#include "route/digest.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/bytes.h"

namespace tocsin {

void Digest::Count(Counts& counts, const std::string& name) {
  const auto at = counts.find(name);
  if (at != counts.end()) {
    ++at->second;
  } else if (counts.size() < kMaxNames) {
    counts.emplace(name, 1);
  } else {
    for (auto item = counts.begin(); item != counts.end();) {
      item = --item->second == 0 ? counts.erase(item) : std::next(item);
    }
  }
}

std::vector<std::pair<std::string, std::uint64_t>> Digest::Top(const Counts& counts) {
  std::vector<std::pair<std::string, std::uint64_t>> top(counts.begin(), counts.end());
  std::ranges::stable_sort(top, [](const auto& a, const auto& b) { return a.second > b.second; });
  if (top.size() > kTop) top.resize(kTop);
  return top;
}

void Digest::Add(const HeldAlert& alert, bool firing) {
  ++(firing ? firing_ : resolved_);
  Count(rules_, alert.rule);
  Count(devices_, alert.device_id);
  const auto same = std::ranges::find(samples_, alert.fingerprint, &Sample::fingerprint);
  if (same != samples_.end()) samples_.erase(same);
  const auto order = alert.Order(firing);
  const bool full = samples_.size() >= Notification::kMaxAlerts;
  if (full && samples_.back().Order() <= order) return;
  if (full) samples_.pop_back();
  const auto at = std::ranges::find_if(
      samples_, [&order](const Sample& sample) { return order < sample.Order(); });
  samples_.insert(at, Sample{firing, SeverityRank(alert.severity), alert.starts_at_us,
                             alert.fingerprint, alert.json});
}

void Digest::MoveTo(Notification& out) {
  out.digest = true;
  out.firing_count = std::exchange(firing_, 0);
  out.resolved_count = std::exchange(resolved_, 0);
  out.top_rules = Top(rules_);
  out.top_devices = Top(devices_);
  for (const Sample& sample : samples_) {
    Result<AlertMessage> alert = ParseAlertMessage(sample.json);
    if (!alert) continue;  // was read once before: cannot happen
    alert->firing = sample.firing;
    out.alerts.push_back(std::move(*alert));
  }
  rules_.clear();
  devices_.clear();
  samples_.clear();
}

void Digest::Encode(std::string& out) const {
  PutVarint(out, firing_);
  PutVarint(out, resolved_);
  for (const Counts* counts : {&rules_, &devices_}) {
    PutVarint(out, counts->size());
    for (const auto& [name, count] : *counts) {
      PutBytes(out, name);
      PutVarint(out, count);
    }
  }
  PutVarint(out, samples_.size());
  for (const Sample& sample : samples_) {
    PutVarint(out, sample.firing ? 1 : 0);
    PutBytes(out, sample.json);
  }
}

const char* Digest::Decode(const char* at, const char* end) {
  std::uint64_t size = 0;
  at = ReadVarint(at, end, firing_);
  if (at != nullptr) at = ReadVarint(at, end, resolved_);
  for (Counts* counts : {&rules_, &devices_}) {
    if (at != nullptr) at = ReadVarint(at, end, size);
    if (at == nullptr || size > kMaxNames) return nullptr;
    for (std::uint64_t i = 0; i < size && at != nullptr; ++i) {
      std::string_view name;
      std::uint64_t count = 0;
      at = ReadBytes(at, end, name);
      if (at != nullptr) at = ReadVarint(at, end, count);
      if (at != nullptr) counts->emplace(name, count);
    }
  }
  if (at != nullptr) at = ReadVarint(at, end, size);
  if (at == nullptr || size > Notification::kMaxAlerts) return nullptr;
  for (std::uint64_t i = 0; i < size; ++i) {
    std::uint64_t firing = 0;
    std::string_view json;
    at = ReadVarint(at, end, firing);
    if (at != nullptr) at = ReadBytes(at, end, json);
    if (at == nullptr) return nullptr;
    const Result<AlertMessage> alert = ParseAlertMessage(json);
    if (!alert) return nullptr;
    samples_.push_back({firing != 0, SeverityRank(alert->severity), alert->starts_at_us,
                        alert->fingerprint, std::string(json)});
  }
  return at;
}

}  // namespace tocsin
