#include "template/printf_format.h"

#include <gtest/gtest.h>

namespace tocsin {
namespace {

std::string Format(const char* format, const std::vector<TemplateValue>& values) {
  const Status right = CheckPrintf(format, values.size());
  EXPECT_TRUE(right) << right.error().message();
  return Printf(format, values);
}

TEST(PrintfFormatTest, WritesTheVerbsOfGo) {
  EXPECT_EQ(Format("%s is %v", {{std::string("dev_1")}, {true}}), "dev_1 is true");
  EXPECT_EQ(Format("%d|%.2f|%v|%e|%g", {{3.0}, {51.456}, {51.5}, {1500.0}, {0.1}}),
            "3|51.46|51.5|1.500000e+03|0.1");
  EXPECT_EQ(Format("%q %t %x 100%%", {{std::string("a \"b\"")}, {false}, {255.0}}),
            "\"a \\\"b\\\"\" false ff 100%");
  EXPECT_EQ(Format("[%5s|%-5s|%05.1f|%+d|%3d]",
                   {{std::string("é")}, {std::string("ab")}, {2.25}, {7.0}, {42.0}}),
            "[    é|ab   |002.2|+7| 42]");
  EXPECT_EQ(Format("%.2s %s", {{std::string("épée")}, {2.5}}), "ép 2.5");
  EXPECT_EQ(Format("%d", {{std::string("no number")}}), "no number");
}

TEST(PrintfFormatTest, RefusesWhatItDoesNotKnow) {
  for (const char* format : {"%", "%z", "%s %", "%*d", "%999s", "%.99f", "%.-1f", "%[1]d"}) {
    const Status status = CheckPrintf(format, 1);
    ASSERT_FALSE(status) << format;
    EXPECT_NE(status.error().message().find("no verb"), std::string::npos)
        << status.error().message();
  }
  EXPECT_EQ(CheckPrintf("%s and %s", 1).error().message(),
            "printf: the format has 2 verbs for 1 values");
  EXPECT_FALSE(CheckPrintf("100%%", 1));
}

}  // namespace
}  // namespace tocsin
