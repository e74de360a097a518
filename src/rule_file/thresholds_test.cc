#include "rule_file/thresholds.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "rule_file/rule_file.h"
#include "rule_file/rule_file_test_support.h"

namespace tocsin {
namespace {

// The thresholds of one rule, as "metric op value".
std::vector<std::string> Of(const std::string& condition) {
  std::vector<Diagnostic> diagnostics;
  const std::string text = "groups:\n- name: g\n  rules:\n  - alert: a\n    " + condition + "\n";
  const auto file = ParseRuleFile(text, "rules.yaml", DefaultMetrics(), diagnostics);
  if (!file) return {file.error().message()};
  std::vector<std::string> found;
  for (const Threshold& threshold : ThresholdsOf(file->rules.at(0))) {
    found.push_back(DefaultMetrics()[threshold.metric].name + " " +
                    std::string(ComparisonText(threshold.op)) + " " +
                    std::to_string(static_cast<int>(threshold.value)));
  }
  return found;
}

using Texts = std::vector<std::string>;

TEST(ThresholdsTest, AreThoseOfTheReadingItself) {
  EXPECT_EQ(Of("expr: temperature >= 50"), Texts{"temperature >= 50"});
  EXPECT_EQ(Of("expr: 50 < temperature"), Texts{"temperature > 50"});
  EXPECT_EQ(Of("expr: 20 >= humidity or -5 > temperature"),
            (Texts{"humidity <= 20", "temperature < -5"}));
  EXPECT_EQ(Of("expr: avg(temperature, 1m) > 50"), Texts());
  EXPECT_EQ(Of("expr: temperature * 2 > 100"), Texts());
  EXPECT_EQ(Of("expr: temperature == 50"), Texts());
}

TEST(ThresholdsTest, OfAllLevelsAndSidesThatCanBegin) {
  EXPECT_EQ(Of("levels: {critical: temperature >= 70, warning: temperature >= 50}"),
            (Texts{"temperature >= 50", "temperature >= 70"}));
  EXPECT_EQ(Of("expr: (temperature > 30 and humidity < 10) or temperature > 30"),
            (Texts{"temperature > 30", "humidity < 10"}));
  EXPECT_EQ(Of("expr: temperature > 30 unless humidity < 10"), Texts{"temperature > 30"});
}

}  // namespace
}  // namespace tocsin
