#include "model/event_parser.h"

#include <simdjson.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/time_text.h"
#include "model/event_fields.h"
#include "model/json_number.h"
#include "model/key_table.h"
#include "model/shape_reader.h"
#include "model/strict_reader.h"

namespace tocsin {
namespace {

using simdjson::ondemand::document;
using simdjson::ondemand::field;
using simdjson::ondemand::object;

static_assert(EventParser::kPadding >= simdjson::SIMDJSON_PADDING);

constexpr std::size_t kFirstCapacity = 4096;  // bytes; the parser's memory grows with the records

constexpr bool IsSpace(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

std::string_view WithoutSpaceBehind(std::string_view text) {
  while (!text.empty() && IsSpace(text.back())) text.remove_suffix(1);
  return text;
}

constexpr double kPowersOfTen[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

// The value of a decimal of at most 15 digits without exponent: both operands of the one division
// are exact, so the result is the nearest double. False for every other text.
bool PlainDecimal(std::string_view text, double& value) {
  const char* at = text.data();
  const char* const end = at + text.size();
  const bool negative = *at == '-';
  if (negative) ++at;
  if (end - at > 16) return false;
  std::int64_t digits = 0;
  const char* const first = at;
  for (; at != end && *at >= '0' && *at <= '9'; ++at) digits = digits * 10 + (*at - '0');
  const auto whole = at - first;
  if (whole == 0 || (whole > 1 && *first == '0')) return false;
  std::ptrdiff_t decimals = 0;
  if (at != end && *at == '.') {
    const char* const point = at++;
    for (; at != end && *at >= '0' && *at <= '9'; ++at) digits = digits * 10 + (*at - '0');
    decimals = at - point - 1;
    if (decimals == 0) return false;
  }
  if (at != end || whole + decimals > 15) return false;
  value = static_cast<double>(digits) / kPowersOfTen[decimals];
  if (negative) value = -value;
  return true;
}

bool IsNumber(std::string_view text) {
  return ScanJsonNumber(text.data(), text.data() + text.size()) == text.data() + text.size();
}

bool IsLiteral(std::string_view text) {
  return text == "null" || text == "true" || text == "false";
}

}  // namespace

// Has records of known shapes read by their shape and reads plain ones itself: a flat object
// without a backslash, in which everything is as it should be. Whatever it does not take is the
// strict reader's to judge.
class EventParser::Impl {
 public:
  Impl(std::vector<MetricSpec> metrics, EventLimits limits)
      : limits_(limits),
        strict_(std::move(metrics), limits),
        metrics_(strict_.metrics()),
        keys_(strict_.fields()),
        shapes_(metrics_, strict_.fields(), limits),
        values_(metrics_.size()) {
    if (parser_.allocate(std::min(limits.max_bytes, kFirstCapacity)) != simdjson::SUCCESS) {
      limits_.max_bytes = 0;  // without memory for simdjson the strict reader does it all
    }
  }

  void Parse(std::string_view record, EventBatch& batch) {
    const ShapeReader::Answer answer = shapes_.Read(record, batch);
    if (answer == ShapeReader::Answer::kGood) return;
    if (answer != ShapeReader::Answer::kOutsideRange && ParsePlain(record, batch)) {
      if (answer == ShapeReader::Answer::kNotRead) shapes_.Learn(record);
      return;
    }
    ++strict_reads_;
    strict_.Parse(record, batch);
  }

  void ParseAll(std::span<const std::string_view> records, EventBatch& batch) {
    while (true) {
      records = records.subspan(shapes_.ReadRun(records, batch));
      if (records.empty()) return;
      Parse(records[0], batch);
      records = records.subspan(1);
    }
  }

  const std::vector<MetricSpec>& metrics() const { return metrics_; }
  std::uint64_t strict_reads() const { return strict_reads_; }

 private:
  bool ParsePlain(std::string_view record, EventBatch& batch);
  bool ReadFields(document& doc, const char* end);
  bool ReadField(Field role, std::string_view value);
  bool ReadMetric(std::size_t metric, std::string_view value);
  bool IsComplete() const;

  EventLimits limits_;
  StrictReader strict_;
  std::uint64_t strict_reads_ = 0;
  const std::vector<MetricSpec>& metrics_;
  KeyTable keys_;
  ShapeReader shapes_;
  TimeParser time_parser_;
  simdjson::ondemand::parser parser_;
  // Values of the record at hand.
  std::string_view device_id_;
  std::string_view status_;
  std::int64_t time_us_ = 0;
  bool has_time_ = false;
  std::vector<double> values_;
};

bool EventParser::Impl::ParsePlain(std::string_view record, EventBatch& batch) {
  if (record.size() > limits_.max_bytes || limits_.max_depth < 1) return false;
  std::size_t begin = 0;
  std::size_t end = record.size();
  while (begin < end && IsSpace(record[begin])) ++begin;
  while (end > begin && IsSpace(record[end - 1])) --end;
  if (end - begin < 2 || record[begin] != '{' || record[end - 1] != '}') return false;
  if (std::memchr(record.data(), '\\', record.size()) != nullptr) return false;

  document doc;
  if (parser_.iterate(record.data(), record.size(), record.size() + kPadding).get(doc) !=
      simdjson::SUCCESS) {
    return false;
  }
  if (!ReadFields(doc, record.data() + record.size()) || !IsComplete()) return false;
  batch.AddGood(record, {.begin = begin, .end = end}, device_id_, time_us_, status_,
                values_.data());
  return true;
}

bool EventParser::Impl::ReadFields(document& doc, const char* end) {
  device_id_ = status_ = {};
  has_time_ = false;
  std::ranges::fill(values_, EventBatch::kNull);
  keys_.BeginRecord();
  object members;
  if (doc.get_object().get(members) != simdjson::SUCCESS) return false;
  std::size_t count = 0;
  for (auto next : members) {
    field member;
    if (std::move(next).get(member) != simdjson::SUCCESS) return false;
    if (++count > limits_.max_fields) return false;
    const KeyTable::Key* const key = keys_.Next(member.key().raw(), end);
    // The token reaches to the next one. With no backslash in the record nothing but white space
    // can stand between the end of a string and there. On-Demand itself would skip `"a":1` in the
    // place of a value as if it were one.
    const std::string_view token = member.value().raw_json_token();
    const char next_token = token.data()[token.size()];
    if (next_token != ',' && next_token != '}') return false;
    const std::string_view value = WithoutSpaceBehind(token);
    if (key == nullptr || !ReadField(key->field, value)) return false;
  }
  // What follows the object would be the current location.
  return doc.current_location().error() == simdjson::OUT_OF_BOUNDS;
}

bool EventParser::Impl::ReadField(Field role, std::string_view value) {
  const char first = value.front();
  const bool is_string = first == '"';
  if (first == '{' || first == '[') return false;
  if (role.role == FieldRole::kMetric) return ReadMetric(role.metric, value);
  if (role.role == FieldRole::kReserved) return false;
  if (role.role == FieldRole::kUndeclared) {
    return is_string || IsLiteral(value) || IsNumber(value);
  }
  if (value == "null") return true;
  if (!is_string) return false;
  const std::string_view text = value.substr(1, value.size() - 2);
  if (role.role == FieldRole::kDeviceId) {
    device_id_ = text;
    return !text.empty() && text.size() <= kMaxDeviceIdBytes;
  }
  if (role.role == FieldRole::kStatus) {
    status_ = text;
    return true;
  }
  const std::optional<std::int64_t> time = time_parser_.Parse(text);
  has_time_ = time.has_value();
  time_us_ = time.value_or(0);
  return has_time_;
}

bool EventParser::Impl::ReadMetric(std::size_t metric, std::string_view value) {
  const MetricSpec& spec = metrics_[metric];
  double& result = values_[metric];
  if (value == "null") return true;
  if (spec.is_bool) {
    result = value == "true" ? 1 : 0;
    return value == "true" || value == "false";
  }
  if (!PlainDecimal(value, result)) {
    if (!IsNumber(value)) return false;
    result = JsonNumberValue(value);
  }
  return result >= spec.min && result <= spec.max && std::isfinite(result);
}

bool EventParser::Impl::IsComplete() const {
  if (device_id_.empty() || !has_time_) return false;
  for (std::size_t i = 0; i < metrics_.size(); ++i) {
    if (metrics_[i].required && EventBatch::IsNull(values_[i])) return false;
  }
  return true;
}

EventParser::EventParser(std::vector<MetricSpec> metrics, EventLimits limits)
    : impl_(std::make_unique<Impl>(std::move(metrics), limits)) {}
EventParser::~EventParser() = default;

void EventParser::Parse(std::string_view record, EventBatch& batch) {
  impl_->Parse(record, batch);
}

void EventParser::ParseAll(std::span<const std::string_view> records, EventBatch& batch) {
  impl_->ParseAll(records, batch);
}

const std::vector<MetricSpec>& EventParser::metrics() const {
  return impl_->metrics();
}

std::uint64_t EventParser::strict_reads() const {
  return impl_->strict_reads();
}

}  // namespace tocsin
