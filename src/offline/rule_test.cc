#include "offline/rule_test.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <set>
#include <span>
#include <utility>

#include "base/error_list.h"
#include "base/json_text.h"
#include "base/text.h"
#include "fleet/rules_with_fleet.h"
#include "model/event_parser.h"
#include "offline/test_alerts.h"
#include "process/partition_engine.h"

namespace tocsin {
namespace {

// Labels of the devices of the test that runs, from the names of its series.
class TestLabels final : public LabelSource {
 public:
  std::string_view Label(std::string_view device_id, std::string_view name) const override {
    const auto device = labels_.find(device_id);
    if (device == labels_.end()) return {};
    const auto label = device->second.find(name);
    return label == device->second.end() ? std::string_view() : std::string_view(label->second);
  }
  void Clear() { labels_.clear(); }
  // False when the device has the label with another value.
  bool Set(const std::string& device, const std::string& name, const std::string& value) {
    return labels_[device].emplace(name, value).first->second == value;
  }

 private:
  std::map<std::string, std::map<std::string, std::string, std::less<>>, std::less<>> labels_;
};

// An event of a test.
struct Step {
  std::int64_t t_us = 0;
  std::string device_id;
  std::vector<double> metrics;
  std::optional<std::string> status;
};

// The metrics of a device at a time.
using Readings = std::map<std::pair<std::int64_t, std::string>, std::vector<double>>;

class TestRunner {
 public:
  TestRunner(const Settings& settings, const RuleSet& rules, TestLabels& labels)
      : settings_(settings), rules_(rules), labels_(labels) {}

  // What of the test does not fit the rules and the metrics, added to mistakes().
  void Check(const RuleTest& test) {
    CheckNames(test);
    static_cast<void>(StepsOf(test));
  }
  const std::vector<Diagnostic>& mistakes() const { return mistakes_; }

  // A test without such mistakes.
  RuleTestResult Run(const RuleTest& test) {
    const std::vector<Step> steps = StepsOf(test);
    RuleTestResult result;
    result.name = test.name;
    TestAlerts alerts(rules_, labels_);
    PartitionEngine engine(rules_, {});
    std::vector<const AlertCheck*> checks;
    for (const AlertCheck& check : test.checks) checks.push_back(&check);
    std::ranges::stable_sort(checks, {}, [](const AlertCheck* check) { return check->time_us; });
    auto step = steps.begin();
    for (const AlertCheck* check : checks) {
      for (; step != steps.end() && step->t_us <= check->time_us; ++step) {
        Feed(*step, engine, alerts);
      }
      if (check->time_us > now_us_) Advance(check->time_us, engine, alerts);
      alerts.Compare(*check, result.failures);
    }
    for (; step != steps.end(); ++step) Feed(*step, engine, alerts);
    if (test.transitions) alerts.Compare(*test.transitions, test.place, result.failures);
    now_us_ = std::numeric_limits<std::int64_t>::min();
    return result;
  }

 private:
  void Wrong(SourcePlace place, std::string what) { mistakes_.push_back({place, std::move(what)}); }

  static std::string Suggestion(std::string_view word, const std::vector<std::string_view>& names) {
    const std::string_view near = Nearest(word, names);
    return near.empty() ? std::string() : "; did you mean `" + std::string(near) + "`?";
  }

  void CheckNames(const RuleTest& test) {
    std::vector<std::string_view> names;
    for (std::size_t r = 0; r < rules_.size(); ++r) names.push_back(rules_.rule(r).name);
    for (const AlertCheck& check : test.checks) {
      if (std::ranges::find(names, check.alertname) != names.end()) continue;
      Wrong(check.place, "the rule files have no rule `" + check.alertname + "`" +
                             Suggestion(check.alertname, names));
    }
  }

  // The events of the test in their order: those of the series by time, device; each of `events`
  // after the series' events that are not later.
  std::vector<Step> StepsOf(const RuleTest& test) {
    const std::vector<Step> series = SeriesSteps(test);
    std::vector<Step> all;
    auto next = series.begin();
    for (const Step& event : EventSteps(test)) {
      for (; next != series.end() && next->t_us <= event.t_us; ++next) all.push_back(*next);
      all.push_back(event);
    }
    all.insert(all.end(), next, series.end());
    return all;
  }

  std::vector<Step> SeriesSteps(const RuleTest& test) {
    labels_.Clear();
    Readings readings;
    for (const TestSeries& series : test.series) {
      const std::optional<std::size_t> metric = MetricOf(series);
      const std::string& device = series.name.labels.at("device_id");
      for (const auto& [name, value] : series.name.labels) {
        if (name == "device_id" || labels_.Set(device, name, value)) continue;
        Wrong(series.place, "device `" + device + "` has two values for label `" + name + "`");
      }
      if (metric) AddReadings(series, *metric, test.interval_us, readings);
    }
    std::vector<Step> steps;
    for (auto& [at, metrics] : readings) {
      steps.push_back({at.first, at.second, std::move(metrics), std::nullopt});
    }
    return steps;
  }

  void AddReadings(const TestSeries& series, std::size_t metric, std::int64_t interval_us,
                   Readings& readings) {
    const std::string& device = series.name.labels.at("device_id");
    std::int64_t t_us = -interval_us;
    for (const auto& value : series.values) {
      t_us += interval_us;
      if (!value) continue;
      auto& metrics = readings[{t_us, device}];
      metrics.resize(settings_.metrics.size(), EventBatch::kNull);
      if (!EventBatch::IsNull(metrics[metric])) {
        return Wrong(series.place, "two series give `" + series.name.metric + "` of device `" +
                                       device + "` at the same time");
      }
      metrics[metric] = *value;
    }
  }

