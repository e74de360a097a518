#include "batch/table_builder.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>
#include <utility>

#include "rule/program.h"

namespace tocsin {
namespace {

constexpr std::uint32_t kNoCode = DeviceDictionary::kUnknown;
constexpr std::size_t kGroupRows = 8192;  // what vectorised rules want

}  // namespace

TableBuilder::TableBuilder(const RuleSet& rules, std::size_t metric_count,
                           const DeviceDictionary& devices, const DeviceDictionary& statuses)
    : rules_(rules),
      metric_count_(metric_count),
      devices_(devices),
      statuses_(statuses),
      has_texts_(!rules.program().texts().empty()),
      memory_(std::make_unique<RuleMemory>(rules)),
      events_(metric_count) {}

std::size_t TableBuilder::RowBytes(std::size_t metric_count, const RuleSet& rules) {
  const std::size_t columns = 4 + 8 + 4 + 8 * metric_count;  // of the rows, and again of the table
  return 2 * columns + 4 + 4 + rules.size() + 1 + 8 * rules.words();
}

void TableBuilder::Build(const RowColumns& rows, TableChunk& cleansed, TableChunk& aggregates) {
  cleansed.Clear();
  aggregates.Clear();
  OrderRows(rows);
  FillColumns(rows, cleansed);
  // What the rules remember is of devices by codes of this call.
  if (rules_.stateful() || has_texts_) memory_ = std::make_unique<RuleMemory>(rules_);
  conditions_.resize(order_.size() * rules_.words());
  if (rules_.stateful()) {
    JudgeInInputOrder(rows);
  } else {
    JudgeInPlace(rows, cleansed);
  }
  FillFlags(cleansed);
  SumUpHours(cleansed, aggregates);
}

// The order of time, and of arrival where that is the same. The few rows that are late are taken
// out, sorted and merged with the rest, which is sorted already.
void TableBuilder::SortByTime(const std::vector<std::int64_t>& time_us,
                              std::span<std::uint32_t> run) {
  late_.clear();
  std::size_t kept = 0;
  std::int64_t newest_us = std::numeric_limits<std::int64_t>::min();
  for (const std::uint32_t row : run) {
    if (time_us[row] < newest_us) {
      late_.push_back({time_us[row], row});
    } else {
      newest_us = time_us[row];
      run[kept++] = row;
    }
  }
  if (late_.empty()) return;
  std::ranges::sort(late_);
  // From the end, where there is room.
  std::size_t to = run.size();
  while (!late_.empty()) {
    if (kept > 0 && std::pair(time_us[run[kept - 1]], run[kept - 1]) > late_.back()) {
      run[--to] = run[--kept];
    } else {
      run[--to] = late_.back().second;
      late_.pop_back();
    }
  }
}

// A counting sort by device, which keeps the order of arrival, then each device's rows by time:
// these mostly come in order already.
void TableBuilder::OrderRows(const RowColumns& rows) {
  local_.resize(devices_.size(), kNoCode);
  found_.clear();
  local_of_row_.resize(rows.size());
  std::vector<std::size_t> begin;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    std::uint32_t& local = local_[rows.device[row]];
    if (local == kNoCode) {
      local = static_cast<std::uint32_t>(found_.size());
      found_.push_back(rows.device[row]);
      begin.push_back(0);
    }
    local_of_row_[row] = local;
    ++begin[local];
  }
  for (const std::uint32_t device : found_) local_[device] = kNoCode;
  std::vector<std::uint32_t> by_id(found_.size());
  std::iota(by_id.begin(), by_id.end(), 0U);
  std::ranges::sort(by_id, {}, [&](std::uint32_t local) { return devices_.Decode(found_[local]); });
  std::size_t next = 0;
  for (const std::uint32_t local : by_id) next += std::exchange(begin[local], next);
  order_.resize(rows.size());
  for (std::uint32_t row = 0; row < rows.size(); ++row) order_[begin[local_of_row_[row]]++] = row;

  runs_.clear();
  repeats_.clear();
  std::size_t kept = 0;
  std::size_t at = 0;
  const std::vector<std::int64_t>& time_us = rows.time_us;
  for (const std::uint32_t local : by_id) {
    const std::size_t end = begin[local];
    const std::span<std::uint32_t> run(order_.data() + at, end - at);
    SortByTime(time_us, run);
    const std::size_t run_begin = kept;
    for (; at < end; ++at) {
      if (kept > run_begin && time_us[order_[kept - 1]] == time_us[order_[at]]) continue;
      order_[kept++] = order_[at];
    }
    runs_.push_back({found_[local], run_begin, kept});
    if (run.size() > kept - run_begin) {
      repeats_.push_back({found_[local], run.size() - (kept - run_begin)});
    }
  }
  order_.resize(kept);
}

