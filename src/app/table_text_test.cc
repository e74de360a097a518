#include "app/table_text.h"

#include <gtest/gtest.h>

namespace tocsin {
namespace {

TEST(TableTextTest, ACellHasItsWidthInCharacters) {
  EXPECT_EQ(TableCell("slack", 8), "slack   ");
  EXPECT_EQ(TableCell("21 \u00b0C", 7), "21 \u00b0C  ");
  EXPECT_EQ(TableCell("dead channel", 6), "dead \u2026");
  EXPECT_EQ(TableCell("as it is", 0), "as it is");
}

TEST(TableTextTest, ACellIsOneLine) {
  EXPECT_EQ(TableCell("no\nsuch\tchannel\x1b[31m", 0), "no such channel [31m");
}

}  // namespace
}  // namespace tocsin
