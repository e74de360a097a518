#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "model/metric_spec.h"

namespace tocsin {

inline constexpr std::size_t kMaxAnnotationBytes = 4096;  // of the template, and expanded

// What an annotation may name. Views must outlive the call only.
struct AnnotationFields {
  std::string_view rule;
  std::string_view device_id;
  std::string_view severity;
  std::string_view state;                                   // firing, resolved
  std::string_view status;                                  // ALERT, OK
  double value = std::numeric_limits<double>::quiet_NaN();  // NaN = null
  std::int64_t time_us = 0;                                 // `timestamp`
  std::int64_t active_at_us = 0;
  std::int64_t starts_at_us = 0;
  std::int64_t ends_at_us = 0;  // 0 while firing: null
  std::uint64_t event_count = 0;
  const double* metrics = nullptr;  // by declaration, NaN = null; nullptr = all null
  // The labels of the record: of the rule and of the device. Empty = the device has no labels.
  std::function<std::string_view(std::string_view name)> label;
};

struct AnnotationMistake {
  std::size_t offset = 0;  // in the text
  std::string message;
};

// The text of an annotation with its fields: `{{device_id}}`, `{{labels.site}}`, `{{temperature}}`;
// spaces inside the braces do not count. Prometheus' `{{ $labels.x }}` and `{{ $value }}` are the
// same fields, where labels.device_id, labels.alertname and labels.severity are those of the alert.
// Values go in as they are, unescaped, and are never read as templates; null is `null`, a label the
// device does not have is empty.
class AnnotationTemplate {
 public:
  // False for an unknown field, a field of another template language or braces that do not close.
  static bool Parse(std::string_view text, const std::vector<MetricSpec>& metrics,
                    AnnotationTemplate& result, AnnotationMistake& mistake);

  // At most kMaxAnnotationBytes; a longer text is cut after a whole character and ends with `…`.
  std::string Expand(const AnnotationFields& fields) const;

 private:
  enum class Field : std::uint8_t {
    kText,
    kRule,
    kDeviceId,
    kSeverity,
    kState,
    kStatus,
    kValue,
    kTimestamp,
    kActiveAt,
    kStartsAt,
    kEndsAt,
    kEventCount,
    kLabel,
    kMetric,
  };
  struct Part {
    Field field = Field::kText;
    std::string text;        // of kText, and the name of a label
    std::size_t metric = 0;  // of kMetric
  };
  struct Name;
  static const std::vector<Name>& Names();
  static std::string Normalized(std::string_view field);
  static bool ReadField(std::string_view written, const std::vector<MetricSpec>& metrics,
                        Part& part, std::string& message);
  static void Append(std::string& out, const Part& part, const AnnotationFields& fields);

  std::vector<Part> parts_;
};

}  // namespace tocsin
