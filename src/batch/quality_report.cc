#include "batch/quality_report.h"

#include <algorithm>
#include <cmath>

#include "base/json_text.h"
#include "base/time_text.h"

namespace tocsin {
namespace {

constexpr std::int64_t kMinuteUs = 60'000'000;

// The minute that holds `time_us`, also before 1970.
std::int64_t MinuteOf(std::int64_t time_us) {
  return time_us / kMinuteUs - (time_us % kMinuteUs < 0 ? 1 : 0);
}

void AppendDevices(std::string& out, std::string_view key, std::string_view amount_key,
                   const std::vector<QualityReport::Device>& devices, bool gaps) {
  out += ",\"";
  out += key;
  out += "\":[";
  for (const auto& device : devices) {
    if (&device != devices.data()) out += ',';
    out += "{\"device_id\":";
    AppendJsonString(out, device.id);
    out += ",\"";
    out += amount_key;
    out += "\":";
    if (gaps) {
      AppendJsonNumber(out, static_cast<double>(device.amount) / 1e6);
      out += ",\"from\":\"" + FormatTime(device.at_us) + '"';
    } else {
      out += std::to_string(device.amount);
    }
    out += '}';
  }
  out += ']';
}

}  // namespace

QualityReport::QualityReport(const std::vector<MetricSpec>& metrics) {
  for (const MetricSpec& metric : metrics) {
    distributions_.push_back(
        {.name = metric.name, .unit = metric.unit, .low = metric.min, .high = metric.max});
  }
}

void QualityReport::AddRows(const TableChunk& cleansed) {
  const Column& devices = cleansed.columns[0];
  const std::vector<std::int64_t>& times = cleansed.columns[1].ints;
  const std::vector<std::uint8_t>& alerts = cleansed.columns.back().bools;
  std::uint32_t code = Column::kNullCode;
  for (std::size_t row = 0; row < cleansed.rows; ++row) {
    if (devices.codes[row] != code) {
      code = devices.codes[row];
      // A device may go on from the rows before.
      if (!has_device_ || device_ != devices.dictionary[code])
        BeginDevice(devices.dictionary[code]);
    }
    const std::int64_t time_us = times[row];
    if (last_us_ != INT64_MIN && time_us - last_us_ > gap_us_) {
      gap_us_ = time_us - last_us_;
      gap_at_us_ = last_us_;
    }
    last_us_ = time_us;
    const std::int64_t minute = MinuteOf(time_us);
    if (alerts[row] != 0 && minute != last_alert_minute_) {
      ++device_alert_minutes_;
      last_alert_minute_ = minute;
    }
  }
  for (std::size_t m = 0; m < distributions_.size(); ++m) {
    Distribution& to = distributions_[m];
    const double width = to.high - to.low;
    for (const double value : cleansed.columns[2 + m].doubles) {
      if (std::isnan(value)) {
        ++to.nulls;
        continue;
      }
      to.min = to.values == 0 ? value : std::min(to.min, value);
      to.max = to.values == 0 ? value : std::max(to.max, value);
      ++to.values;
      // A range may be as wide as all numbers, and its width infinite.
      const double place = std::isfinite(width) && width > 0
                               ? (value - to.low) / width
                               : value / to.high / 2 - to.low / to.high / 2;
      const double bin = place * static_cast<double>(kBins);
      ++to.bins[bin > 0 ? std::min(static_cast<std::size_t>(bin), kBins - 1) : 0];
    }
  }
}

void QualityReport::BeginDevice(std::string_view id) {
  EndDevice();
  device_ = id;
  has_device_ = true;
  last_us_ = INT64_MIN;
  gap_us_ = 0;
  last_alert_minute_ = INT64_MIN;
  device_alert_minutes_ = 0;
}

void QualityReport::EndDevice() {
  if (!has_device_) return;
  if (gap_us_ > 0) Keep(gaps_, device_, gap_us_, gap_at_us_);
  if (device_alert_minutes_ > 0) Keep(alert_minutes_, device_, device_alert_minutes_, 0);
  all_alert_minutes_ += static_cast<std::uint64_t>(device_alert_minutes_);
  has_device_ = false;
}

void QualityReport::AddRepeats(std::string_view device, std::uint64_t rows) {
  if (device != repeats_device_) {
    EndRepeats();
    repeats_device_ = device;
  }
  device_repeats_ += rows;
}

void QualityReport::EndRepeats() {
  if (device_repeats_ > 0) {
    Keep(repeats_, repeats_device_, static_cast<std::int64_t>(device_repeats_), 0);
  }
  device_repeats_ = 0;
}

void QualityReport::Finish() {
  EndDevice();
  EndRepeats();
}

// Among equal amounts the first that came stays in front.
void QualityReport::Keep(std::vector<Device>& most, std::string_view id, std::int64_t amount,
                         std::int64_t at_us) {
  if (most.size() == kMostDevices && amount <= most.back().amount) return;
  const auto place = std::ranges::upper_bound(most, amount, std::greater<>(), &Device::amount);
  most.insert(place, {std::string(id), amount, at_us});
  if (most.size() > kMostDevices) most.pop_back();
}

void QualityReport::AppendJson(std::string& out) const {
  out += ",\"metrics\":[";
  for (const Distribution& metric : distributions_) {
    if (&metric != distributions_.data()) out += ',';
    out += "{\"name\":";
    AppendJsonString(out, metric.name);
    out += ",\"unit\":";
    AppendJsonString(out, metric.unit);
    out += ",\"values\":" + std::to_string(metric.values);
    out += ",\"nulls\":" + std::to_string(metric.nulls);
    const auto number = [&](std::string_view key, double value, bool known) {
      out += ",\"";
      out += key;
      out += "\":";
      if (known) {
        AppendJsonNumber(out, value);
      } else {
        out += "null";
      }
    };
    number("min", metric.min, metric.values > 0);
    number("max", metric.max, metric.values > 0);
    number("bins_from", metric.low, true);
    number("bins_to", metric.high, true);
    out += ",\"bins\":[";
    for (std::size_t bin = 0; bin < kBins; ++bin) {
      if (bin > 0) out += ',';
      out += std::to_string(metric.bins[bin]);
    }
    out += "]}";
  }
  out += ']';
  AppendDevices(out, "longest_gaps", "seconds", gaps_, true);
  AppendDevices(out, "most_duplicates", "duplicates", repeats_, false);
  AppendDevices(out, "most_alert_minutes", "minutes", alert_minutes_, false);
  out += ",\"alert_minutes\":" + std::to_string(all_alert_minutes_);
}

}  // namespace tocsin
