#include "web_api/request_lines.h"

#include <gtest/gtest.h>

#include <vector>

namespace tocsin {
namespace {

using Seen = std::vector<std::string>;

Result<Seen> ReadingsOf(std::string body, bool lines_only = false) {
  Seen seen;
  std::size_t last = 0;
  const std::size_t size = body.size();
  body.append(64, '"');
  const Status read =
      ForEachReading(body, size, lines_only, [&](std::string_view reading, std::size_t number) {
        EXPECT_EQ(number, ++last);
        seen.emplace_back(reading);
      });
  if (!read) {
    EXPECT_TRUE(seen.empty());
    return std::unexpected(read.error());
  }
  return seen;
}

TEST(RequestLinesTest, AnArrayIsCutAtItsOwnCommas) {
  EXPECT_EQ(*ReadingsOf(R"( [ {"a":[1,2,{"b":"],{"}]} , 7,"x,\"]" ,[] ] )"),
            (Seen{R"({"a":[1,2,{"b":"],{"}]})", "7", R"("x,\"]")", "[]"}));
  EXPECT_TRUE(ReadingsOf("[]")->empty());
  EXPECT_TRUE(ReadingsOf(" [ ] \n")->empty());
}

TEST(RequestLinesTest, AnEmptyElementIsForTheParserToRefuse) {
  EXPECT_EQ(*ReadingsOf("[1,]"), (Seen{"1", ""}));
}

TEST(RequestLinesTest, AnArrayThatDoesNotEndIsRefusedWhole) {
  for (const char* body : {"[", "[1", "[1,", "[{]", "[\"]", "[1] 2", "[1]]", "[1}"}) {
    EXPECT_FALSE(ReadingsOf(body)) << body;
  }
}

TEST(RequestLinesTest, OneObjectMayHaveManyLines) {
  EXPECT_EQ(*ReadingsOf("{\n\"a\":\r\n\"b\"}\n"), Seen{"{ \"a\":  \"b\"}"});
  EXPECT_EQ(*ReadingsOf("{\"a\n\":1}"), Seen{"{\"a\n\":1}"})
      << "in a string it stays, and is wrong";
}

TEST(RequestLinesTest, EverythingElseIsLines) {
  EXPECT_EQ(*ReadingsOf("{\"a\":1}\r\n\n{\"a\":2}"), (Seen{"{\"a\":1}", "", "{\"a\":2}"}));
  EXPECT_EQ(*ReadingsOf("{\"a\":\n{\"b\":1}\n"), (Seen{"{\"a\":", "{\"b\":1}"}));
  EXPECT_EQ(*ReadingsOf("[1,2]\n", true), Seen{"[1,2]"});
  EXPECT_TRUE(ReadingsOf("")->empty());
}

TEST(RequestLinesTest, AnUnknownEncodingIsToldApartFromADamagedBody) {
  EXPECT_EQ(DecodeBody("x", "br", 10, 0).error().code(), Code::kUsage);
  EXPECT_EQ(DecodeBody("x", "gzip", 10, 0).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(DecodeBody("", "gzip", 10, 0).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(DecodeBody("x", "zstd", 10, 0).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(DecodeBody("", "zstd", 10, 0).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(*DecodeBody("x", "", 10, 2), "x  ");
}

}  // namespace
}  // namespace tocsin
