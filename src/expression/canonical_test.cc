#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <string>

#include "expression/expression_test_support.h"

namespace tocsin {
namespace {

std::string Spaces() {
  return *rc::gen::element<std::string>("", " ", "  ", "\n\t");
}

std::string Wrapped(std::string text) {
  if (*rc::gen::inRange(0, 3) > 0) return text;
  return "(" + Spaces() + std::move(text) + Spaces() + ")";
}

// Random texts of each type, with needless parentheses and spaces, over metrics without units.
std::string NumberText(int depth) {
  switch (*rc::gen::inRange(0, depth > 0 ? 7 : 3)) {
    case 0:
      return *rc::gen::element<std::string>("0", "1", "2.50", "1e9", "0.1", "7.", "1e-30");
    case 1:
      return *rc::gen::element<std::string>("level", "door");
    case 2:
      return *rc::gen::element<std::string>("5m", "90s", "1h30m", "250ms", "36h", "7us");
    case 3:
      return "- " + Wrapped(*rc::gen::element<std::string>("level", "3", "(level)", "- 2"));
    case 4:
      return *rc::gen::element<std::string>(
          "avg( level,5m )", "quantile(level, .9,90s, min_samples = 4)", "lag(level)",
          "count_true(level>1 and door==1, 2h)", "ewma(door, 60000ms)");
    default:
      return "(" + NumberText(depth - 1) + ")" + Spaces() +
             *rc::gen::element<std::string>("*", "/", "%", "+", "-") + Spaces() +
             Wrapped(NumberText(depth - 1));
  }
}

std::string TruthText(int depth) {
  const int choice = *rc::gen::inRange(0, depth > 0 ? 7 : 3);
  if (choice == 0) {
    return *rc::gen::element<std::string>(R"(status == 'it\'s')", R"(labels.site =~ "a\\.b\t\"")",
                                          "device_id != status", "changed(level)");
  }
  if (choice <= 2) {
    return "(" + NumberText(2) + ")" +
           *rc::gen::element<std::string>("<", "<=", ">", ">=", "==", "!=") + "(" + NumberText(2) +
           ")";
  }
  if (choice == 3) return "not " + ("(" + TruthText(depth - 1) + ")");
  const std::string word = *rc::gen::element<std::string>("and", "or", "unless");
  return "(" + TruthText(depth - 1) + ") " + word + "\n(" + TruthText(depth - 1) + ")";
}

bool Equal(const Node& a, const Node& b) {
  if (a.kind != b.kind || a.type != b.type || a.number != b.number || a.text != b.text ||
      a.metric != b.metric || a.op != b.op || a.function != b.function || !(a.call == b.call) ||
      a.unit != b.unit || a.children.size() != b.children.size()) {
    return false;
  }
  for (std::size_t i = 0; i < a.children.size(); ++i) {
    if (!Equal(*a.children[i], *b.children[i])) return false;
  }
  return true;
}

RC_GTEST_PROP(CanonicalTextTest, ReadsBackAsTheSameTreeAndTheSameText, ()) {
  const std::string text = TruthText(3);
  std::vector<Diagnostic> diagnostics;
  const auto first =
      ParseExpression(text, SourcePlace{1, 1}, ValueType::kTruth, TestMetrics(), diagnostics);
  if (first == nullptr) {
    RC_ASSERT(FormatDiagnostics("", diagnostics).find("more than 256") != std::string::npos);
    return;
  }
  const std::string canonical = CanonicalText(*first);
  const auto second =
      ParseExpression(canonical, SourcePlace{1, 1}, ValueType::kTruth, TestMetrics(), diagnostics);
  if (second == nullptr) RC_FAIL(FormatDiagnostics(canonical, diagnostics));
  RC_ASSERT(Equal(*first, *second));
  RC_ASSERT(CanonicalText(*second) == canonical);
}

TEST(CanonicalTextTest, IsOneTextForOneMeaning) {
  EXPECT_EQ(Read("((temperature)>=50.0)"), "temperature >= 50");
  EXPECT_EQ(Read("temperature>= -1e1"), "temperature >= -10");
  EXPECT_EQ(Read("avg(level,60s)>5e0"), Read("avg( level , 1m ) > 5"));
}

}  // namespace
}  // namespace tocsin
