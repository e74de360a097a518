#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "expression/diagnostic.h"
#include "offline/series_notation.h"

// Test files of rules, in the shape of promtool's (docs/07_alerting.md, "Testing rules"). Times are
// microseconds since 1970-01-01T00:00:00Z, which is where a test begins.
namespace tocsin {

struct TestSeries {
  SeriesName name;  // has a label device_id
  SeriesValues values;
  SourcePlace place;
};

struct TestEvent {
  std::string json;
  SourcePlace place;
};

struct ExpectedAlert {
  std::map<std::string, std::string> labels;
  std::optional<std::map<std::string, std::string>> annotations;  // nothing: any
};

// The instances of one rule that fire at one time.
struct AlertCheck {
  std::int64_t time_us = 0;
  std::string alertname;
  std::vector<ExpectedAlert> alerts;
  SourcePlace place;
};

// One record; a field that is not given is not compared.
struct ExpectedTransition {
  std::optional<std::int64_t> time_us;
  std::map<std::string, std::string> fields;  // alertname, device_id, state, severity, value
};

struct RuleTest {
  std::string name;  // "" when it has none
  std::int64_t interval_us = 60'000'000;
  std::vector<TestSeries> series;
  std::vector<TestEvent> events;
  std::vector<AlertCheck> checks;
  std::optional<std::vector<ExpectedTransition>> transitions;
  SourcePlace place;
};

// A rule file that the tests are about; a relative path is relative to the test file.
struct TestedFile {
  std::string path;
  SourcePlace place;
};

struct RuleTestFile {
  std::string path;
  std::vector<TestedFile> rule_files;
  std::vector<RuleTest> tests;
};

// Reads a test file of at most 4 MiB. kNotFound for a missing file, kConfiguration with every
// mistake (of the first hundred), one "path:line:column: …" a line.
Result<RuleTestFile> ReadRuleTestFile(const std::string& path);
Result<RuleTestFile> ParseRuleTestFile(std::string_view text, const std::string& path);

// "10m" after 1970-01-01T00:00:00Z, or a timestamp.
std::optional<std::int64_t> ParseTestTime(std::string_view text);
// The inverse: a duration within the first 1000 days, else a timestamp.
std::string FormatTestTime(std::int64_t time_us);

}  // namespace tocsin
