#include "config/dotenv.h"

#include <gtest/gtest.h>

namespace tocsin {
namespace {

Result<std::map<std::string, DotenvEntry>> Parse(std::string_view text) {
  return ParseDotenv(text, [](std::string_view key) { return key == "OURS"; });
}

std::string ValueOf(std::string_view text, const std::string& key = "OURS") {
  const auto entries = Parse(text);
  if (!entries) return "error: " + entries.error().message();
  const auto found = entries->find(key);
  return found == entries->end() ? "(absent)" : found->second.value;
}

TEST(DotenvTest, ReadsBareValues) {
  EXPECT_EQ(ValueOf("OURS=5\n"), "5");
  EXPECT_EQ(ValueOf("OURS=5"), "5");
  EXPECT_EQ(ValueOf("  OURS = two words \r\n"), "two words");
  EXPECT_EQ(ValueOf("export OURS=5"), "5");
  EXPECT_EQ(ValueOf("\xEF\xBB\xBFOURS=5"), "5");
  EXPECT_EQ(ValueOf("OURS="), "");
  EXPECT_EQ(ValueOf("OURS=a=b"), "a=b");
  EXPECT_EQ(ValueOf("export=1\nOURS=5", "export"), "1");
}

TEST(DotenvTest, LeavesCommentsOut) {
  EXPECT_EQ(ValueOf("# OURS=1\n"), "(absent)");
  EXPECT_EQ(ValueOf("OURS=5 # five"), "5");
  EXPECT_EQ(ValueOf("OURS=a#b"), "a#b");
  EXPECT_EQ(ValueOf("OURS=a#b # c"), "a#b");
  EXPECT_EQ(ValueOf("OURS=# nothing"), "");
}

TEST(DotenvTest, ReadsQuotedValues) {
  EXPECT_EQ(ValueOf("OURS=' a # \\n '"), " a # \\n ");
  EXPECT_EQ(ValueOf(R"(OURS="a\n\"b\"\t\\\$" # comment)"), "a\n\"b\"\t\\$");
  EXPECT_EQ(ValueOf("OURS=\"two\nlines\""), "two\nlines");
  EXPECT_EQ(ValueOf("OURS=''"), "");
}

TEST(DotenvTest, TheLastLineOfAKeyWinsAndKeepsItsLineNumber) {
  const auto entries = Parse("\nOURS=1\nOTHER='a\nb'\nOURS=2\n");
  ASSERT_TRUE(entries);
  EXPECT_EQ(entries->at("OURS").value, "2");
  EXPECT_EQ(entries->at("OURS").line, 5U);
}

TEST(DotenvTest, PassesOverForeignLinesThatItCannotRead) {
  EXPECT_EQ(ValueOf("what is this\n=x\n-----\nFOREIGN='open\nOURS=5\n"), "5");
  EXPECT_EQ(ValueOf("FOREIGN=\"a\" b\nOURS=5\n"), "5");
}

TEST(DotenvTest, RefusesABrokenLineOfOurs) {
  EXPECT_EQ(ValueOf("\nOURS 5\n"), "error: line 2: OURS has no '='; write OURS=VALUE");
  EXPECT_EQ(ValueOf("OURS='5\n"),
            "error: line 1: OURS has a quoted value that does not end its line");
  EXPECT_EQ(ValueOf("OURS='5' 6\n"),
            "error: line 1: OURS has a quoted value that does not end its line");
}

}  // namespace
}  // namespace tocsin
