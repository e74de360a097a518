#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "config/settings.h"
#include "offline/rule_test_file.h"

namespace tocsin {

// One expectation that did not hold.
struct RuleTestFailure {
  SourcePlace place;                  // in the test file
  std::string what;                   // "alertname: X, time: 10m"
  std::vector<std::string> expected;  // a line each; none = nothing
  std::vector<std::string> got;
};

struct RuleTestResult {
  std::string name;
  std::vector<RuleTestFailure> failures;
};

struct RuleTestReport {
  std::string path;
  std::vector<RuleTestResult> tests;
  bool ok() const;
};

// Runs the tests of a file: each over an engine of its own, with the metrics of `settings`, without
// dedup and lateness, and with the clock that goes from event to event and check to check.
//
// kConfiguration for mistakes in the test file and in the rule files (all of them).
Result<RuleTestReport> RunRuleTests(const Settings& settings, const RuleTestFile& file);

// {"ok":…,"files":[{"file","ok","tests":[{"name","ok","failures":[…]}]}]}
std::string RuleTestJson(const std::vector<RuleTestReport>& reports);
std::string RuleTestText(const std::vector<RuleTestReport>& reports);

}  // namespace tocsin
