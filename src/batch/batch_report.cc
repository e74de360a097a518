#include <charconv>

#include "base/json_text.h"
#include "batch/batch_job.h"
#include "batch/quality_report.h"

namespace tocsin {
namespace {

void AppendCount(std::string& out, std::string_view key, std::uint64_t value) {
  if (!out.ends_with('{')) out += ',';
  AppendJsonString(out, key);
  out += ':' + std::to_string(value);
}

}  // namespace

std::string BatchReport::ToJson(const QualityReport* quality) const {
  std::string out = "{";
  AppendCount(out, "rows_read", rows_read);
  AppendCount(out, "blank_lines", blank_lines);
  AppendCount(out, "cleansed", cleansed);
  AppendCount(out, "duplicates", duplicates);
  out += ",\"rejected\":{";
  for (std::size_t r = 1; r < kRejectReasonCount; ++r) {
    AppendCount(out, RejectReasonName(static_cast<RejectReason>(r)), rejected[r]);
  }
  out += '}';
  AppendCount(out, "devices", devices);
  AppendCount(out, "hours", hours);
  if (row_groups_copied > 0) {
    AppendCount(out, "row_groups", row_groups);
    AppendCount(out, "row_groups_copied", row_groups_copied);
  }
  char text[32];
  const auto end =
      std::to_chars(text, text + sizeof text, seconds, std::chars_format::fixed, 3).ptr;
  out += ",\"seconds\":";
  out.append(text, end);
  out += ",\"outputs\":[";
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (i > 0) out += ',';
    AppendJsonString(out, outputs[i]);
  }
  out += ']';
  if (quality != nullptr) quality->AppendJson(out);
  return out + '}';
}

}  // namespace tocsin
