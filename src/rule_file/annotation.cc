#include "rule_file/annotation.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "base/json_text.h"
#include "base/text.h"
#include "base/time_text.h"

namespace tocsin {
namespace {

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())) != 0) {
    text.remove_prefix(1);
  }
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) {
    text.remove_suffix(1);
  }
  return text;
}

bool IsName(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '.';
  });
}

void AppendNumber(std::string& out, double number) {
  if (std::isinf(number)) {
    out += number < 0 ? "-Inf" : "+Inf";
  } else {
    AppendJsonNumber(out, number);
  }
}

}  // namespace

struct AnnotationTemplate::Name {
  std::string_view name;
  Field field;
};

const std::vector<AnnotationTemplate::Name>& AnnotationTemplate::Names() {
  static const std::vector<Name> names = {{"rule", Field::kRule},
                                          {"device_id", Field::kDeviceId},
                                          {"severity", Field::kSeverity},
                                          {"state", Field::kState},
                                          {"status", Field::kStatus},
                                          {"value", Field::kValue},
                                          {"timestamp", Field::kTimestamp},
                                          {"active_at", Field::kActiveAt},
                                          {"starts_at", Field::kStartsAt},
                                          {"ends_at", Field::kEndsAt},
                                          {"event_count", Field::kEventCount}};
  return names;
}

// The name in our words: `$labels.x` and `.Labels.x` are labels.x, `$value` and `.Value` are value.
std::string AnnotationTemplate::Normalized(std::string_view field) {
  std::string name(field);
  if (name.starts_with("$") || name.starts_with(".")) name.erase(0, 1);
  if (name.starts_with("Labels.")) name[0] = 'l';
  if (name == "Value") name = "value";
  if (name == "labels.device_id") return "device_id";
  if (name == "labels.alertname") return "rule";
  if (name == "labels.severity") return "severity";
  return name;
}

bool AnnotationTemplate::ReadField(std::string_view written, const std::vector<MetricSpec>& metrics,
                                   Part& part, std::string& message) {
  const std::string name = Normalized(written);
  if (!IsName(name)) {
    message = "`{{" + std::string(written) +
              "}}` is no field; annotations name a field, as in {{value}} or {{labels.site}}, and "
              "have no functions or sections";
    return false;
  }
  if (name.starts_with("labels.") && name.size() > 7) {
    part = {Field::kLabel, name.substr(7), 0};
    return true;
  }
  std::vector<std::string_view> known;
  for (const Name& candidate : Names()) {
    known.push_back(candidate.name);
    if (candidate.name != name) continue;
    part = {candidate.field, {}, 0};
    return true;
  }
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    known.push_back(metrics[i].name);
    if (metrics[i].name != name) continue;
    part = {Field::kMetric, {}, i};
    return true;
  }
  const std::string_view nearest = Nearest(name, known);
  message = "unknown field `" + name + "` in an annotation";
  message += nearest.empty()
                 ? "; fields are those of the alert record, declared metrics and labels.NAME"
                 : "; did you mean `" + std::string(nearest) + "`?";
  return false;
}

bool AnnotationTemplate::Parse(std::string_view text, const std::vector<MetricSpec>& metrics,
                               AnnotationTemplate& result, AnnotationMistake& mistake) {
  result.parts_.clear();
  if (text.size() > kMaxAnnotationBytes) {
    mistake = {0, "the annotation has " + std::to_string(text.size()) + " bytes; at most " +
                      std::to_string(kMaxAnnotationBytes) + " are taken"};
    return false;
  }
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t open = std::min(text.find("{{", at), text.size());
    if (open > at)
      result.parts_.push_back({Field::kText, std::string(text.substr(at, open - at)), 0});
    if (open == text.size()) break;
    const bool triple = text.substr(open).starts_with("{{{");
    const std::string_view closing = triple ? "}}}" : "}}";
    const std::size_t first = open + closing.size();
    const std::size_t close = text.find(closing, first);
    if (close == std::string_view::npos) {
      mistake = {open, "this `{{` is never closed"};
      return false;
    }
    Part part;
    mistake.offset = open;
    if (!ReadField(Trimmed(text.substr(first, close - first)), metrics, part, mistake.message)) {
      return false;
    }
    result.parts_.push_back(std::move(part));
    at = close + closing.size();
  }
  return true;
}

void AnnotationTemplate::Append(std::string& out, const Part& part,
                                const AnnotationFields& fields) {
  switch (part.field) {
    case Field::kText:
      out += part.text;
      break;
    case Field::kRule:
      out += fields.rule;
      break;
    case Field::kDeviceId:
      out += fields.device_id;
      break;
    case Field::kSeverity:
      out += fields.severity;
      break;
    case Field::kState:
      out += fields.state;
      break;
    case Field::kStatus:
      out += fields.status;
      break;
    case Field::kValue:
      AppendNumber(out, fields.value);
      break;
    case Field::kTimestamp:
      out += FormatTime(fields.time_us);
      break;
    case Field::kActiveAt:
      out += FormatTime(fields.active_at_us);
      break;
    case Field::kStartsAt:
      out += FormatTime(fields.starts_at_us);
      break;
    case Field::kEndsAt:
      out += fields.ends_at_us == 0 ? "null" : FormatTime(fields.ends_at_us);
      break;
    case Field::kEventCount:
      out += std::to_string(fields.event_count);
      break;
    case Field::kLabel:
      if (fields.label) out += fields.label(part.text);
      break;
    case Field::kMetric:
      AppendNumber(out, fields.metrics != nullptr ? fields.metrics[part.metric]
                                                  : std::numeric_limits<double>::quiet_NaN());
      break;
  }
}

std::string AnnotationTemplate::Expand(const AnnotationFields& fields) const {
  static constexpr std::string_view kCut = "…";
  std::string out;
  for (const Part& part : parts_) {
    Append(out, part, fields);
    if (out.size() <= kMaxAnnotationBytes) continue;
    std::size_t end = kMaxAnnotationBytes - kCut.size();
    while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xC0U) == 0x80U) --end;
    out.resize(end);
    out += kCut;
    break;
  }
  return out;
}

}  // namespace tocsin
