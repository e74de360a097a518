#include "offline/test_alerts.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/json_text.h"
#include "rule_file/annotation.h"

namespace tocsin {
namespace {

using Texts = std::map<std::string, std::string>;

// {device_id="dev_1", severity="warning"}
std::string Braced(const Texts& texts) {
  std::string out = "{";
  for (const auto& [name, value] : texts) {
    if (out.size() > 1) out += ", ";
    out += name + '=';
    AppendJsonString(out, value);
  }
  return out + '}';
}

std::string Line(const Texts& labels, const std::optional<Texts>& annotations) {
  std::string line = Braced(labels);
  if (annotations) line += " annotations " + Braced(*annotations);
  return line;
}

std::string Line(const std::optional<std::int64_t>& t_us, const Texts& fields) {
  std::string line = t_us ? FormatTestTime(*t_us) : "any time";
  for (const auto& [name, value] : fields) line += "  " + name + ": " + value;
  return line;
}

// Numbers are compared as numbers: 50 is 50.0.
bool SameValue(const std::string& expected, const std::string& got) {
  if (expected == got) return true;
  char* end = nullptr;
  const double a = std::strtod(expected.c_str(), &end);
  if (end == expected.c_str() || *end != '\0') return false;
  const double b = std::strtod(got.c_str(), &end);
  return end != got.c_str() && *end == '\0' && std::fabs(a - b) <= 1e-9 * std::fabs(a);
}

bool Matches(const ExpectedTransition& expected, std::int64_t t_us, const Texts& fields) {
  if (expected.time_us && *expected.time_us != t_us) return false;
  return std::ranges::all_of(expected.fields, [&](const auto& field) {
    return SameValue(field.second, fields.at(field.first));
  });
}

}  // namespace

void TestAlerts::BeginEvent(const std::vector<double>& metrics) {
  metrics_ = metrics;
}

void TestAlerts::BeginTimer() {
  std::ranges::fill(metrics_, EventBatch::kNull);
}

TestAlerts::Firing TestAlerts::FiringOf(const Transition& transition) const {
  const RuleDefinition& rule = rules_.rule(transition.rule);
  const std::size_t level = transition.level == 0 ? 0 : std::size_t{transition.level} - 1;
  Firing firing;
  firing.labels = rule.labels;
  firing.labels["device_id"] = transition.device_id;
  firing.labels["severity"] = SeverityName(rule.levels[level].severity);

  AnnotationFields fields;
  fields.rule = rule.name;
  fields.device_id = transition.device_id;
  fields.severity = firing.labels["severity"];
  const bool resolved = transition.kind == AlertTransition::kResolved;
  fields.state = resolved ? "resolved" : "firing";
  fields.status = resolved ? "OK" : "ALERT";
  fields.value = transition.value;
  fields.time_us = transition.t_us;
  fields.active_at_us = transition.instance.active_at_us;
  fields.starts_at_us = transition.instance.starts_at_us;
  fields.ends_at_us = resolved ? transition.t_us : 0;
  fields.event_count = transition.instance.event_count;
  fields.metrics = metrics_.empty() ? nullptr : metrics_.data();
  fields.label = [&](std::string_view name) -> std::string_view {
    const auto own = rule.labels.find(std::string(name));
    return own != rule.labels.end() ? own->second : labels_.Label(transition.device_id, name);
  };
  for (const auto& [name, text] : rule.annotations) {
    AnnotationTemplate annotation;
    AnnotationMistake mistake;
    // Reading the rule file has checked them.
    if (!AnnotationTemplate::Parse(text, rules_.metrics(), annotation, mistake)) continue;
    firing.annotations[name] = annotation.Expand(fields);
  }
  return firing;
}

void TestAlerts::OnTransition(const Transition& transition) {
  const std::pair key(transition.rule, std::string(transition.device_id));
  Firing firing = FiringOf(transition);
  Record record{transition.t_us,
                {{"alertname", rules_.rule(transition.rule).name},
                 {"device_id", key.second},
                 {"severity", firing.labels["severity"]}}};
  const bool resolved = transition.kind == AlertTransition::kResolved;
  record.fields["state"] = resolved ? "resolved" : "firing";
  AppendJsonNumber(record.fields["value"], transition.value);
  records_.push_back(std::move(record));
  if (resolved) {
    firing_.erase(key);
  } else {
    firing_.insert_or_assign(key, std::move(firing));
  }
}

void TestAlerts::Compare(const AlertCheck& check, std::vector<RuleTestFailure>& failures) const {
  std::vector<const Firing*> got;
  for (const auto& [key, firing] : firing_) {
    if (rules_.rule(key.first).name == check.alertname) got.push_back(&firing);
  }
  std::vector<const Firing*> left = got;
  bool same = got.size() == check.alerts.size();
  bool annotations = false;
  for (const ExpectedAlert& expected : check.alerts) {
    Texts labels = expected.labels;
    const auto name = labels.find("alertname");
    if (name != labels.end() && name->second == check.alertname) labels.erase(name);
    annotations = annotations || expected.annotations.has_value();
    const auto found = std::ranges::find_if(left, [&](const Firing* firing) {
      return firing->labels == labels &&
             (!expected.annotations || *expected.annotations == firing->annotations);
    });
    if (found == left.end()) {
      same = false;
    } else {
      left.erase(found);
    }
  }
  if (same) return;
  RuleTestFailure failure;
  failure.place = check.place;
  failure.what = "alertname: " + check.alertname + ", time: " + FormatTestTime(check.time_us);
  for (const ExpectedAlert& expected : check.alerts) {
    failure.expected.push_back(Line(expected.labels, expected.annotations));
  }
  for (const Firing* firing : got) {
    failure.got.push_back(
        Line(firing->labels, annotations ? std::optional(firing->annotations) : std::nullopt));
  }
  failures.push_back(std::move(failure));
}

void TestAlerts::Compare(const std::vector<ExpectedTransition>& expected, SourcePlace place,
                         std::vector<RuleTestFailure>& failures) const {
  bool same = expected.size() == records_.size();
  for (std::size_t i = 0; same && i < expected.size(); ++i) {
    same = Matches(expected[i], records_[i].t_us, records_[i].fields);
  }
  if (same) return;
  RuleTestFailure failure;
  failure.place = place;
  failure.what = "transitions";
  for (const ExpectedTransition& each : expected) {
    failure.expected.push_back(Line(each.time_us, each.fields));
  }
  for (const Record& each : records_) failure.got.push_back(Line(each.t_us, each.fields));
  failures.push_back(std::move(failure));
}

}  // namespace tocsin