  std::optional<std::size_t> MetricOf(const TestSeries& series) {
    std::vector<std::string_view> names;
    for (const MetricSpec& metric : settings_.metrics) names.push_back(metric.name);
    const auto found = std::ranges::find(names, series.name.metric);
    if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
    Wrong(series.place, "metric `" + series.name.metric + "` is not declared" +
                            Suggestion(series.name.metric, names));
    return std::nullopt;
  }

  std::vector<Step> EventSteps(const RuleTest& test) {
    const EventLimits limits = {.max_bytes = static_cast<std::size_t>(settings_.max_event_bytes),
                                .max_depth = static_cast<std::size_t>(settings_.max_event_depth),
                                .max_fields = static_cast<std::size_t>(settings_.max_event_fields)};
    EventParser parser(settings_.metrics, limits);
    std::vector<Step> steps;
    for (const TestEvent& event : test.events) {
      std::string padded = event.json;
      padded.append(EventParser::kPadding, ' ');
      EventBatch batch(settings_.metrics.size());
      parser.Parse(std::string_view(padded).substr(0, event.json.size()), batch);
      if (batch.reject[0] != RejectReason::kNone) {
        Wrong(event.place, "the event would be rejected, " +
                               std::string(RejectReasonName(batch.reject[0])) + ": " +
                               std::string(batch.messages[0].text));
        continue;
      }
      Step step{batch.time_us[0], std::string(batch.device_id[0]), {}, std::nullopt};
      for (const auto& column : batch.metrics) step.metrics.push_back(column[0]);
      if (batch.status[0].data() != nullptr) step.status = batch.status[0];
      steps.push_back(std::move(step));
    }
    return steps;
  }

  // As in a live run: what is due before the event's time happens first.
  void Feed(const Step& step, PartitionEngine& engine, TestAlerts& alerts) {
    if (step.t_us > now_us_ && now_us_ != std::numeric_limits<std::int64_t>::min()) {
      Advance(step.t_us - 1, engine, alerts);
    }
    EventBatch batch(settings_.metrics.size());
    batch.AddGood({}, {0, 0}, step.device_id, step.t_us,
                  step.status ? std::string_view(*step.status) : std::string_view(),
                  step.metrics.data());
    const std::int64_t offset = fed_++;
    alerts.BeginEvent(step.metrics);
    engine.Process(batch, std::numeric_limits<std::int64_t>::max(), std::span(&offset, 1), alerts);
    Advance(std::max(now_us_, step.t_us), engine, alerts);
  }

  void Advance(std::int64_t now_us, PartitionEngine& engine, TestAlerts& alerts) {
    now_us_ = now_us;
    alerts.BeginTimer();
    engine.AdvanceTime(now_us, alerts);
  }

  const Settings& settings_;
  const RuleSet& rules_;
  TestLabels& labels_;
  std::vector<Diagnostic> mistakes_;
  std::int64_t now_us_ = std::numeric_limits<std::int64_t>::min();
  std::int64_t fed_ = 0;
};

Result<std::vector<RuleDefinition>> ReadRules(const Settings& settings, const RuleTestFile& file) {
  std::vector<RuleDefinition> rules;
  ErrorList errors;
  std::vector<Diagnostic> mistakes;  // in the test file
  std::set<std::string> names;
  for (const TestedFile& tested : file.rule_files) {
    std::vector<Diagnostic> diagnostics;
    auto read = ReadRulesWithFleet(tested.path, settings.metrics, diagnostics);
    if (!read && diagnostics.empty()) {
      mistakes.push_back({tested.place, read.error().message()});
    } else if (!read) {
      errors.Add(read.error());
    } else {
      for (RuleDefinition& rule : read->rules) {
        if (!names.insert(rule.name).second) {
          mistakes.push_back({tested.place, "two of the rule files have a rule `" + rule.name +
                                                "`; test them in files of their own"});
        }
        rules.push_back(std::move(rule));
      }
    }
  }
  if (rules.size() > RuleSet::kMaxRules) {
    mistakes.push_back(
        {file.rule_files.front().place,
         "the rule files have more than " + std::to_string(RuleSet::kMaxRules) + " rules"});
  }
  if (!mistakes.empty()) {
    errors.Add(Error(Code::kConfiguration, FormatDiagnostics(file.path, mistakes)));
  }
  TOCSIN_TRY(errors.Finish());
  return rules;
}

}  // namespace

bool RuleTestReport::ok() const {
  return std::ranges::all_of(tests, [](const auto& test) { return test.failures.empty(); });
}

Result<RuleTestReport> RunRuleTests(const Settings& settings, const RuleTestFile& file) {
  TOCSIN_ASSIGN(std::vector<RuleDefinition> definitions, ReadRules(settings, file));
  TestLabels labels;
  const RuleSet rules(std::move(definitions), settings.metrics, &labels);
  RuleTestReport report;
  report.path = file.path;
  TestRunner runner(settings, rules, labels);
  for (const RuleTest& test : file.tests) runner.Check(test);
  if (!runner.mistakes().empty()) {
    return Fail(Code::kConfiguration, FormatDiagnostics(file.path, runner.mistakes()));
  }
  for (const RuleTest& test : file.tests) report.tests.push_back(runner.Run(test));
  return report;
}

}  // namespace tocsin
