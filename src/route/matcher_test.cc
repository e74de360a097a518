#include "route/matcher.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace tocsin {
namespace {

using Kind = Matcher::Kind;

std::string Read(std::string_view text) {
  const Result<std::vector<Matcher>> matchers = ParseMatchers(text);
  if (!matchers) return "error: " + matchers.error().message();
  std::string shown;
  for (const Matcher& matcher : *matchers) shown += matcher.ToText() + ";";
  return shown;
}

TEST(MatcherTest, TakesTheFormsOfAlertmanagerFiles) {
  EXPECT_EQ(Read(R"(severity="critical")"), R"(severity="critical";)");
  EXPECT_EQ(Read("severity=critical"), R"(severity="critical";)");
  EXPECT_EQ(Read(" severity = critical "), R"(severity="critical";)");
  EXPECT_EQ(Read(R"({a="b",c=~"d.*"})"), R"(a="b";c=~"d.*";)");
  EXPECT_EQ(Read(R"(a!="b", c!~d|e,)"), R"(a!="b";c!~"d|e";)");
  EXPECT_EQ(Read(R"(a="x,y",b="{}")"), R"(a="x,y";b="{}";)");
  EXPECT_EQ(Read(R"(a="say \"hi\"\n\d")"), R"(a="say \"hi\"\n\\d";)");
  EXPECT_EQ(Read("a="), R"(a="";)");
  EXPECT_EQ(Read("{}"), "");
  EXPECT_EQ(Read("service=~^(foo1|foo2|baz)$"), R"(service=~"^(foo1|foo2|baz)$";)");
}

TEST(MatcherTest, TakesTheUtf8FormWhereTheClassicOneEnds) {
  EXPECT_EQ(Read(R"("température"="haute")"), R"("température"="haute";)");
  EXPECT_EQ(Read(R"({"with space"=~"a.*", Θ=b})"), R"("with space"=~"a.*";"Θ"="b";)");
  EXPECT_EQ(Read("a.b=c"), R"("a.b"="c";)");
}

TEST(MatcherTest, AWrongTextIsRefusedWithAnExample) {
  for (const char* text : {"severity", "=x", R"(a="b)", "a=\"b\" c=\"d\"", "a~b", "{\"x\"=y",
                           "a=\"\xff\"", ",", "a=~\"(\""}) {
    const Result<std::vector<Matcher>> matchers = ParseMatchers(text);
    ASSERT_FALSE(matchers) << text;
    EXPECT_EQ(matchers.error().code(), Code::kInvalidArgument) << text;
  }
}

TEST(MatcherTest, AMissingLabelIsTheEmptyTextAndExpressionsAreAnchored) {
  const LabelMap labels = {{"site", "alpha"}};
  const auto matches = [&labels](std::string_view text) {
    return MatchesAll(ParseMatchers(text).value(), labels);
  };
  EXPECT_TRUE(matches(R"(site=~"al.*")"));
  EXPECT_FALSE(matches(R"(site=~"al")"));
  EXPECT_FALSE(matches(R"(site=~"lpha|x")"));
  EXPECT_TRUE(matches(R"(site!~"al")"));
  EXPECT_TRUE(matches(R"(other="")"));
  EXPECT_TRUE(matches(R"(other=~".*")"));
  EXPECT_FALSE(matches(R"(other!="")"));
  EXPECT_FALSE(matches(R"(site="alpha",other="x")"));
}

TEST(MatcherTest, AnyMatcherReadsBackFromItsText) {
  EXPECT_TRUE(rc::check([](const std::string& tail) {
    std::string value;
    for (const char c : tail) {
      if ((c & 0x80) == 0 && c != 0) value += c;  // printable or not, but ASCII
    }
    const Kind kind = *rc::gen::element(Kind::kEqual, Kind::kNotEqual);
    const std::string name = *rc::gen::element<std::string>("a", "a b", "ü", "x.y", "_z9");
    const Matcher matcher = Matcher::Make(name, kind, value).value();
    const Result<std::vector<Matcher>> back = ParseMatchers(matcher.ToText());
    RC_ASSERT(back.has_value());
    RC_ASSERT(back->size() == 1u);
    RC_ASSERT(back->front().name() == name);
    RC_ASSERT(back->front().value() == value);
    RC_ASSERT(back->front().kind() == kind);
  }));
}

}  // namespace
}  // namespace tocsin
