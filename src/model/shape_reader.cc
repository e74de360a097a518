#include "model/shape_reader.h"

#include <algorithm>
#include <bit>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "model/event_parser.h"
#include "model/json_number.h"

namespace tocsin {
namespace {

constexpr int kFirstCredit = 32;
constexpr int kMaxCredit = 64;
constexpr int kProbeCredit = 4;
constexpr std::uint32_t kFirstSkip = 256;
constexpr std::uint32_t kMaxSkip = 8192;
constexpr std::size_t kMaxTextBytes = 4096;

#ifdef __SSE2__
constexpr std::size_t kTextStep = 16;

// The places of bytes that end plain ASCII text or have no place in it (quotation mark, backslash,
// control characters, bytes of other characters) among the kTextStep at `at`, as bits.
inline unsigned EndsOfText(const char* at) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  // As signed bytes, those of other characters are below the space, too.
  const __m128i ends = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
                                                 _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))),
                                    _mm_cmplt_epi8(bytes, _mm_set1_epi8(' ')));
  return static_cast<unsigned>(_mm_movemask_epi8(ends));
}
#else
constexpr std::size_t kTextStep = 8;

inline unsigned EndsOfText(const char* at) {
  unsigned ends = 0;
  for (std::size_t i = 0; i < kTextStep; ++i) {
    const auto c = static_cast<signed char>(at[i]);
    ends |= c < ' ' || c == '"' || c == '\\' ? 1U << i : 0;
  }
  return ends;
}
#endif

// A text that goes on behind the record, and the vector in which its end is looked for.
static_assert(MaskedBytes<32>::kBytes + kTextStep <= EventParser::kPadding);

// What follows reads a value at `at`, which is not far behind `end`, and gives where it ends; a
// place behind `end` when there is no such value before it. Up to EventParser::kPadding bytes
// behind `end` are readable.

// Plain text up to its closing quotation mark.
inline const char* ReadPlainText(const char* at, const char* end) {
  do {
    const unsigned found = EndsOfText(at);
    if (found == 0) continue;
    at += std::countr_zero(found);
    return *at == '"' ? at : end + 1;
  } while ((at += kTextStep) < end);
  return end + 1;
}

[[gnu::noinline]] const char* ReadLongNumber(const char* at, const char* end, double& value) {
  const char* const number_end = ScanJsonNumber(at, end);
  if (number_end == nullptr) return end + 1;
  value = JsonNumberValue({at, static_cast<std::size_t>(number_end - at)});
  return number_end;
}

// A JSON number.
inline const char* ReadNumber(const char* at, const char* end, DecimalLayout& layout,
                              double& value) {
  const bool negative = *at == '-';
  const ShortNumber number(at + (negative ? 1 : 0));
  const char* number_end = number.ReadAs(layout, value);
  if (number_end == nullptr) [[unlikely]] {
    // Of its own, so that the address of `value` is not taken.
    double other = 0;
    number_end = number.Read(layout, other);
    if (number_end == nullptr) {
      if (at > end) return at;
      number_end = ReadLongNumber(at, end, other);
      value = other;
      return number_end;
    }
    value = other;
  }
  if (negative) value = -value;
  return number_end;
}

// `true`, `false` or `null`.
inline const char* ReadLiteral(const char* at, const char* end) {
  if (std::memcmp(at, "true", 4) == 0 || std::memcmp(at, "null", 4) == 0) return at + 4;
  return std::memcmp(at, "false", 5) == 0 ? at + 5 : end + 1;
}

constexpr bool IsSpace(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

}  // namespace

// Takes a good record apart. It is flat and has no backslash, so that keys and strings end at the
// next quotation mark and other values before a comma, a brace or white space.
class ShapeReader::Learner {
 public:
  Learner(const std::vector<MetricSpec>& metrics, const FieldTable& fields, std::string_view record)
      : metrics_(metrics), fields_(fields), record_(record) {}

