#include <algorithm>

#include "base/json_text.h"
#include "offline/rule_test.h"

namespace tocsin {
namespace {

void AppendLines(std::string& out, const std::vector<std::string>& lines) {
  out += '[';
  for (const std::string& line : lines) {
    if (!out.ends_with('[')) out += ',';
    AppendJsonString(out, line);
  }
  out += ']';
}

void AppendFailure(std::string& out, const RuleTestFailure& failure) {
  out += "{\"line\":" + std::to_string(failure.place.line) + ",\"what\":";
  AppendJsonString(out, failure.what);
  out += ",\"expected\":";
  AppendLines(out, failure.expected);
  out += ",\"got\":";
  AppendLines(out, failure.got);
  out += '}';
}

// Lines of the one that the other lacks are marked.
void AppendDifference(std::string& out, std::string_view title,
                      const std::vector<std::string>& lines, const std::vector<std::string>& others,
                      char mark) {
  out += "      " + std::string(title) + ":\n";
  if (lines.empty()) out += "          nothing\n";
  for (const std::string& line : lines) {
    const bool same = std::ranges::find(others, line) != others.end();
    out += "        " + std::string(1, same ? ' ' : mark) + ' ' + line + '\n';
  }
}

}  // namespace

std::string RuleTestJson(const std::vector<RuleTestReport>& reports) {
  bool ok = true;
  for (const RuleTestReport& report : reports) ok = ok && report.ok();
  std::string out = std::string("{\"ok\":") + (ok ? "true" : "false") + ",\"files\":[";
  for (const RuleTestReport& report : reports) {
    if (!out.ends_with('[')) out += ',';
    out += "{\"file\":";
    AppendJsonString(out, report.path);
    out += std::string(",\"ok\":") + (report.ok() ? "true" : "false") + ",\"tests\":[";
    for (const RuleTestResult& test : report.tests) {
      if (!out.ends_with('[')) out += ',';
      out += "{\"name\":";
      AppendJsonString(out, test.name);
      out += std::string(",\"ok\":") + (test.failures.empty() ? "true" : "false");
      out += ",\"failures\":[";
      for (const RuleTestFailure& failure : test.failures) {
        if (!out.ends_with('[')) out += ',';
        AppendFailure(out, failure);
      }
      out += "]}";
    }
    out += "]}";
  }
  return out + "]}";
}

std::string RuleTestText(const std::vector<RuleTestReport>& reports) {
  std::string out;
  for (const RuleTestReport& report : reports) {
    std::size_t failed = 0;
    std::string failures;
    std::size_t number = 0;
    for (const RuleTestResult& test : report.tests) {
      ++number;
      if (test.failures.empty()) continue;
      ++failed;
      failures +=
          "  FAILED: test " + (test.name.empty() ? std::to_string(number) : test.name) + "\n";
      for (const RuleTestFailure& failure : test.failures) {
        failures += "    " + report.path + ":" + std::to_string(failure.place.line) + ": " +
                    failure.what + "\n";
        AppendDifference(failures, "expected", failure.expected, failure.got, '-');
        AppendDifference(failures, "got", failure.got, failure.expected, '+');
      }
    }
    out += report.path + ": " + std::to_string(report.tests.size()) +
           (report.tests.size() == 1 ? " test, " : " tests, ") +
           (failed == 0 ? "all passed" : std::to_string(failed) + " failed") + "\n" + failures;
  }
  return out;
}

}  // namespace tocsin
