#include "model/shape_reader.h"

#include <algorithm>
#include <bit>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/bytes.h"
#include "model/json_number.h"

namespace tocsin {
namespace {

constexpr int kFirstCredit = 32;
constexpr int kMaxCredit = 64;
constexpr int kProbeCredit = 4;
constexpr std::uint32_t kFirstSkip = 256;
constexpr std::uint32_t kMaxSkip = 8192;
constexpr std::size_t kMaxTextBytes = 4096;
constexpr std::size_t kWord = sizeof(std::uint64_t);

constexpr std::uint64_t kOnes = 0x0101'0101'0101'0101;
constexpr std::uint64_t kHighBits = 0x8080'8080'8080'8080;
constexpr double kPowersOfTen[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7};

// The place of the lowest byte whose high bit is set.
inline unsigned LowestByte(std::uint64_t bits) {
  return static_cast<unsigned>(std::countr_zero(bits)) / 8;
}

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

// What follows reads a value at `at`, which is not behind `end`, and gives where it ends; a place
// behind `end` when there is no such value before it. Up to EventParser::kPadding bytes behind
// `end` are readable.

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

// The number of the `count` digits (1 to 8) in the lowest bytes of `digits`, each byte 0 to 9, the
// first digit the lowest. Bytes above them do not matter.
inline std::uint64_t NumberOf(std::uint64_t digits, unsigned count) {
  digits <<= 8 * (8 - count);
  const std::uint64_t pairs = (digits * 10 + (digits >> 8)) & 0x00FF'00FF'00FF'00FF;
  const std::uint64_t fours = (pairs * 100 + (pairs >> 16)) & 0x0000'FFFF'0000'FFFF;
  return (fours * 10'000 + (fours >> 32)) & 0xFFFF'FFFF;
}

// A number without sign and exponent that ends within eight bytes, or nullptr. A decimal is one
// division of exact operands, so it is the nearest double.
inline const char* ReadShortNumber(const char* at, double& value) {
  // Bytes 0 to 9 are digits; adding 0x76 sets the high bit of those above 9.
  const std::uint64_t digits = GetFixed<std::uint64_t>(at) ^ (kOnes * '0');
  const std::uint64_t others = (((digits & ~kHighBits) + kOnes * 0x76) | digits) & kHighBits;
  const std::uint64_t after_point = others & (others - 1);
  if (after_point == 0) return nullptr;
  const unsigned whole = LowestByte(others);
  const std::uint64_t first = digits & 0xff;
  // A zero stands alone, and a number begins with a digit.
  if (first - 1 > 8 && (first != 0 || whole != 1)) return nullptr;
  if (at[whole] != '.') {
    value = static_cast<double>(NumberOf(digits, whole));
    at += whole;
  } else {
    const unsigned size = LowestByte(after_point);
    const unsigned decimals = size - whole - 1;
    if (decimals == 0) return nullptr;
    const std::uint64_t low = (others ^ (others - 1)) >> 8;  // the bytes before the point
    const std::uint64_t without_point = (digits & low) | (digits >> 8 & ~low);
    value = static_cast<double>(NumberOf(without_point, size - 1)) / kPowersOfTen[decimals];
    at += size;
  }
  return (*at | 0x20) == 'e' ? nullptr : at;
}

[[gnu::noinline]] const char* ReadLongNumber(const char* at, const char* end, double& value) {
  const char* const number_end = ScanJsonNumber(at, end);
  if (number_end == nullptr) return end + 1;
  value = JsonNumberValue({at, static_cast<std::size_t>(number_end - at)});
  return number_end;
}

// A JSON number.
inline const char* ReadNumber(const char* at, const char* end, double& value) {
  const bool negative = *at == '-';
  const char* const number_end = ReadShortNumber(at + (negative ? 1 : 0), value);
  if (number_end == nullptr) return ReadLongNumber(at, end, value);
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
    shape.values.assign(metrics_.size(), EventBatch::kNull);
    return shape.text.size() <= kMaxTextBytes;
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
    }
    AddStep(shape, step, at);
    literal_begin_ = end;
    return end;
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
    step.begin = static_cast<std::uint32_t>(shape.text.size());
    const std::string_view bytes = record_.substr(literal_begin_, end - literal_begin_);
    step.size = static_cast<std::uint32_t>(bytes.size());
    const std::size_t head = std::min(bytes.size(), sizeof step.head);
    std::memcpy(step.head.data(), bytes.data(), head);
    std::memset(step.head_mask.data(), 0xff, head);
    shape.text += bytes;
    shape.steps.push_back(step);
  }