  // False when the record is not one to learn from.
  bool Learn(Shape& shape) {
    if (!record_.starts_with('{') || !record_.ends_with('}')) return false;
    std::size_t at = 1;
    while (true) {
      at = record_.find('"', at);
      if (at == std::string_view::npos) break;
      const std::size_t key_end = record_.find('"', at + 1);
      if (key_end == std::string_view::npos) return false;
      const Field field = fields_.Find(record_.substr(at + 1, key_end - at - 1));
      at = record_.find(':', key_end);
      if (at == std::string_view::npos) return false;
      do {
        ++at;
      } while (at < record_.size() && IsSpace(record_[at]));
      at = AddValue(shape, field, at);
      if (at == std::string_view::npos) return false;
    }
    AddStep(shape, {.value = Value::kNone}, record_.size());
    NoteWhatIsAbsent(shape);
    return text_bytes_ <= kMaxTextBytes;
  }

 private:
  // Adds the step of the value at `at`; returns where it ends. A null of a declared field is part
  // of the bytes of the shape: the field is absent in all its records.
  std::size_t AddValue(Shape& shape, Field field, std::size_t at) {
    if (at >= record_.size()) return std::string_view::npos;
    if (record_[at] == '"') {
      const std::size_t end = record_.find('"', at + 1);
      if (end == std::string_view::npos) return end;
      AddStep(shape, {.value = TextOf(field), .length = static_cast<std::uint32_t>(end - at - 1)},
              at + 1);
      literal_begin_ = end;
      return end + 1;
    }
    const std::size_t end = record_.find_first_of(",} \t\n\r", at);
    if (end == std::string_view::npos) return end;
    const bool is_literal = record_[at] >= 'a';
    const bool is_null = record_[at] == 'n';
    if (is_null && field.role != FieldRole::kUndeclared) return end;
    Step step = {.value = is_literal ? Value::kAnyLiteral : Value::kAnyNumber};
    if (field.role == FieldRole::kMetric) {
      step.value = metrics_[field.metric].is_bool ? Value::kBoolMetric : Value::kMetric;
      step.metric = field.metric;
      step.min = metrics_[field.metric].min;
      step.max = metrics_[field.metric].max;
    }
    AddStep(shape, step, at);
    literal_begin_ = end;
    return end;
  }

  void NoteWhatIsAbsent(Shape& shape) const {
    for (std::uint32_t metric = 0; metric < metrics_.size(); ++metric) {
      const auto has = [&](const Step& step) {
        return (step.value == Value::kMetric || step.value == Value::kBoolMetric) &&
               step.metric == metric;
      };
      if (std::ranges::none_of(shape.steps, has)) shape.absent.push_back(metric);
    }
    shape.has_status =
        std::ranges::find(shape.steps, Value::kStatus, &Step::value) != shape.steps.end();
  }

  static Value TextOf(Field field) {
    switch (field.role) {
      case FieldRole::kDeviceId:
        return Value::kDeviceId;
      case FieldRole::kTimestamp:
        return Value::kTimestamp;
      case FieldRole::kStatus:
        return Value::kStatus;
      default:
        return Value::kAnyString;
    }
  }

  // Adds a step whose bytes end before `end`.
  void AddStep(Shape& shape, Step step, std::size_t end) {
    std::string_view bytes = record_.substr(literal_begin_, end - literal_begin_);
    text_bytes_ += bytes.size();
    constexpr std::size_t kMost = decltype(Step::head)::kBytes;
    for (; bytes.size() > kMost; bytes.remove_prefix(kMost)) {
      shape.steps.push_back(WithHead({.value = Value::kNone}, bytes.substr(0, kMost)));
    }
    shape.steps.push_back(WithHead(step, bytes));
  }
  static Step WithHead(Step step, std::string_view bytes) {
    step.size = static_cast<std::uint32_t>(bytes.size());
    step.head = decltype(step.head)(bytes);
    return step;
  }

  const std::vector<MetricSpec>& metrics_;
  const FieldTable& fields_;
  const std::string_view record_;
  std::size_t literal_begin_ = 0;
  std::size_t text_bytes_ = 0;
};

