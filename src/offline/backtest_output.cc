#include <cmath>
#include <cstdio>

#include "base/json_text.h"
#include "base/text.h"
#include "base/time_text.h"
#include "config/units.h"
#include "offline/backtest.h"

namespace tocsin {
namespace {

double Minutes(std::int64_t us) {
  return static_cast<double>(us) / 60e6;
}

// Members of a JSON object in the order they are added.
class JsonObject {
 public:
  explicit JsonObject(std::string& out) : out_(out) { out_ += '{'; }
  std::string& Key(std::string_view key) {
    if (!first_) out_ += ',';
    first_ = false;
    AppendJsonString(out_, key);
    out_ += ':';
    return out_;
  }
  void Count(std::string_view key, std::uint64_t value) { Key(key) += std::to_string(value); }
  // Three digits after the point; null when it is no number.
  void Number(std::string_view key, double value) {
    AppendJsonNumber(Key(key), std::round(value * 1000) / 1000);
  }
  void Text(std::string_view key, std::string_view value) { AppendJsonString(Key(key), value); }
  void Time(std::string_view key, bool present, std::int64_t us) {
    if (present) {
      Text(key, FormatTime(us));
    } else {
      Key(key) += "null";
    }
  }
  void End() { out_ += '}'; }

 private:
  std::string& out_;
  bool first_ = true;
};

template <class Range, class Append>
void AppendArray(std::string& out, const Range& range, const Append& append) {
  out += '[';
  bool first = true;
  for (const auto& element : range) {
    if (!first) out += ',';
    first = false;
    append(element);
  }
  out += ']';
}

// Of the set, or of the fleet.
const RuleDefinition& RuleAt(const RuleSet& rules, const BacktestReport& report, std::size_t at) {
  return at < rules.size() ? rules.rule(at) : report.fleet_rules[at - rules.size()];
}

std::string_view SeverityOf(const RuleDefinition& rule, std::uint8_t level) {
  const std::size_t at = level == 0 ? 0 : std::size_t{level} - 1;
  return SeverityName(rule.levels[std::min(at, rule.levels.size() - 1)].severity);
}

void AppendScore(std::string& out, const Score& score, bool of_fault) {
  JsonObject json(out);
  json.Count(of_fault ? "alerts_overlapping" : "alerts", score.alerts);
  if (!of_fault) {
    json.Count("true_positives", score.true_positives);
    json.Number("precision", score.Precision());
  }
  json.Count("faults", score.faults);
  json.Count("detected", score.detected);
  json.Number("recall", score.Recall());
  if (!of_fault) json.Number("f1", score.F1());
  for (const auto& [key, us] : {std::pair("delay_median_s", score.delay_median_us),
                                std::pair("delay_p90_s", score.delay_p90_us)}) {
    json.Number(key, score.detected > 0 ? static_cast<double>(us) / 1e6 : std::nan(""));
  }
  json.End();
}

void AppendScores(std::string& out, const RuleSet& rules, const BacktestReport& report) {
  const ScoreTable& table = *report.scores;
  JsonObject json(out);
  AppendScore(json.Key("overall"), table.overall, false);
  const auto append_faults = [&](std::string& to, const std::map<std::string, Score>& scores) {
    JsonObject faults(to);
    for (const auto& [fault, score] : scores) AppendScore(faults.Key(fault), score, true);
    faults.End();
  };
  append_faults(json.Key("faults"), table.by_fault);
  JsonObject by_rule(json.Key("rules"));
  for (std::size_t r = 0; r < report.rules.size(); ++r) {
    AppendScore(by_rule.Key(RuleAt(rules, report, r).name), table.by_rule[r], false);
    out.pop_back();  // one more member of the same object
    out += ",\"faults\":";
    append_faults(out, table.by_both[r]);
    out += '}';
  }
  by_rule.End();
  json.End();
}

void AppendRule(std::string& out, const RuleDefinition& rule, const RuleStatistics& statistics) {
  const bool any = statistics.alerts > 0;
  JsonObject json(out);
  json.Text("rule", rule.name);
  json.Text("version", rule.version);
  json.Count("alerts", statistics.alerts);
  json.Count("firing_at_end", statistics.firing_at_end);
  json.Count("level_changes", statistics.level_changes);
  json.Count("flapping", statistics.flapping);
  json.Number("minutes_firing", Minutes(statistics.firing_us));
  json.Count("devices", statistics.devices);
  json.Time("first", any, statistics.first_us);
  json.Time("last", any, statistics.last_us);
  json.Count("peak_alerts_per_hour", statistics.peak_per_hour);
  json.Time("peak_hour", any, statistics.peak_hour_us);
  AppendArray(json.Key("worst_devices"), statistics.worst, [&](const DeviceAlerts& device) {
    JsonObject worst(out);
    worst.Text("device_id", device.device_id);
    worst.Count("alerts", device.alerts);
    worst.Number("minutes_firing", Minutes(device.firing_us));
    worst.End();
  });
  json.End();
}

void AppendAlert(std::string& out, const RuleDefinition& rule, const ListedAlert& alert) {
  JsonObject json(out);
  json.Text("rule", rule.name);
  json.Text("device_id", alert.device_id);
  json.Text("severity", SeverityOf(rule, alert.level));
  json.Time("starts_at", true, alert.starts_at_us);
  json.Time("ends_at", alert.ends_at_us.has_value(), alert.ends_at_us.value_or(0));
  AppendJsonNumber(json.Key("value"), alert.value);
  json.Count("event_count", alert.event_count);
  json.End();
}

template <class... Arguments>
void AppendFormat(std::string& out, const char* format, Arguments... arguments) {
  char line[512];
  std::snprintf(line, sizeof line, format, arguments...);
  out += line;
}

std::string Percent(double share) {
  if (std::isnan(share)) return "-";
  char text[16];
  std::snprintf(text, sizeof text, "%.1f%%", share * 100);
  return text;
}

std::string Delay(const Score& score, std::int64_t us) {
  if (score.detected == 0) return "-";
  return FormatDurationUs(us >= 1'000'000 ? us / 1'000'000 * 1'000'000 : us);
}

void AppendScoreLine(std::string& out, std::string_view name, const Score& score, bool of_fault) {
  AppendFormat(out, "  %-28.28s %10s %10s %9s %9s %9s %9s %9s\n", std::string(name).c_str(),
               Grouped(score.alerts).c_str(),
               (Grouped(score.detected) + "/" + Grouped(score.faults)).c_str(),
               of_fault ? "" : Percent(score.Precision()).c_str(), Percent(score.Recall()).c_str(),
               of_fault ? "" : Percent(score.F1()).c_str(),
               Delay(score, score.delay_median_us).c_str(),
               Delay(score, score.delay_p90_us).c_str());
}

void AppendScoreText(std::string& out, const RuleSet& rules, const BacktestReport& report) {
  const ScoreTable& table = *report.scores;
  AppendFormat(out, "\n  %-28s %10s %10s %9s %9s %9s %9s %9s\n", "Scores", "alerts", "found",
               "precision", "recall", "F1", "delay p50", "p90");
  AppendScoreLine(out, "overall", table.overall, false);
  for (const auto& [fault, score] : table.by_fault) {
    AppendScoreLine(out, "fault " + fault, score, true);
  }
  for (std::size_t r = 0; r < report.rules.size(); ++r) {
    AppendScoreLine(out, "rule " + RuleAt(rules, report, r).name, table.by_rule[r], false);
  }
}

std::uint64_t RejectedOf(const ReadTotals& read) {
  std::uint64_t rejected = 0;
  for (const std::uint64_t count : read.rejected) rejected += count;
  return rejected;
}

}  // namespace

std::string BacktestJson(const RuleSet& rules, const BacktestReport& report) {
  std::string out;
  JsonObject json(out);
  json.Count("events", report.read.events);
  json.Count("blank_lines", report.read.blank_lines);
  json.Count("evaluated", report.evaluated);
  json.Count("duplicates", report.duplicates);
  json.Count("late", report.late);
  JsonObject rejected(json.Key("rejected"));
  for (std::size_t r = 1; r < kRejectReasonCount; ++r) {
    rejected.Count(RejectReasonName(static_cast<RejectReason>(r)), report.read.rejected[r]);
  }
  rejected.End();
  json.Time("first", report.evaluated > 0, report.first_us);
  json.Time("last", report.evaluated > 0, report.last_us);
  std::uint64_t alerts = 0;
  for (const RuleStatistics& rule : report.rules) alerts += rule.alerts;
  json.Count("alerts", alerts);
  std::size_t at = 0;
  AppendArray(json.Key("rules"), report.rules, [&](const RuleStatistics& statistics) {
    AppendRule(out, RuleAt(rules, report, at++), statistics);
  });
  AppendArray(json.Key("list"), report.alerts, [&](const ListedAlert& alert) {
    AppendAlert(out, RuleAt(rules, report, alert.rule), alert);
  });
  if (report.scores) AppendScores(json.Key("scores"), rules, report);
  json.Number("seconds", report.seconds);
  json.End();
  return out;
}

std::string BacktestText(const RuleSet& rules, const BacktestReport& report) {
  std::string out;
  AppendFormat(out, "%s events: %s evaluated, %s rejected, %s repeated, %s late\n",
               Grouped(report.read.events).c_str(), Grouped(report.evaluated).c_str(),
               Grouped(RejectedOf(report.read)).c_str(), Grouped(report.duplicates).c_str(),
               Grouped(report.late).c_str());
  if (report.evaluated > 0) {
    out += "from " + FormatTime(report.first_us) + " to " + FormatTime(report.last_us) + "\n";
  }
  AppendFormat(out, "\n  %-28s %10s %9s %12s %8s %8s %10s\n", "Rule", "alerts", "devices",
               "min firing", "at end", "flapping", "peak/hour");
  for (std::size_t r = 0; r < report.rules.size(); ++r) {
    const RuleStatistics& rule = report.rules[r];
    AppendFormat(out, "  %-28.28s %10s %9s %12.1f %8s %8s %10s\n",
                 RuleAt(rules, report, r).name.c_str(), Grouped(rule.alerts).c_str(),
                 Grouped(rule.devices).c_str(), Minutes(rule.firing_us),
                 Grouped(rule.firing_at_end).c_str(), Grouped(rule.flapping).c_str(),
                 Grouped(rule.peak_per_hour).c_str());
  }
  for (std::size_t r = 0; r < report.rules.size(); ++r) {
    if (report.rules[r].worst.empty()) continue;
    out += "\n  Worst devices of " + RuleAt(rules, report, r).name + "\n";
    for (const DeviceAlerts& device : report.rules[r].worst) {
      AppendFormat(out, "    %-26.64s %10s alerts %12.1f min\n", device.device_id.c_str(),
                   Grouped(device.alerts).c_str(), Minutes(device.firing_us));
    }
  }
  if (!report.alerts.empty()) out += "\n  The earliest alerts\n";
  for (const ListedAlert& alert : report.alerts) {
    const RuleDefinition& rule = RuleAt(rules, report, alert.rule);
    AppendFormat(out, "    %s  %-27s  %-8s  %s  %s\n", FormatTime(alert.starts_at_us).c_str(),
                 alert.ends_at_us ? FormatTime(*alert.ends_at_us).c_str() : "still firing",
                 std::string(SeverityOf(rule, alert.level)).c_str(), rule.name.c_str(),
                 alert.device_id.c_str());
  }
  if (report.scores) AppendScoreText(out, rules, report);
  AppendFormat(out, "\n%.3f s\n", report.seconds);
  return out;
}

}  // namespace tocsin
