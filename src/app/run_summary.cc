#include "app/run_summary.h"

#include <cstdio>

#include "base/text.h"

namespace tocsin {
namespace {

std::string Number(std::uint64_t number) {
  return std::to_string(number);
}

std::string Row(const char* label, const std::string& value, const std::string& note = "") {
  char line[256];
  std::snprintf(line, sizeof line, "  %-14s %14s%s%s\n", label, value.c_str(),
                note.empty() ? "" : "  ", note.c_str());
  return line;
}

std::string Signed(std::int64_t number) {
  const bool negative = number < 0;
  const auto size = static_cast<std::uint64_t>(negative ? -number : number);
  return (negative ? "-" : "") + Grouped(size);
}

}  // namespace

std::uint64_t RunSummary::dead_letters() const {
  std::uint64_t sum = 0;
  for (const std::uint64_t count : counts.dlq) sum += count;
  return sum;
}

std::int64_t RunSummary::unaccounted() const {
  const auto placed =
      static_cast<std::int64_t>(counts.processed + dead_letters() + counts.duplicates);
  if (waiting && appended) return *waiting + *appended - lag - placed;
  return static_cast<std::int64_t>(counts.read) - placed;
}

std::string RunSummary::ToJson(const Metrics& metrics) const {
  std::string json = "{\"read\":" + Number(counts.read);
  json += ",\"processed\":" + Number(counts.processed) + ",\"dlq\":{";
  for (std::size_t i = 1; i < kRejectReasonCount; ++i) {
    if (i > 1) json += ',';
    json += '"';
    json += RejectReasonName(static_cast<RejectReason>(i));
    json += "\":" + Number(counts.dlq[i]);
  }
  json += "},\"duplicates\":" + Number(counts.duplicates);
  json += ",\"alerts\":{\"firing\":" + Number(counts.firing);
  json += ",\"resolved\":" + Number(counts.resolved);
  json += ",\"firing_now\":" + std::to_string(counts.firing_now) + "}";
  json += ",\"lag\":" + std::to_string(lag);
  char seconds_text[32];
  std::snprintf(seconds_text, sizeof seconds_text, "%.3f", seconds);
  json += std::string(",\"seconds\":") + seconds_text;
  if (generated) json += ",\"generated\":" + Number(*generated);
  if (waiting) json += ",\"waiting_at_start\":" + std::to_string(*waiting);
  if (appended) json += ",\"appended\":" + std::to_string(*appended);
  json += ",\"unaccounted\":" + std::to_string(unaccounted());
  json += ",\"metrics\":" + metrics.ToJson() + "}";
  return json;
}

std::string RunSummary::ToText() const {
  std::string reasons;
  for (std::size_t i = 1; i < kRejectReasonCount; ++i) {
    if (counts.dlq[i] == 0) continue;
    reasons += reasons.empty() ? "" : ", ";
    reasons +=
        std::string(RejectReasonName(static_cast<RejectReason>(i))) + " " + Grouped(counts.dlq[i]);
  }
  std::string text = "Closing balance\n";
  if (generated.value_or(0) > 0) text += Row("generated", Grouped(*generated));
  if (waiting && *waiting > 0) text += Row("waiting before", Signed(*waiting));
  if (appended && *appended != static_cast<std::int64_t>(generated.value_or(0))) {
    text += Row("appended", Signed(*appended), "to the raw topic in all");
  }
  text += Row("read", Grouped(counts.read));
  text += Row("processed", Grouped(counts.processed));
  text += Row("dead letters", Grouped(dead_letters()), reasons);
  text += Row("duplicates", Grouped(counts.duplicates));
  text += Row("unaccounted", Signed(unaccounted()));
  text += Row("lag", Signed(lag));
  text +=
      Row("alerts", Grouped(counts.firing) + " firing",
          Grouped(counts.resolved) + " resolved, " + Signed(counts.firing_now) + " still firing");
  return text;
}

}  // namespace tocsin
