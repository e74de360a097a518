#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/masked_bytes.h"
#include "base/time_text.h"
#include "model/event_batch.h"
#include "model/event_fields.h"
#include "model/event_limits.h"
#include "model/metric_spec.h"
#include "model/short_number.h"

namespace tocsin {

// Reads events that look like earlier ones. Devices print their events with one program, so that
// the bytes between the values (keys, punctuation, white space) are the same from event to event:
// a shape. A record whose bytes between the values are those of a known shape has that shape's
// keys, and only its values are left to be read.
//
// Shapes are learned from records that another reader found good. This reader never judges: it
// says "good" with the row that the strict reader would give, or nothing.
//
// Bounded: kMaxShapes shapes, the one that was learned first goes; and while few records match,
// most are not tried, so that a stream without shapes costs little more than without this reader.
//
// Threads: none but the owner's.
class ShapeReader {
 public:
  static constexpr std::size_t kMaxShapes = 8;

  enum class Answer : std::uint8_t {
    kGood,         // the row was appended
    kNotRead,      // no shape fits; Learn() if another reader finds the record good
    kNotTried,     // as kNotRead, but it is not to be learned from
    kOutsideRange  // of a known shape up to a metric outside its range: not good
  };

  // What is given by reference must outlive it.
  ShapeReader(const std::vector<MetricSpec>& metrics, const FieldTable& fields, EventLimits limits);

  // `record` as for EventParser::Parse.
  Answer Read(std::string_view record, EventBatch& batch);
  // Appends the rows of the first of the records, as many as have the shape that is expected, and
  // gives their number. What Read says of the next is not known. Costs less for each than Read.
  std::size_t ReadRun(std::span<const std::string_view> records, EventBatch& batch);
  // `record` is good, flat and without a backslash.
  void Learn(std::string_view record);

 private:
  enum class Value : std::uint8_t {
    kNone,  // the bytes go on with the next step, or end the record
    kDeviceId,
    kTimestamp,
    kStatus,
    kMetric,
    kBoolMetric,
    kAnyString,  // of an undeclared field, as are the next two
    kAnyNumber,
    kAnyLiteral,
  };
  // The bytes up to a value, and what the value is. More than a head are several steps.
  struct Step {
    MaskedBytes<32> head = {};
    std::uint32_t size = 0;  // of the head, not 0
    Value value = Value::kNone;
    std::uint32_t metric = 0;
    std::uint32_t length = 0;   // of a timestamp, in the record that was learned from
    double min = 0, max = 0;    // of a metric
    DecimalLayout layout = {};  // of the metric's last number
  };
  struct Shape {
    std::vector<Step> steps;
    std::vector<std::uint32_t> absent;  // metrics that it has not
    bool has_status = false;
    std::size_t next = 0;  // the shape that followed last
  };
  // Rows on their way into a batch.
  static constexpr std::size_t kRunRows = 64;
  struct Run {
    std::array<std::string_view, kRunRows> device_id, status;
    std::array<std::int64_t, kRunRows> time_us;
    std::vector<std::array<double, kRunRows>> metrics;
  };
  class Learner;

  Answer MatchRow(Shape& shape, std::string_view record, std::size_t row);
  Answer Match(Shape& shape, std::string_view record, EventBatch& batch);
  Answer MatchOthers(std::size_t guess, std::string_view record, EventBatch& batch);
  const char* ReadTimestamp(const Step& step, const char* at, const char* end,
                            std::int64_t& time_us);
  void Append(std::span<const std::string_view> records, EventBatch& batch) const;
  void Follow(std::size_t index);
  void CountMatches(std::size_t records);
  void CountMiss();

  const std::vector<MetricSpec>& metrics_;
  const FieldTable& fields_;
  const EventLimits limits_;
  TimeParser time_parser_;
  std::vector<Shape> shapes_;
  std::size_t last_ = 0;    // the shape that matched last
  std::size_t oldest_ = 0;  // the shape to be replaced next
  // A miss costs about half of what a match saves.
  int credit_;
  std::uint32_t skip_ = 0;   // records not to try
  std::uint32_t skip_next_;  // how many that will be the next time
  Run run_;
};

}  // namespace tocsin
