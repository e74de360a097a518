#include "template/text_pattern.h"

#include <gtest/gtest.h>

#include "base/json_text.h"

namespace tocsin {
namespace {

std::string Replaced(const char* pattern, const char* replacement, const char* text) {
  const auto compiled = TextPattern::Compile(pattern);
  EXPECT_TRUE(compiled) << compiled.error().message();
  return compiled ? (*compiled)->ReplaceAll(text, replacement) : "";
}

// What Go's Regexp.ReplaceAllString gives.
TEST(TextPatternTest, ReplacesAsGoDoes) {
  EXPECT_EQ(Replaced("^(.*?):[0-9]+$", "$1", "host:9100"), "host");
  EXPECT_EQ(Replaced("(?P<site>[a-z]+)-(\\d+)", "${site}/${2}", "north-17 south-3"),
            "north/17 south/3");
  EXPECT_EQ(Replaced("([a-z]+)", "$1x", "ab"), "") << "$1x is a group of that name";
  EXPECT_EQ(Replaced("([a-z]+)", "${1}x", "ab"), "abx");
  EXPECT_EQ(Replaced("a", "$$ $9 $", "a"), "$  $");
  EXPECT_EQ(Replaced("a", "\\1", "a"), "\\1");
  EXPECT_EQ(Replaced("x*", "-", "axb"), "-a-b-");
  EXPECT_EQ(Replaced("", "-", "é°"), "-é-°-");
  EXPECT_EQ(Replaced("none", "-", "text"), "text");
}

TEST(TextPatternTest, MatchesAnywhere) {
  const auto pattern = TextPattern::Compile("dev_[0-9]+");
  ASSERT_TRUE(pattern);
  EXPECT_TRUE((*pattern)->Matches("a dev_12 b"));
  EXPECT_FALSE((*pattern)->Matches("dev_x"));
}

TEST(TextPatternTest, NamesAWrongPattern) {
  const auto wrong = TextPattern::Compile("a(b");
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().message().find("'a(b'"), std::string::npos) << wrong.error().message();
  EXPECT_FALSE(TextPattern::Compile("(x{1000}){1000}"));
}

}  // namespace
}  // namespace tocsin