  const std::vector<MetricSpec>& metrics_;
  const FieldTable& fields_;
  const std::string_view record_;
  std::size_t literal_begin_ = 0;
};

ShapeReader::ShapeReader(const std::vector<MetricSpec>& metrics, const FieldTable& fields,
                         EventLimits limits)
    : metrics_(metrics),
      fields_(fields),
      limits_(limits),
      credit_(kFirstCredit),
      skip_next_(kFirstSkip) {
  shapes_.reserve(kMaxShapes);
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
  if (answer == Answer::kGood) CountHit(guess);
  return answer;
}

ShapeReader::Answer ShapeReader::MatchOthers(std::size_t guess, std::string_view record,
                                             EventBatch& batch) {
  for (std::size_t index = 0; index < shapes_.size(); ++index) {
    if (index == guess) continue;
    const Answer answer = Match(shapes_[index], record, batch);
    if (answer == Answer::kNotRead) continue;
    if (answer == Answer::kGood) CountHit(index);
    return answer;
  }
  CountMiss();
  return Answer::kNotRead;
}

inline void ShapeReader::CountHit(std::size_t index) {
  shapes_[last_].next = index;
  last_ = index;
  credit_ = std::min(credit_ + 2, kMaxCredit);
  skip_next_ = kFirstSkip;
}

void ShapeReader::CountMiss() {
  if (--credit_ >= 0) return;
  credit_ = kProbeCredit;
  skip_ = skip_next_;
  skip_next_ = std::min(2 * skip_next_, kMaxSkip);
}

ShapeReader::Answer ShapeReader::Match(Shape& shape, std::string_view record, EventBatch& batch) {
  const char* at = record.data();
  const char* const end = at + record.size();
  std::string_view device_id;
  std::string_view status;
  for (const Step& step : shape.steps) {
    const auto [first, second] = step.head;
    const auto [first_mask, second_mask] = step.head_mask;
    const std::uint64_t differ = ((GetFixed<std::uint64_t>(at) ^ first) & first_mask) |
                                 ((GetFixed<std::uint64_t>(at + kWord) ^ second) & second_mask);
    if (differ != 0) return Answer::kNotRead;
    if (step.size > sizeof step.head) {
      if (static_cast<std::size_t>(end - at) < step.size ||
          std::memcmp(at, shape.text.data() + step.begin, step.size) != 0) {
        return Answer::kNotRead;
      }
    }
    at += step.size;
    // The bytes behind the record can be of the shape as well.
    if (at > end) return Answer::kNotRead;
    const char* const begin = at;
    switch (step.value) {
      case Value::kNone:
        break;
      case Value::kMetric: {
        double& value = shape.values[step.metric];
        at = ReadNumber(at, end, value);
        if (at > end) return Answer::kNotRead;
        const MetricSpec& spec = metrics_[step.metric];
        if (!(value >= spec.min && value <= spec.max)) return Answer::kOutsideRange;
        break;
      }
      case Value::kDeviceId:
        at = ReadPlainText(at, end);
        device_id = {begin, static_cast<std::size_t>(at - begin)};
        if (device_id.empty() || device_id.size() > kMaxDeviceIdBytes) return Answer::kNotRead;
        break;
      case Value::kTimestamp:
        at = ReadTimestamp(step, at, end);
        break;
      case Value::kStatus:
        at = ReadPlainText(at, end);
        status = {begin, static_cast<std::size_t>(at - begin)};
        break;
      case Value::kBoolMetric:
        shape.values[step.metric] = *at == 't' ? 1 : 0;
        at = *at == 'n' ? end + 1 : ReadLiteral(at, end);
        break;
      case Value::kAnyString:
        at = ReadPlainText(at, end);
        break;
      case Value::kAnyNumber:
        at = ScanJsonNumber(at, end);
        if (at == nullptr) return Answer::kNotRead;
        break;
      case Value::kAnyLiteral:
        at = ReadLiteral(at, end);
        break;
    }
    if (at > end) return Answer::kNotRead;
  }
  if (at != end) return Answer::kNotRead;
  batch.AddGood(record, {.begin = 0, .end = record.size()}, device_id, time_us_, status,
                shape.values.data());
  return Answer::kGood;
}

// A text that is a time has no character of JSON in it, so its end is found by its length.
inline const char* ShapeReader::ReadTimestamp(const Step& step, const char* at, const char* end) {
  const char* text_end = at + step.length;
  if (static_cast<std::size_t>(end - at) <= step.length || *text_end != '"') {
    text_end = ReadPlainText(at, end);
    if (text_end > end) return text_end;
  }
  const auto time = time_parser_.Parse({at, static_cast<std::size_t>(text_end - at)});
  time_us_ = time.value_or(0);
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
