#include "history/history.h"

#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <numeric>
#include <tuple>

#include "history/parquet_columns.h"

namespace tocsin {
namespace {

// Which file stands at a path: another one has another stamp.
struct FileStamp {
  std::uint64_t inode = 0;
  std::int64_t size = -1;
  std::int64_t changed_ns = 0;
  bool operator==(const FileStamp&) const = default;
};

std::optional<FileStamp> StampOf(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return std::nullopt;
  return FileStamp{.inode = info.st_ino,
                   .size = info.st_size,
                   .changed_ns = info.st_mtim.tv_sec * 1'000'000'000LL + info.st_mtim.tv_nsec};
}

// The hourly table in memory.
struct HourTable {
  FileStamp stamp;
  ParquetColumns columns;            // integers: events, alerts; doubles: avg, min, max a metric
  std::vector<std::uint32_t> order;  // rows, newest hour first, then by device
  std::vector<std::map<std::int64_t, TrendCell>> trend;  // by metric, then hour
};

class FileHistory final : public History {
 public:
  FileHistory(std::string cleansed_path, std::string aggregates_path,
              std::vector<MetricSpec> metrics)
      : cleansed_path_(std::move(cleansed_path)),
        aggregates_path_(std::move(aggregates_path)),
        metrics_(std::move(metrics)) {}

  Result<std::vector<std::pair<std::int64_t, double>>> Readings(std::string_view device,
                                                                std::size_t metric,
                                                                std::int64_t from_us,
                                                                std::int64_t to_us) override {
    std::vector<std::pair<std::int64_t, double>> readings;
    const ParquetRequest request{.text_column = "device_id",
                                 .time_column = "timestamp",
                                 .integers = {},
                                 .doubles = {metrics_[metric].name},
                                 .text_equals = std::string(device),
                                 .from_us = from_us,
                                 .to_us = to_us};
    const Result<ParquetColumns> columns = ReadParquetColumns(cleansed_path_, request);
    if (!columns) {
      if (columns.error().code() == Code::kNotFound) return readings;
      return std::unexpected(columns.error());
    }
    for (std::size_t row = 0; row < columns->rows(); ++row) {
      const double value = columns->doubles[0][row];
      if (!std::isnan(value)) readings.emplace_back(columns->times_us[row], value);
    }
    return readings;
  }

  Result<HourlyPage> Hours(const HourlyQuery& query) override {
    HourlyPage page;
    TOCSIN_ASSIGN(const std::shared_ptr<const HourTable> table, Table());
    if (table == nullptr) return page;
    page.written_ms = table->stamp.changed_ns / 1'000'000;
    const ParquetColumns& columns = table->columns;
    for (const std::uint32_t row : table->order) {
      if (columns.times_us[row] < query.from_us || columns.times_us[row] >= query.to_us) continue;
      const std::string& device = columns.texts[columns.text_codes[row]];
      if (!query.device.empty() && device != query.device) continue;
      if (page.total++ < query.offset || page.rows.size() >= query.limit) continue;
      HourlyRow& out = page.rows.emplace_back();
      out.device_id = device;
      out.hour_us = columns.times_us[row];
      out.event_count = columns.integers[0][row];
      out.alert_count = columns.integers[1][row];
      for (std::size_t i = 0; i < metrics_.size(); ++i) {
        out.metrics.push_back({.avg = columns.doubles[3 * i][row],
                               .min = columns.doubles[3 * i + 1][row],
                               .max = columns.doubles[3 * i + 2][row]});
      }
    }
    return page;
  }

  Result<std::vector<std::pair<std::int64_t, TrendCell>>> Trend(std::size_t metric,
                                                                std::int64_t from_us,
                                                                std::int64_t to_us) override {
    std::vector<std::pair<std::int64_t, TrendCell>> hours;
    TOCSIN_ASSIGN(const std::shared_ptr<const HourTable> table, Table());
    if (table == nullptr) return hours;
    const auto& trend = table->trend[metric];
    for (auto at = trend.lower_bound(from_us); at != trend.end() && at->first < to_us; ++at) {
      hours.push_back(*at);
    }
    return hours;
  }

 private:
  // The table as the file is now; null when there is none.
  Result<std::shared_ptr<const HourTable>> Table() {
    const std::lock_guard lock(mutex_);
    const std::optional<FileStamp> stamp = StampOf(aggregates_path_);
    if (!stamp) return std::shared_ptr<const HourTable>();
    if (table_ != nullptr && table_->stamp == *stamp) return table_;
    ParquetRequest request{.text_column = "device_id",
                           .time_column = "hour_bucket",
                           .integers = {"event_count", "alert_count"},
                           .doubles = {},
                           .text_equals = {},
                           .max_rows = kMaxHours};
    for (const MetricSpec& metric : metrics_) {
      for (const char* suffix : {"_avg", "_min", "_max"}) {
        request.doubles.push_back(metric.name + suffix);
      }
    }
    TOCSIN_ASSIGN(ParquetColumns columns, ReadParquetColumns(aggregates_path_, request));
    const auto table = std::make_shared<HourTable>();
    table->stamp = *stamp;
    table->columns = std::move(columns);
    Arrange(*table);
    table_ = table;
    return table_;
  }

  void Arrange(HourTable& table) const {
    const ParquetColumns& columns = table.columns;
    table.order.resize(columns.rows());
    std::iota(table.order.begin(), table.order.end(), 0U);
    std::ranges::sort(table.order, [&](std::uint32_t a, std::uint32_t b) {
      if (columns.times_us[a] != columns.times_us[b]) {
        return columns.times_us[a] > columns.times_us[b];
      }
      return columns.texts[columns.text_codes[a]] < columns.texts[columns.text_codes[b]];
    });
    table.trend.resize(metrics_.size());
    for (std::size_t row = 0; row < columns.rows(); ++row) {
      const auto events = static_cast<std::uint64_t>(columns.integers[0][row]);
      for (std::size_t i = 0; i < metrics_.size(); ++i) {
        const double avg = columns.doubles[3 * i][row];
        if (std::isnan(avg) || events == 0) continue;
        table.trend[i][columns.times_us[row]].Merge({.count = events,
                                                     .sum = avg * static_cast<double>(events),
                                                     .min = columns.doubles[3 * i + 1][row],
                                                     .max = columns.doubles[3 * i + 2][row]});
      }
    }
  }

  const std::string cleansed_path_;
  const std::string aggregates_path_;
  const std::vector<MetricSpec> metrics_;
  std::mutex mutex_;
  std::shared_ptr<const HourTable> table_;
};

}  // namespace

std::unique_ptr<History> History::Make(std::string cleansed_path, std::string aggregates_path,
                                       std::vector<MetricSpec> metrics) {
  return std::make_unique<FileHistory>(std::move(cleansed_path), std::move(aggregates_path),
                                       std::move(metrics));
}

}  // namespace tocsin
