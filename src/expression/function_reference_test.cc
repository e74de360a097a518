#include "expression/function_reference.h"

#include <gtest/gtest.h>

#include "expression/expression.h"

namespace tocsin {
namespace {

TEST(FunctionReferenceTest, ShowsEveryFunctionWithAnExampleThatTheParserTakes) {
  const std::string page = RuleFunctionsMarkdown();
  ASSERT_GE(Functions().size(), 20u);
  for (const FunctionSpec* function : Functions()) {
    std::vector<Diagnostic> diagnostics;
    EXPECT_NE(ParseExpression(function->example, SourcePlace{1, 1}, ValueType::kTruth,
                              DefaultMetrics(), diagnostics),
              nullptr)
        << FormatDiagnostics(std::string(function->name), diagnostics);
    EXPECT_NE(page.find("## " + std::string(function->name) + "("), std::string::npos);
  }
}

}  // namespace
}  // namespace tocsin