void TableBuilder::FillColumns(const RowColumns& rows, TableChunk& cleansed) {
  cleansed.rows = order_.size();
  auto column = cleansed.columns.begin();
  column->codes.resize(order_.size());
  for (const Run& run : runs_) {
    std::fill(column->codes.begin() + static_cast<std::ptrdiff_t>(run.begin),
              column->codes.begin() + static_cast<std::ptrdiff_t>(run.end),
              static_cast<std::uint32_t>(column->dictionary.size()));
    column->dictionary.push_back(devices_.Decode(run.device));
  }
  const auto gather = [&](const auto& from, auto& to) {
    to.resize(order_.size());
    for (std::size_t i = 0; i < order_.size(); ++i) to[i] = from[order_[i]];
  };
  gather(rows.time_us, (++column)->ints);
  for (std::size_t m = 0; m < metric_count_; ++m) gather(rows.metrics[m], (++column)->doubles);
  FillStatus(rows, *++column);
}

void TableBuilder::FillStatus(const RowColumns& rows, Column& column) {
  status_codes_.assign(statuses_.size(), kNoCode);
  column.codes.resize(order_.size());
  for (std::size_t i = 0; i < order_.size(); ++i) {
    const std::uint32_t status = rows.status[order_[i]];
    if (status == kNoCode) {
      column.codes[i] = Column::kNullCode;
      continue;
    }
    std::uint32_t& code = status_codes_[status];
    if (code == kNoCode) {
      code = static_cast<std::uint32_t>(column.dictionary.size());
      column.dictionary.push_back(statuses_.Decode(status));
    }
    column.codes[i] = code;
  }
}

// Rules that look at one event only: over the columns as they stand in the table.
void TableBuilder::JudgeInPlace(const RowColumns& rows, TableChunk& cleansed) {
  for (std::size_t m = 0; m < metric_count_; ++m) {
    std::swap(events_.metrics[m], cleansed.columns[2 + m].doubles);
  }
  events_.device_id.clear();
  events_.status.clear();
  codes_.assign(order_.size(), 0);
  for (std::size_t r = 0; has_texts_ && r < runs_.size(); ++r) {
    for (std::size_t i = runs_[r].begin; i < runs_[r].end; ++i) {
      codes_[i] = static_cast<std::uint32_t>(r);
      events_.device_id.push_back(devices_.Decode(runs_[r].device));
      const std::uint32_t status = rows.status[order_[i]];
      events_.status.push_back(status == kNoCode ? std::string_view() : statuses_.Decode(status));
    }
  }
  in_order_.assign(kGroupRows, 1);
  const std::span<const std::int64_t> times(cleansed.columns[1].ints);
  const std::size_t words = rules_.words();
  for (std::size_t at = 0; at < order_.size(); at += kGroupRows) {
    const std::size_t count = std::min(kGroupRows, order_.size() - at);
    batch_rows_.resize(count);
    std::iota(batch_rows_.begin(), batch_rows_.end(), static_cast<std::uint32_t>(at));
    const RuleOutcome& outcome =
        memory_->Evaluate(events_, batch_rows_,
                          {.device = std::span<const std::uint32_t>(codes_).subspan(at, count),
                           .time_us = times.subspan(at, count),
                           .in_order = std::span<const std::uint8_t>(in_order_).first(count)});
    std::copy_n(outcome.conditions.begin(), count * words,
                conditions_.begin() + static_cast<std::ptrdiff_t>(at * words));
  }
  for (std::size_t m = 0; m < metric_count_; ++m) {
    std::swap(events_.metrics[m], cleansed.columns[2 + m].doubles);
  }
}

