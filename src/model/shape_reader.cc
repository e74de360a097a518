#include "model/shape_reader.h"

#include <algorithm>
#include <bit>
#include <cstring>

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

// High bits of the bytes of `word` that end plain ASCII text or have no place in it: quotation
// mark, backslash, control characters, bytes of other characters. Exact up to the lowest of them,
// which is all that is asked for (a borrow can only mark bytes above it).
inline std::uint64_t EndOfText(std::uint64_t word) {
  const std::uint64_t quote = word ^ (kOnes * '"');
  const std::uint64_t backslash = word ^ (kOnes * '\\');
  return (((quote - kOnes) & ~quote) | ((backslash - kOnes) & ~backslash) |
          ((word - kOnes * 0x20) & ~word) | word) &
         kHighBits;
}

// The closing quotation mark of the plain text at `at`, or nullptr when it is not plain or has no
// end before `end`.
inline const char* PlainTextEnd(const char* at, const char* end) {
  for (; at < end; at += kWord) {
    const std::uint64_t found = EndOfText(GetFixed<std::uint64_t>(at));
    if (found == 0) continue;
    at += LowestByte(found);
    return at < end && *at == '"' ? at : nullptr;
  }
  return nullptr;
}

// The number of the `count` digits (1 to 8) in the lowest bytes of `digits`, each byte 0 to 9, the
// first digit the lowest. Bytes above them do not matter.
inline std::uint64_t NumberOf(std::uint64_t digits, unsigned count) {
  digits <<= 8 * (8 - count);
  const std::uint64_t pairs = (digits * 10 + (digits >> 8)) & 0x00FF'00FF'00FF'00FF;
  const std::uint64_t fours = (pairs * 100 + (pairs >> 16)) & 0x0000'FFFF'0000'FFFF;
  return (fours * 10'000 + (fours >> 32)) & 0xFFFF'FFFF;
}

// Reads the JSON number at `at`; nullptr when there is none. A decimal that ends within eight
// bytes is one division of exact operands, so it is the nearest double.
inline const char* ReadNumber(const char* at, const char* end, double& value) {
  const char* const begin = at;
  const bool negative = *at == '-';
  at += negative ? 1 : 0;
  // Bytes 0 to 9 are digits; adding 0x76 sets the high bit of those above 9.
  const std::uint64_t digits = GetFixed<std::uint64_t>(at) ^ (kOnes * '0');
  const std::uint64_t others = (((digits & ~kHighBits) + kOnes * 0x76) | digits) & kHighBits;
  const std::uint64_t after_point = others & (others - 1);
  if (others != 0 && after_point != 0) {
    const unsigned whole = LowestByte(others);
    if (whole == 0 || (whole > 1 && *at == '0')) return nullptr;
    if (at[whole] != '.') {
      value = static_cast<double>(NumberOf(digits, whole));
      at += whole;
    } else {
      const unsigned size = LowestByte(after_point);
      const unsigned decimals = size - whole - 1;
      if (decimals == 0) return nullptr;
      const std::uint64_t low = (std::uint64_t{1} << 8 * whole) - 1;
      const std::uint64_t without_point = (digits & low) | (digits >> 8 & ~low);
      value = static_cast<double>(NumberOf(without_point, size - 1)) / kPowersOfTen[decimals];
      at += size;
    }
    if (*at != 'e' && *at != 'E') {
      if (negative) value = -value;
      return at;
    }
  }
  at = ScanJsonNumber(begin, end);
  if (at != nullptr) value = JsonNumberValue({begin, static_cast<std::size_t>(at - begin)});
  return at;
}

// The end of `true`, `false` or `null` at `at`, or nullptr.
inline const char* LiteralEnd(const char* at) {
  if (std::memcmp(at, "true", 4) == 0 || std::memcmp(at, "null", 4) == 0) return at + 4;
  return std::memcmp(at, "false", 5) == 0 ? at + 5 : nullptr;
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
    shape.text.append(kWord, '\0');
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
    step.size = static_cast<std::uint32_t>(end - literal_begin_);
    const std::uint32_t in_last_word = (step.size - 1) % kWord + 1;
    step.last_mask = ~std::uint64_t{0} >> 8 * (kWord - in_last_word);
    shape.text += record_.substr(literal_begin_, step.size);
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
  for (std::size_t i = 0; i <= shapes_.size(); ++i) {
    const std::size_t index = i == 0 ? guess : i - 1;
    if (i > 0 && index == guess) continue;
    const Answer answer = Match(shapes_[index], record, batch);
    if (answer == Answer::kNotRead) continue;
    if (answer == Answer::kGood) {
      shapes_[last_].next = index;
      last_ = index;
      credit_ = credit_ < kMaxCredit ? credit_ + 2 : kMaxCredit;
      skip_next_ = kFirstSkip;
    }
    return answer;
  }
  CountMiss();
  return Answer::kNotRead;
}

void ShapeReader::CountMiss() {
  if (--credit_ >= 0) return;
  credit_ = kProbeCredit;
  skip_ = skip_next_;
  skip_next_ = std::min(2 * skip_next_, kMaxSkip);
}

// Behind the record kPadding bytes are readable, so that a word may be read at its end.
ShapeReader::Answer ShapeReader::Match(Shape& shape, std::string_view record, EventBatch& batch) {
  const char* at = record.data();
  const char* const end = at + record.size();
  status_ = {};
  for (const Step& step : shape.steps) {
    if (static_cast<std::size_t>(end - at) < step.size) return Answer::kNotRead;
    const char* expected = shape.text.data() + step.begin;
    std::size_t left = step.size;
    for (; left > kWord; left -= kWord, at += kWord, expected += kWord) {
      if (GetFixed<std::uint64_t>(at) != GetFixed<std::uint64_t>(expected)) return Answer::kNotRead;
    }
    const std::uint64_t differ = GetFixed<std::uint64_t>(at) ^ GetFixed<std::uint64_t>(expected);
    if ((differ & step.last_mask) != 0) return Answer::kNotRead;
    at += left;
    switch (step.value) {
      case Value::kNone:
        break;
      case Value::kMetric: {
        double& value = shape.values[step.metric];
        at = ReadNumber(at, end, value);
        if (at == nullptr) return Answer::kNotRead;
        const MetricSpec& spec = metrics_[step.metric];
        if (!(value >= spec.min && value <= spec.max)) return Answer::kOutsideRange;
        break;
      }
      case Value::kDeviceId: {
        const char* const begin = at;
        at = PlainTextEnd(at, end);
        if (at == nullptr) return Answer::kNotRead;
        device_id_ = {begin, static_cast<std::size_t>(at - begin)};
        if (device_id_.empty() || device_id_.size() > kMaxDeviceIdBytes) return Answer::kNotRead;
        break;
      }
      case Value::kTimestamp:
        if (!ReadTimestamp(step, at, end)) return Answer::kNotRead;
        break;
      case Value::kStatus: {
        const char* const begin = at;
        at = PlainTextEnd(at, end);
        if (at == nullptr) return Answer::kNotRead;
        status_ = {begin, static_cast<std::size_t>(at - begin)};
        break;
      }
      case Value::kBoolMetric:
        shape.values[step.metric] = *at == 't' ? 1 : 0;
        at = *at == 'n' ? nullptr : LiteralEnd(at);
        break;
      case Value::kAnyString:
        at = PlainTextEnd(at, end);
        break;
      case Value::kAnyNumber:
        at = ScanJsonNumber(at, end);
        break;
      case Value::kAnyLiteral:
        at = LiteralEnd(at);
        break;
    }
    if (at == nullptr || at > end) return Answer::kNotRead;
  }
  if (at != end) return Answer::kNotRead;
  batch.AddGood(record, {.begin = 0, .end = record.size()}, device_id_, time_us_, status_,
                shape.values.data());
  return Answer::kGood;
}

// A text that is a time has no character of JSON in it, so its end is found by its length.
bool ShapeReader::ReadTimestamp(const Step& step, const char*& at, const char* end) {
  const char* text_end = at + step.length;
  if (static_cast<std::size_t>(end - at) <= step.length || *text_end != '"') {
    text_end = PlainTextEnd(at, end);
    if (text_end == nullptr) return false;
  }
  const auto time = time_parser_.Parse({at, static_cast<std::size_t>(text_end - at)});
  if (!time) return false;
  time_us_ = *time;
  at = text_end;
  return true;
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
