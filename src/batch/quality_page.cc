#include <algorithm>
#include <cmath>
#include <string>

#include "base/text.h"
#include "base/time_text.h"
#include "batch/batch_job.h"
#include "batch/quality_report.h"

namespace tocsin {
namespace {

constexpr std::string_view kHead = R"(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Data quality</title><style>
:root{color-scheme:light dark;--line:#8884;--bar:#3b7dd8;--bad:#c8503c}
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
td,th{padding:.2rem .9rem .2rem 0;text-align:left;border-bottom:1px solid var(--line)}
td.n,th.n{text-align:right}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(20rem,1fr));gap:1.5rem}
figure{margin:0}figcaption{font-size:.9rem}svg{width:100%;height:auto;display:block}
rect{fill:var(--bar)}rect.bad{fill:var(--bad)}text{font-size:11px;fill:currentColor}
</style></head><body>
)";

void AppendEscaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
    }
  }
}

std::string Number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

std::string Percent(std::uint64_t part, std::uint64_t whole) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f %%",
                whole == 0 ? 0.0 : 100 * static_cast<double>(part) / static_cast<double>(whole));
  return text;
}

void AppendBalance(std::string& out, const BatchReport& report) {
  out +=
      "<h2>Balance</h2><table><tr><th>rows</th><th class=n>number</th><th class=n>share</th></tr>";
  const auto row = [&](std::string_view name, std::uint64_t count) {
    out += "<tr><td>";
    out += name;
    out += "</td><td class=n>" + Grouped(count) + "</td><td class=n>" +
           Percent(count, report.rows_read) + "</td></tr>";
  };
  row("read", report.rows_read);
  row("cleansed", report.cleansed);
  row("duplicates", report.duplicates);
  std::uint64_t rejected = 0;
  for (const std::uint64_t count : report.rejected) rejected += count;
  row("rejected", rejected);
  out += "</table><p>" + Grouped(report.devices) + " devices, " + Grouped(report.hours) +
         " device hours; " + Grouped(report.blank_lines) + " blank lines apart.</p>";
}

void AppendRejects(std::string& out, const BatchReport& report) {
  std::uint64_t most = 0;
  for (const std::uint64_t count : report.rejected) most = std::max(most, count);
  out += "<h2>Rejected by reason</h2>";
  if (most == 0) {
    out += "<p>None.</p>";
    return;
  }
  std::string bars;
  int lines = 0;
  for (std::size_t r = 1; r < kRejectReasonCount; ++r) {
    if (report.rejected[r] == 0) continue;
    const int y = 22 * lines++;
    const double width =
        std::max(1.0, 360 * static_cast<double>(report.rejected[r]) / static_cast<double>(most));
    bars += "<text x=0 y=" + std::to_string(y + 14) + ">" +
            std::string(RejectReasonName(static_cast<RejectReason>(r))) +
            "</text><rect class=bad x=130 y=" + std::to_string(y + 3) + " width=" + Number(width) +
            " height=14></rect><text x=" + Number(136 + width) + " y=" + std::to_string(y + 14) +
            ">" + Grouped(report.rejected[r]) + "</text>";
  }
  out += "<svg viewBox=\"0 0 600 " + std::to_string(22 * lines) + "\" role=img>" + bars + "</svg>";
}

void AppendDistribution(std::string& out, const QualityReport::Distribution& metric) {
  out += "<figure><figcaption><b>";
  AppendEscaped(out, metric.name);
  out += "</b> ";
  AppendEscaped(out, metric.unit);
  if (metric.values == 0) {
    out += ": no values</figcaption></figure>";
    return;
  }
  out += ": " + Number(metric.min) + " to " + Number(metric.max) + ", " + Grouped(metric.values) +
         " values, " + Grouped(metric.nulls) + " null</figcaption>";
  const std::uint64_t most = *std::ranges::max_element(metric.bins);
  out += "<svg viewBox=\"0 0 320 130\" role=img>";
  for (std::size_t bin = 0; bin < QualityReport::kBins; ++bin) {
    if (metric.bins[bin] == 0) continue;
    const double height =
        std::max(1.0, 110 * static_cast<double>(metric.bins[bin]) / static_cast<double>(most));
    out += "<rect x=" + std::to_string(5 * bin) + " y=" + Number(110 - height) +
           " width=4 height=" + Number(height) + "><title>" + Grouped(metric.bins[bin]) +
           "</title></rect>";
  }
  out += "<text x=0 y=125>" + Number(metric.low) + "</text><text x=320 y=125 text-anchor=end>" +
         Number(metric.high) + "</text></svg></figure>";
}

template <class Amount>
void AppendDevices(std::string& out, std::string_view title, std::string_view column,
                   const std::vector<QualityReport::Device>& devices, Amount amount) {
  out += "<h2>";
  out += title;
  out += "</h2>";
  if (devices.empty()) {
    out += "<p>None.</p>";
    return;
  }
  out += "<table><tr><th>device</th><th class=n>";
  out += column;
  out += "</th></tr>";
  for (const QualityReport::Device& device : devices) {
    out += "<tr><td>";
    AppendEscaped(out, device.id);
    out += "</td><td class=n>" + amount(device) + "</td></tr>";
  }
  out += "</table>";
}

}  // namespace

std::string QualityPage(const BatchReport& report, const QualityReport& quality) {
  std::string out(kHead);
  out += "<h1>Data quality of a batch run</h1>";
  AppendBalance(out, report);
  AppendRejects(out, report);
  out += "<h2>Metrics</h2><div class=plots>";
  for (const auto& metric : quality.distributions()) AppendDistribution(out, metric);
  out += "</div>";
  AppendDevices(out, "Longest gaps", "seconds, from", quality.longest_gaps(),
                [](const QualityReport::Device& device) {
                  return Number(static_cast<double>(device.amount) / 1e6) + " from " +
                         FormatTime(device.at_us);
                });
  const auto count = [](const QualityReport::Device& device) {
    return Grouped(static_cast<std::uint64_t>(device.amount));
  };
  AppendDevices(out, "Most duplicates", "rows", quality.most_repeats(), count);
  AppendDevices(out, "Most minutes in alert", "minutes", quality.most_alert_minutes(), count);
  out += "<p>" + Grouped(quality.alert_minutes()) +
         " minutes in alert, all devices together.</p></body></html>\n";
  return out;
}

}  // namespace tocsin
