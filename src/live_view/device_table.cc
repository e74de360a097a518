#include "live_view/device_table.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tocsin {

DeviceTable::DeviceTable(std::size_t metric_count, std::size_t max_devices)
    : metric_count_(metric_count), max_devices_(max_devices) {}

std::uint32_t DeviceTable::Find(std::string_view id) const {
  const auto found = index_.find(id);
  return found == index_.end() ? kUnknown : found->second;
}

std::uint32_t DeviceTable::CodeOf(std::string_view id, const OnForget& on_forget) {
  const auto found = index_.find(id);
  if (found != index_.end()) return found->second;
  if (index_.size() >= max_devices_) MakeRoom(on_forget);
  std::uint32_t code = end();
  if (free_.empty()) {
    devices_.emplace_back();
    values_.resize(values_.size() + metric_count_);
  } else {
    code = free_.back();
    free_.pop_back();
  }
  devices_[code] = Device{.id = std::string(id), .used = true};
  std::fill_n(values_.begin() + static_cast<std::ptrdiff_t>(code * metric_count_), metric_count_,
              std::numeric_limits<double>::quiet_NaN());
  index_.emplace(id, code);
  Changed(code);
  return code;
}

void DeviceTable::MakeRoom(const OnForget& on_forget) {
  std::vector<std::uint32_t> codes;
  for (std::uint32_t code = 0; code < end(); ++code) {
    if (devices_[code].used) codes.push_back(code);
  }
  const std::size_t count = std::max<std::size_t>(1, codes.size() / 10);
  std::ranges::nth_element(codes, codes.begin() + static_cast<std::ptrdiff_t>(count - 1), {},
                           [this](std::uint32_t code) { return devices_[code].seen_ms; });
  codes.resize(count);
  std::vector<bool> gone(devices_.size());
  for (const std::uint32_t code : codes) {
    gone[code] = true;
    index_.erase(devices_[code].id);
    devices_[code] = Device();
    free_.push_back(code);
  }
  std::erase_if(changed_, [&](std::uint32_t code) { return gone[code]; });
  on_forget(gone);
}

void DeviceTable::Changed(std::uint32_t code) {
  if (devices_[code].changed) return;
  devices_[code].changed = true;
  changed_.push_back(code);
}

void DeviceTable::Update(std::uint32_t code, std::int64_t time_us, std::int64_t received_ms,
                         std::string_view status, bool has_status, std::span<const double> values) {
  Device& device = devices_[code];
  ++device.events;
  device.seen_ms = std::max(device.seen_ms, received_ms);
  if (time_us >= device.event_us) {
    device.event_us = time_us;
    device.has_status = has_status;
    device.status = status.substr(0, 64);
    for (std::size_t i = 0; i < metric_count_; ++i) {
      if (!std::isnan(values[i])) values_[code * metric_count_ + i] = values[i];
    }
  }
  Changed(code);
}

void DeviceTable::SetAlerts(std::uint32_t code, std::uint32_t firing) {
  if (devices_[code].alerts == firing) return;
  devices_[code].alerts = firing;
  Changed(code);
}

DeviceTable::Counts DeviceTable::Refresh(std::int64_t now_ms, std::int64_t offline_after_ms) {
  Counts counts;
  for (std::uint32_t code = 0; code < end(); ++code) {
    Device& device = devices_[code];
    if (!device.used) continue;
    const bool offline = now_ms - device.seen_ms > offline_after_ms;
    const State state = offline ? State::kOffline : device.alerts > 0 ? State::kAlert : State::kOk;
    if (state != device.shown) Changed(code);
    device.shown = state;
    ++counts.devices;
    ++(offline ? counts.offline : counts.online);
  }
  return counts;
}

std::vector<std::uint32_t> DeviceTable::TakeChanged(std::size_t max) {
  std::vector<std::uint32_t> taken;
  if (changed_.size() <= max) {
    taken.swap(changed_);
  } else {
    taken.assign(changed_.begin(), changed_.begin() + static_cast<std::ptrdiff_t>(max));
    changed_.erase(changed_.begin(), changed_.begin() + static_cast<std::ptrdiff_t>(max));
  }
  for (const std::uint32_t code : taken) devices_[code].changed = false;
  return taken;
}

}  // namespace tocsin