ShapeReader::ShapeReader(const std::vector<MetricSpec>& metrics, const FieldTable& fields,
                         EventLimits limits)
    : metrics_(metrics),
      fields_(fields),
      limits_(limits),
      credit_(kFirstCredit),
      skip_next_(kFirstSkip) {
  shapes_.reserve(kMaxShapes);
  run_.metrics.resize(metrics.size());
}

ShapeReader::Answer ShapeReader::Read(std::string_view record, EventBatch& batch) {
  if (record.size() > limits_.max_bytes) return Answer::kNotTried;
  if (skip_ > 0) {
    --skip_;
    return Answer::kNotTried;
  }
  if (shapes_.empty()) return Answer::kNotRead;
  const std::size_t guess = shapes_[last_].next;
  const Answer answer = Match(shapes_[guess], record, batch);
  if (answer == Answer::kNotRead) return MatchOthers(guess, record, batch);
  if (answer == Answer::kGood) {
    Follow(guess);
    CountMatches(1);
  }
  return answer;
}

std::size_t ShapeReader::ReadRun(std::span<const std::string_view> records, EventBatch& batch) {
  if (skip_ > 0 || shapes_.empty()) return 0;
  std::size_t done = 0;
  while (done < records.size()) {
    const auto some = records.subspan(done, std::min(kRunRows, records.size() - done));
    std::size_t rows = 0;
    std::size_t guess = shapes_[last_].next;
    while (rows < some.size() && some[rows].size() <= limits_.max_bytes) {
      if (MatchRow(shapes_[guess], some[rows], rows) != Answer::kGood) break;
      ++rows;
      if (guess != last_) Follow(guess);
      guess = shapes_[guess].next;
    }
    if (rows > 0) Append(some.first(rows), batch);
    CountMatches(rows);
    done += rows;
    if (rows < some.size()) break;
  }
  return done;
}

ShapeReader::Answer ShapeReader::MatchOthers(std::size_t guess, std::string_view record,
                                             EventBatch& batch) {
  for (std::size_t index = 0; index < shapes_.size(); ++index) {
    if (index == guess) continue;
    const Answer answer = Match(shapes_[index], record, batch);
    if (answer == Answer::kNotRead) continue;
    if (answer == Answer::kGood) {
      Follow(index);
      CountMatches(1);
    }
    return answer;
  }
  CountMiss();
  return Answer::kNotRead;
}

inline void ShapeReader::Follow(std::size_t index) {
  shapes_[last_].next = index;
  last_ = index;
}

void ShapeReader::CountMatches(std::size_t records) {
  if (records == 0) return;
  credit_ = std::min(credit_ + 2 * static_cast<int>(records), kMaxCredit);
  skip_next_ = kFirstSkip;
}

void ShapeReader::CountMiss() {
  if (--credit_ >= 0) return;
  credit_ = kProbeCredit;
  skip_ = skip_next_;
  skip_next_ = std::min(2 * skip_next_, kMaxSkip);
}

ShapeReader::Answer ShapeReader::Match(Shape& shape, std::string_view record, EventBatch& batch) {
  const Answer answer = MatchRow(shape, record, 0);
  if (answer == Answer::kGood) Append({&record, 1}, batch);
  return answer;
}

