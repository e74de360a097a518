#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "base/json_text.h"
#include "template/message_template.h"

namespace tocsin {
namespace {

TEST(EscapeTextTest, MakesTextHarmlessForEachService) {
  const std::string hostile = "<b>\"a\" & 'b'\r\n*_`\\{{x}}";
  EXPECT_EQ(EscapeText(hostile, Escape::kNone), hostile);
  EXPECT_EQ(EscapeText(hostile, Escape::kHtml),
            "&lt;b&gt;&quot;a&quot; &amp; &#39;b&#39;\r\n*_`\\{{x}}");
  EXPECT_EQ(EscapeText(hostile, Escape::kSlack), "&lt;b&gt;\"a\" &amp; 'b'\r\n*_`\\{{x}}");
  EXPECT_EQ(EscapeText(hostile, Escape::kJson), "<b>\\\"a\\\" & 'b'\\r\\n*_`\\\\{{x}}");
  EXPECT_EQ(EscapeText(hostile, Escape::kHeader), "<b>\"a\" & 'b'  *_`\\{{x}}");
  EXPECT_EQ(EscapeText("a.b-c!", Escape::kMarkdownTelegram), "a\\.b\\-c\\!");
}

TEST(EscapeTextTest, BytesThatAreNoUtf8BecomeTheReplacementCharacter) {
  EXPECT_EQ(EscapeText("a\xff\xc3(\xf0\x9f\x98", Escape::kNone),
            "a\xEF\xBF\xBD\xEF\xBF\xBD(\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(EscapeText(std::string("a\0b", 3), Escape::kHtml),
            "a\xEF\xBF\xBD"
            "b");
}

TEST(CutTextTest, CountsCodePointsAndNeverSplitsOne) {
  EXPECT_EQ(CutText("abcdef", 6), "abcdef");
  EXPECT_EQ(CutText("abcdef", 5), "abcd…");
  EXPECT_EQ(CutText("😀😀😀", 3), "😀😀😀");
  EXPECT_EQ(CutText("😀😀😀", 2), "😀…");
  EXPECT_EQ(CutText("😀", 1), "😀");
  EXPECT_EQ(CutText("ab", 1), "…");
  EXPECT_EQ(CutText("ab", 0), "");
  EXPECT_EQ(CutText("", 5), "");
}

RC_GTEST_PROP(EscapeTextTest, TheResultIsUtf8AndHasNoActiveCharacter, (std::string text)) {
  for (const Escape escape : {Escape::kNone, Escape::kHtml, Escape::kJson, Escape::kSlack,
                              Escape::kMarkdownTelegram, Escape::kHeader}) {
    RC_ASSERT(IsUtf8(EscapeText(text, escape)));
  }
  RC_ASSERT(EscapeText(text, Escape::kHtml).find_first_of("<>\"'") == std::string::npos);
  RC_ASSERT(EscapeText(text, Escape::kSlack).find_first_of("<>") == std::string::npos);
  RC_ASSERT(EscapeText(text, Escape::kHeader).find_first_of("\r\n") == std::string::npos);
}

RC_GTEST_PROP(CutTextTest, StaysWithinTheLimitAndKeepsTheBeginning, (std::u32string points)) {
  std::string text;
  for (std::size_t i = 0; i < points.size(); ++i)
    text += i % 3 == 0 ? "é" : i % 3 == 1 ? "x" : "😀";
  const auto max = *rc::gen::inRange<std::size_t>(1, 40);
  const std::string cut = CutText(text, max);
  const auto count = std::ranges::count_if(
      cut, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
  RC_ASSERT(static_cast<std::size_t>(count) == std::min(max, points.size()));
  RC_ASSERT(IsUtf8(cut));
  const bool right =
      points.size() <= max ? cut == text : text.starts_with(cut.substr(0, cut.size() - 3));
  RC_ASSERT(right);
}

}  // namespace
}  // namespace tocsin
