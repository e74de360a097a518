#include <gtest/gtest.h>

#include <string>

#include "expression/expression_test_support.h"
#include "expression/syntax.h"

namespace tocsin {
namespace {

TEST(ExpressionSyntaxTest, BindsOperatorsByTheirPrecedence) {
  EXPECT_EQ(ReadNumber("1+2*3"), "1 + 2 * 3");
  EXPECT_EQ(ReadNumber("(1+2)*3"), "(1 + 2) * 3");
  EXPECT_EQ(ReadNumber("1-(2-3)"), "1 - (2 - 3)");
  EXPECT_EQ(ReadNumber("(1-2)-3"), "1 - 2 - 3");
  EXPECT_EQ(ReadNumber("7%4/2"), "7 % 4 / 2");
  EXPECT_EQ(ReadNumber("-level*2"), "-level * 2");
  EXPECT_EQ(ReadNumber("-(level*2)"), "-(level * 2)");
  EXPECT_EQ(Read("level>1 or level<0 and door==1"), "level > 1 or level < 0 and door == 1");
  EXPECT_EQ(Read("(level>1 or level<0) and door==1"), "(level > 1 or level < 0) and door == 1");
  EXPECT_EQ(Read("(level>1 unless door==1) or level<0"), "level > 1 unless door == 1 or level < 0");
  EXPECT_EQ(Read("level>1 unless (door==1 or level<0)"),
            "level > 1 unless (door == 1 or level < 0)");
  EXPECT_EQ(Read("level>1 unless (door==1 and level<0)"),
            "level > 1 unless door == 1 and level < 0");
  EXPECT_EQ(Read("not (level > 1) and door == 1"), "not (level > 1) and door == 1");
}

TEST(ExpressionSyntaxTest, ReadsNumbersAndDurationsInSeconds) {
  const auto number = [](std::string_view text) {
    std::vector<Diagnostic> diagnostics;
    const auto node =
        ParseExpression(text, SourcePlace{1, 1}, ValueType::kNumber, TestMetrics(), diagnostics);
    return node != nullptr ? node->number : -1;
  };
  EXPECT_EQ(number("5m"), 300);
  EXPECT_EQ(number("1h30m"), 5400);
  EXPECT_EQ(number("500ms"), 0.5);
  EXPECT_EQ(number("1d"), 86400);
  EXPECT_EQ(number("0.25"), 0.25);
  EXPECT_EQ(number(".5"), 0.5);
  EXPECT_EQ(number("1e3"), 1000);
  EXPECT_EQ(number("-30s"), -30);
  EXPECT_EQ(ReadNumber("300000ms"), "5m");
}

TEST(ExpressionSyntaxTest, RefusesNumbersItCannotHold) {
  EXPECT_EQ(ReadNumber("1.5h"),
            ":1:1: `1.5h` is neither a number nor a duration; durations have whole numbers: write "
            "1h30m instead of 1.5h");
  EXPECT_EQ(ReadNumber("1e999"), ":1:1: number `1e999` is out of range");
  EXPECT_NE(ReadNumber("5x").find("unknown unit"), std::string::npos);
  EXPECT_EQ(ReadNumber("20000d"), ":1:1: duration `20000d` is longer than 10000d");
}

TEST(ExpressionSyntaxTest, ReadsTextsInEitherQuotes) {
  EXPECT_EQ(Read("status == 'it\\'s \"on\"'"), "status == \"it's \\\"on\\\"\"");
  EXPECT_EQ(Read(R"(status =~ "E\\d+")"), R"(status =~ "E\\d+")");
  EXPECT_EQ(Read(R"(status =~ "E\d+")"),
            ":1:13: unknown escape in a text; write a backslash as \\\\, as in \"\\\\d+\"");
  EXPECT_EQ(Read("status == 'on"), ":1:11: this text has no closing '");
  EXPECT_EQ(Read("status == 'on\\"), ":1:11: this text has no closing quote");
}

TEST(ExpressionSyntaxTest, RefusesChainedComparisons) {
  EXPECT_EQ(Read("1 < level < 5"), ":1:11: comparisons cannot be chained; write `a < b and b < c`");
  EXPECT_EQ(Read("level == 1 == 1"),
            ":1:12: comparisons cannot be chained; write `a < b and b < c`");
}

TEST(ExpressionSyntaxTest, SuggestsOurOperatorsForThoseOfOtherLanguages) {
  EXPECT_EQ(Read("level > 1 && door == 1"), ":1:11: unknown operator `&&`; write `and`");
  EXPECT_EQ(Read("level > 1 || door == 1"), ":1:11: unknown operator `||`; write `or`");
  EXPECT_EQ(Read("!(level > 1)"), ":1:1: unknown operator `!`; write `not`");
  EXPECT_EQ(Read("level > 1 AND door == 1"),
            ":1:11: expected an operator, not `AND`; write `and` in lower case");
  EXPECT_EQ(Read("level = 1"), ":1:7: expected an operator, not `=`; `=` is written `==`");
  EXPECT_EQ(Read("avg_over_time(level[5m]) > 1"),
            ":1:20: unknown operator `[`; a window is an argument: avg(temperature, 5m)");
  EXPECT_EQ(Read("level > 1 ü"), ":1:11: unexpected `ü`");
}

TEST(ExpressionSyntaxTest, NamesTheParenthesisThatIsWrong) {
  EXPECT_EQ(Read("(level > 1"), ":1:1: this `(` is never closed");
  EXPECT_EQ(Read("level > 1)"), ":1:10: this `)` closes nothing");
  EXPECT_EQ(Read("avg(level, 5m > 1"), ":1:4: this `(` is never closed");
  EXPECT_EQ(Read("(level > 1 door)"), ":1:12: expected `)` or an operator, not `door`");
  EXPECT_EQ(Read("level >"),
            ":1:8: expected a number, a name or `(`, not the end of the expression");
  EXPECT_EQ(Read(" "), ":1:2: the expression is empty; write one such as temperature >= 50");
}

TEST(ExpressionSyntaxTest, CountsPlacesOverLines) {
  EXPECT_EQ(Read("level > 1\n  and leve > 2"),
            ":2:7: unknown metric `leve`; did you mean `level`?");
}

TEST(ExpressionSyntaxTest, KeepsWhatEachPartWasReadFromWithSingleSpaces) {
  std::vector<Diagnostic> diagnostics;
  const auto node =
      ParseExpression("( avg(level,\n  5m)+1 ) > 'x  y' or   level>2", SourcePlace{1, 1},
                      ValueType::kTruth, TestMetrics(), diagnostics);
  EXPECT_EQ(node, nullptr);
  const auto good =
      ParseExpression("(  avg(level,\n  5m)+1 )   >2 or status == 'x  y'", SourcePlace{1, 1},
                      ValueType::kTruth, TestMetrics(), diagnostics);
  ASSERT_NE(good, nullptr);
  EXPECT_EQ(good->source, "( avg(level, 5m)+1 ) >2 or status == 'x  y'");
  EXPECT_EQ(good->children[0]->children[0]->source, "avg(level, 5m)+1");
  EXPECT_EQ(good->children[0]->children[0]->children[0]->source, "avg(level, 5m)");
  EXPECT_EQ(good->children[0]->children[0]->children[0]->call.window_us, 300'000'000);
}

TEST(ExpressionLimitTest, TakesFourKibibytesOfTextAndNoMore) {
  std::string text = "level > 1";
  text.append(kMaxExpressionBytes - text.size(), ' ');
  EXPECT_EQ(Read(text), "level > 1");
  EXPECT_EQ(Read(text + ' '), ":1:1: the expression has 4097 bytes; at most 4096 are read");
}

TEST(ExpressionLimitTest, TakesSixtyFourLevelsAndNoMore) {
  const auto nested = [](std::size_t levels) {
    return std::string(levels, '(') + "level > 1" + std::string(levels, ')');
  };
  EXPECT_EQ(Read(nested(64)), "level > 1");
  EXPECT_EQ(Read(nested(65)), ":1:66: the expression is nested deeper than 64 levels");
  EXPECT_EQ(Read(std::string(2000, '(')), ":1:66: the expression is nested deeper than 64 levels");
  EXPECT_NE(ReadNumber(std::string(100, '-') + "level").find("deeper than 64"), std::string::npos);
}

TEST(ExpressionLimitTest, TakesTwoHundredFiftySixNodesAndNoMore) {
  const auto sum = [](int terms) {
    std::string text = "1";
    for (int i = 1; i < terms; ++i) text += "+1";
    return text;
  };
  EXPECT_EQ(ReadNumber(sum(128)).find("more than"), std::string::npos);
  EXPECT_NE(ReadNumber(sum(129)).find("has more than 256 operators and operands"),
            std::string::npos);
}

TEST(DiagnosticTest, StandsInOrderOfPlaceOneALine) {
  EXPECT_EQ(FormatDiagnostics("r.yaml", {{{2, 3}, "b"}, {{1, 9}, "a"}, {{}, "file"}}),
            "r.yaml: file\nr.yaml:1:9: a\nr.yaml:2:3: b");
}

}  // namespace
}  // namespace tocsin