// Reads the record into the row of the run.
[[gnu::always_inline]] inline ShapeReader::Answer ShapeReader::MatchRow(Shape& shape,
                                                                        std::string_view record,
                                                                        std::size_t row) {
  const char* at = record.data();
  const char* const end = at + record.size();
  for (Step& step : shape.steps) {
    if (!step.head.Match(at)) return Answer::kNotRead;
    // The bytes behind the record can be of the shape as well, and then a value: it ends behind
    // `end`, too.
    at += step.size;
    const char* const begin = at;
    switch (step.value) {
      case Value::kNone:
        break;
      case Value::kMetric: {
        double value = 0;
        at = ReadNumber(at, end, step.layout, value);
        if (at > end) return Answer::kNotRead;
        if (!(value >= step.min && value <= step.max)) return Answer::kOutsideRange;
        run_.metrics[step.metric][row] = value;
        break;
      }
      case Value::kDeviceId: {
        at = ReadPlainText(at, end);
        const auto size = static_cast<std::size_t>(at - begin);
        if (size - 1 >= kMaxDeviceIdBytes) return Answer::kNotRead;
        run_.device_id[row] = {begin, size};
        break;
      }
      case Value::kTimestamp:
        at = ReadTimestamp(step, at, end, run_.time_us[row]);
        break;
      case Value::kStatus:
        at = ReadPlainText(at, end);
        run_.status[row] = {begin, static_cast<std::size_t>(at - begin)};
        break;
      case Value::kBoolMetric:
        run_.metrics[step.metric][row] = *at == 't' ? 1 : 0;
        at = *at == 'n' ? end + 1 : ReadLiteral(at, end);
        break;
      case Value::kAnyString:
        at = ReadPlainText(at, end);
        break;
      case Value::kAnyNumber:
        at = at <= end ? ScanJsonNumber(at, end) : nullptr;
        if (at == nullptr) return Answer::kNotRead;
        break;
      case Value::kAnyLiteral:
        at = ReadLiteral(at, end);
        break;
      default:
        __builtin_unreachable();
    }
    if (at > end) return Answer::kNotRead;
  }
  if (at != end) return Answer::kNotRead;
  if (!shape.has_status) run_.status[row] = {};
  for (const std::uint32_t metric : shape.absent) run_.metrics[metric][row] = EventBatch::kNull;
  return Answer::kGood;
}

// The first rows of the run, which are those of the records.
void ShapeReader::Append(std::span<const std::string_view> records, EventBatch& batch) const {
  const std::size_t rows = records.size();
  const auto append = [rows](auto& column, const auto& from) {
    column.insert(column.end(), from.begin(), from.begin() + static_cast<std::ptrdiff_t>(rows));
  };
  const std::size_t size = batch.size() + rows;
  if (size > batch.reject.capacity()) batch.Reserve(2 * size);
  append(batch.device_id, run_.device_id);
  append(batch.time_us, run_.time_us);
  append(batch.status, run_.status);
  append(batch.bytes, records);
  batch.reject.insert(batch.reject.end(), rows, RejectReason::kNone);
  batch.object_begin.insert(batch.object_begin.end(), rows, 0);
  batch.object_end.resize(size);
  for (std::size_t row = 0; row < rows; ++row) {
    batch.object_end[size - rows + row] = static_cast<std::uint32_t>(records[row].size());
  }
  for (std::size_t metric = 0; metric < run_.metrics.size(); ++metric) {
    append(batch.metrics[metric], run_.metrics[metric]);
  }
}

// A text that is a time has no character of JSON in it, so its end is found by its length.
inline const char* ShapeReader::ReadTimestamp(const Step& step, const char* at, const char* end,
                                              std::int64_t& time_us) {
  const char* text_end = at + step.length;
  if (end - at <= static_cast<std::ptrdiff_t>(step.length) || *text_end != '"') {
    text_end = ReadPlainText(at, end);
    if (text_end > end) return text_end;
  }
  const std::string_view text(at, static_cast<std::size_t>(text_end - at));
  if (time_parser_.ParseLike(text, time_us)) [[likely]]
    return text_end;
  const auto time = time_parser_.Parse(text);
  time_us = time.value_or(0);
  return time ? text_end : end + 1;
}

void ShapeReader::Learn(std::string_view record) {
  Shape shape;
  if (!Learner(metrics_, fields_, record).Learn(shape)) return;
  if (shapes_.size() < kMaxShapes) {
    shape.next = last_ = shapes_.size();
    shapes_.push_back(std::move(shape));
    return;
  }
  shape.next = last_ = oldest_;
  shapes_[oldest_] = std::move(shape);
  oldest_ = (oldest_ + 1) % kMaxShapes;
}

}  // namespace tocsin
