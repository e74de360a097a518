#pragma once

#include <cmath>
#include <cstdint>
#include <deque>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "model/metric_spec.h"
#include "model/reject_reason.h"

namespace tocsin {

// Rows of events as columns: the form in which every event is checked, judged by rules and
// counted, live, in batch and in benchmarks alike.
//
// A row exists for every record that was offered, good or bad, in the order of arrival. The
// columns of a rejected row hold unspecified values, except `reject`, `message` and `bytes`.
// Spans point into the caller's buffers (or into `arena` for text with JSON escapes): they are
// valid as long as those are and until Clear().
//
// Reused from batch to batch: Clear() keeps the memory, so that the data path allocates nothing.
struct EventBatch {
  explicit EventBatch(std::size_t metric_count) : metrics(metric_count) {}

  static constexpr double kNull = std::numeric_limits<double>::quiet_NaN();
  static bool IsNull(double value) { return std::isnan(value); }

  std::size_t size() const { return reject.size(); }
  void Clear();
  void Reserve(std::size_t rows);

  // Where the object stands in the bytes of its record.
  struct ObjectSpan {
    std::size_t begin;
    std::size_t end;
  };
  // Appends a row. `values` has one value per metric; `row_status` with data() nullptr = absent.
  [[gnu::always_inline]] void AddGood(std::string_view record, ObjectSpan object,
                                      std::string_view device, std::int64_t row_time_us,
                                      std::string_view row_status, const double* values) {
    MakeRoom();
    PushWithRoom(device_id, device);
    PushWithRoom(time_us, row_time_us);
    for (std::size_t i = 0; i < metrics.size(); ++i) PushWithRoom(metrics[i], values[i]);
    PushWithRoom(status, row_status);
    PushWithRoom(reject, RejectReason::kNone);
    PushWithRoom(bytes, record);
    PushWithRoom(object_begin, static_cast<std::uint32_t>(object.begin));
    PushWithRoom(object_end, static_cast<std::uint32_t>(object.end));
  }
  void AddRejected(std::string_view record, RejectReason reason, std::string message);

  std::vector<std::string_view> device_id;   // 1 to 256 bytes of UTF-8
  std::vector<std::int64_t> time_us;         // event time since 1970-01-01 UTC
  std::vector<std::vector<double>> metrics;  // by declaration, then row; kNull when absent
  std::vector<std::string_view> status;      // data() is nullptr when absent
  std::vector<RejectReason> reject;          // kNone for a good row
  std::vector<std::string_view> bytes;       // the record as it came
  // The object without the white space around it: [object_begin, object_end) of `bytes`. Only
  // for good rows; the last byte is the closing brace.
  std::vector<std::uint32_t> object_begin;
  std::vector<std::uint32_t> object_end;

  // Why row `row` was rejected, for people: names the field and the value.
  struct Message {
    std::uint32_t row;
    std::string text;
  };
  std::vector<Message> messages;  // ascending by row, one for each rejected row
  std::deque<std::string> arena;  // unescaped text

 private:
  static constexpr std::size_t kLeastRows = 64;

  void MakeRoom() {
    if (reject.size() == reject.capacity()) Reserve(reject.size() * 2 + kLeastRows);
  }
  // All columns were given room at the same time, so that one of them is asked for all.
  template <class T>
  static void PushWithRoom(std::vector<T>& column, T value) {
    if (column.size() == column.capacity()) __builtin_unreachable();
    column.push_back(value);
  }
};

}  // namespace tocsin
