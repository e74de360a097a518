#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "batch/table.h"
#include "model/metric_spec.h"
#include "model/reject_reason.h"

namespace tocsin {

// How good the data of a batch run was, beside the balance: how the values of each metric are
// spread, and which devices were silent for long, repeated themselves or were in alert. Bounded:
// of the devices only the kMostDevices that stand out are named.
//
// Threads: none but the owner's.
class QualityReport {
 public:
  static constexpr std::size_t kBins = 64;
  static constexpr std::size_t kMostDevices = 20;

  struct Distribution {
    std::string name;
    std::string unit;
    double low = 0;  // of the first bin: the valid range
    double high = 0;
    std::uint64_t values = 0;
    std::uint64_t nulls = 0;
    double min = 0;  // of the values; meaningless when there is none
    double max = 0;
    std::array<std::uint64_t, kBins> bins = {};
  };
  struct Device {
    std::string id;
    std::int64_t amount = 0;  // gap in microseconds, repeats or minutes
    std::int64_t at_us = 0;   // where the gap begins
  };

  explicit QualityReport(const std::vector<MetricSpec>& metrics);

  // Rows of the cleansed table, which come in its order; `is_alert` is the last column.
  void AddRows(const TableChunk& cleansed);
  // Rows of `device` that were dropped as repeats: once or more a device, one device after the
  // other.
  void AddRepeats(std::string_view device, std::uint64_t rows);
  void Finish();

  const std::vector<Distribution>& distributions() const { return distributions_; }
  // Descending by amount.
  const std::vector<Device>& longest_gaps() const { return gaps_; }
  const std::vector<Device>& most_repeats() const { return repeats_; }
  const std::vector<Device>& most_alert_minutes() const { return alert_minutes_; }
  // Minutes of devices with an event in alert, summed up over all devices.
  std::uint64_t alert_minutes() const { return all_alert_minutes_; }

  // The members of a JSON object, to stand behind those of the balance: `,"metrics":[…],…`.
  void AppendJson(std::string& out) const;

 private:
  void BeginDevice(std::string_view id);
  void EndDevice();
  void EndRepeats();
  static void Keep(std::vector<Device>& most, std::string_view id, std::int64_t amount,
                   std::int64_t at_us);

  std::vector<Distribution> distributions_;
  std::vector<Device> gaps_;
  std::vector<Device> repeats_;
  std::vector<Device> alert_minutes_;
  std::uint64_t all_alert_minutes_ = 0;
  std::string repeats_device_;
  std::uint64_t device_repeats_ = 0;
  // The device whose rows are coming.
  std::string device_;
  bool has_device_ = false;
  std::int64_t last_us_ = 0;
  std::int64_t gap_us_ = 0;
  std::int64_t gap_at_us_ = 0;
  std::int64_t last_alert_minute_ = 0;
  std::int64_t device_alert_minutes_ = 0;
};

struct BatchReport;

// The report as one HTML page that needs nothing else: the balance, what was rejected, plots of the
// metrics, and the devices that stand out. No script; light and dark by the reader's setting.
std::string QualityPage(const BatchReport& report, const QualityReport& quality);

}  // namespace tocsin
