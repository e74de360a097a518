#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace tocsin {

// The last values of every device. When it is full, the tenth that has been unseen the longest
// makes room.
//
// Memory: about 200 bytes a device beside its id. Threads: none but the owner's.
class DeviceTable {
 public:
  static constexpr std::uint32_t kUnknown = UINT32_MAX;
  enum class State : std::uint8_t { kOk, kAlert, kOffline };

  struct Device {
    std::string id = {};
    std::string status = {};  // of its newest event; "" when absent
    bool has_status = false;
    std::int64_t event_us = INT64_MIN;  // time of its newest event
    std::int64_t seen_ms = 0;           // when its newest event came in
    std::uint64_t events = 0;
    std::uint32_t alerts = 0;  // that fire
    State shown = State::kOk;  // as of the last Refresh()
    bool changed = false;      // since it was last taken by TakeChanged()
    bool used = false;
  };

  DeviceTable(std::size_t metric_count, std::size_t max_devices);

  // Called with those that make room before their codes are used anew.
  using OnForget = std::function<void(const std::vector<bool>& gone)>;
  // The code of a device, made when it is new.
  std::uint32_t CodeOf(std::string_view id, const OnForget& on_forget);
  std::uint32_t Find(std::string_view id) const;  // kUnknown when there is none

  // A newer event; values of NaN leave the last value as it is. An event that is not newer counts,
  // and changes no value.
  void Update(std::uint32_t code, std::int64_t time_us, std::int64_t received_ms,
              std::string_view status, bool has_status, std::span<const double> values);
  void SetAlerts(std::uint32_t code, std::uint32_t firing);

  struct Counts {
    std::uint64_t devices = 0, online = 0, offline = 0;
  };
  // Recomputes every state; those whose state differs count as changed.
  Counts Refresh(std::int64_t now_ms, std::int64_t offline_after_ms);
  // Codes of changed devices, at most `max`; they count as unchanged from here on.
  std::vector<std::uint32_t> TakeChanged(std::size_t max);
  bool has_changed() const { return !changed_.empty(); }

  const Device& At(std::uint32_t code) const { return devices_[code]; }
  std::span<const double> ValuesOf(std::uint32_t code) const {
    return std::span(values_).subspan(code * metric_count_, metric_count_);
  }
  std::size_t size() const { return index_.size(); }
  std::uint32_t end() const { return static_cast<std::uint32_t>(devices_.size()); }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  void MakeRoom(const OnForget& on_forget);
  void Changed(std::uint32_t code);

  const std::size_t metric_count_;
  const std::size_t max_devices_;
  std::unordered_map<std::string, std::uint32_t, Hash, std::equal_to<>> index_;
  std::vector<Device> devices_;
  std::vector<double> values_;
  std::vector<std::uint32_t> free_;
  std::vector<std::uint32_t> changed_;
};

}  // namespace tocsin