// Rules with functions: each device's rows in the order of the input. A row whose time is before
// one that came earlier is out of order there.
void TableBuilder::JudgeInInputOrder(const RowColumns& rows) {
  std::vector<std::uint32_t> places(order_.size());  // in the table, in the order of judgement
  std::iota(places.begin(), places.end(), 0U);
  for (const Run& run : runs_) {
    const auto in_run = std::span(places).subspan(run.begin, run.end - run.begin);
    const auto came = [&](std::uint32_t place) { return order_[place]; };
    if (!std::ranges::is_sorted(in_run, {}, came)) std::ranges::sort(in_run, {}, came);
  }
  const std::size_t words = rules_.words();
  std::size_t run = 0;
  std::int64_t clock_us = std::numeric_limits<std::int64_t>::min();
  for (std::size_t at = 0; at < places.size(); at += kGroupRows) {
    const std::size_t count = std::min(kGroupRows, places.size() - at);
    events_.Clear();
    codes_.clear();
    in_order_.clear();
    batch_rows_.resize(count);
    std::iota(batch_rows_.begin(), batch_rows_.end(), 0U);
    for (std::size_t i = at; i < at + count; ++i) {
      while (i >= runs_[run].end) {
        ++run;
        clock_us = std::numeric_limits<std::int64_t>::min();
      }
      const std::uint32_t row = order_[places[i]];
      codes_.push_back(static_cast<std::uint32_t>(run));
      in_order_.push_back(rows.time_us[row] >= clock_us ? 1 : 0);
      clock_us = std::max(clock_us, rows.time_us[row]);
      events_.time_us.push_back(rows.time_us[row]);
      events_.device_id.push_back(devices_.Decode(runs_[run].device));
      const std::uint32_t status = rows.status[row];
      events_.status.push_back(status == kNoCode ? std::string_view() : statuses_.Decode(status));
      for (std::size_t m = 0; m < metric_count_; ++m) {
        events_.metrics[m].push_back(rows.metrics[m][row]);
      }
      events_.reject.push_back(RejectReason::kNone);
    }
    const RuleOutcome& outcome =
        memory_->Evaluate(events_, batch_rows_,
                          {.device = codes_, .time_us = events_.time_us, .in_order = in_order_});
    for (std::size_t i = 0; i < count; ++i) {
      std::ranges::copy(outcome.Row(i),
                        conditions_.begin() + static_cast<std::ptrdiff_t>(places[at + i] * words));
    }
  }
}

void TableBuilder::FillFlags(TableChunk& cleansed) {
  const std::size_t words = rules_.words();
  const std::size_t rows = order_.size();
  const std::size_t first = 3 + metric_count_;
  for (std::size_t r = 0; r < rules_.size(); ++r) {
    std::vector<std::uint8_t>& flags = cleansed.columns[first + r].bools;
    flags.resize(rows);
    const std::uint64_t* word = conditions_.data() + r / 64;
    for (std::size_t row = 0; row < rows; ++row, word += words) {
      flags[row] = static_cast<std::uint8_t>(*word >> r % 64 & 1);
    }
  }
  std::vector<std::uint8_t>& any = cleansed.columns[first + rules_.size()].bools;
  any.resize(rows);
  for (std::size_t row = 0; row < rows; ++row) {
    std::uint64_t all = 0;
    for (std::size_t w = 0; w < words; ++w) all |= conditions_[row * words + w];
    any[row] = all != 0 ? 1 : 0;
  }
}

void TableBuilder::SumUpHours(const TableChunk& cleansed, TableChunk& aggregates) {
  const std::vector<std::int64_t>& times = cleansed.columns[1].ints;
  for (const Run& run : runs_) {
    const auto code = static_cast<std::uint32_t>(aggregates.columns[0].dictionary.size());
    aggregates.columns[0].dictionary.push_back(devices_.Decode(run.device));
    for (std::size_t begin = run.begin; begin < run.end;) {
      const std::int64_t hour_us = HourOf(times[begin]);
      std::size_t end = begin + 1;
      while (end < run.end && times[end] < hour_us + kHourUs) ++end;
      EmitHour(cleansed, begin, end, hour_us, code, aggregates);
      begin = end;
    }
  }
}

void TableBuilder::EmitHour(const TableChunk& cleansed, std::size_t begin, std::size_t end,
                            std::int64_t hour_us, std::uint32_t device_code,
                            TableChunk& aggregates) {
  ++aggregates.rows;
  auto column = aggregates.columns.begin();
  column->codes.push_back(device_code);
  (++column)->ints.push_back(hour_us);
  for (std::size_t m = 0; m < metric_count_; ++m) {
    MetricTotals totals;
    const double* const values = cleansed.columns[2 + m].doubles.data();
    for (std::size_t row = begin; row < end; ++row) totals.Add(values[row]);
    (++column)->doubles.push_back(totals.Average());
    (++column)->doubles.push_back(totals.Max());
    (++column)->doubles.push_back(totals.Min());
  }
  const auto& alerts = cleansed.columns[3 + metric_count_ + rules_.size()].bools;
  std::int64_t alert_count = 0;
  for (std::size_t row = begin; row < end; ++row) alert_count += alerts[row];
  (++column)->ints.push_back(alert_count);
  (++column)->ints.push_back(static_cast<std::int64_t>(end - begin));
}

}  // namespace tocsin
