#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "model/event_row.h"

namespace tocsin {
namespace {

std::string Extract(std::string_view record) {
  const PaddedRecord padded(record);
  KeyExtractor extractor;
  return std::string(extractor.DeviceId(padded.view()));
}

TEST(KeyExtractorTest, FindsTheIdWhereverItStands) {
  EXPECT_EQ(Extract(R"({"device_id":"dev_7","x":1})"), "dev_7");
  EXPECT_EQ(Extract(" { \"x\" : [1,{\"device_id\":\"no\"}] ,\n\"device_id\" : \"yes\" } "), "yes");
  EXPECT_EQ(Extract(R"({"x":"\"}","y":{"z":"}"},"device_id":"d"})"), "d");
  EXPECT_EQ(Extract(R"({"a":1,"b":true,"device_id":"d"})"), "d");
}

TEST(KeyExtractorTest, UnescapesKeyAndId) {
  EXPECT_EQ(Extract(R"({"device\u005fid":"d"})"), "d");
  EXPECT_EQ(Extract(R"({"device_id":"a\"\u00e9\ud83d\ude00"})"), "a\"\xC3\xA9\xF0\x9F\x98\x80");
  EXPECT_EQ(Extract("{\"device_id\":\"Ger\xC3\xA4t\"}"), "Ger\xC3\xA4t");
}

TEST(KeyExtractorTest, TakesIdsOfEveryLength) {
  for (std::size_t size = 1; size <= 256; ++size) {
    const std::string id(size, '~');
    EXPECT_EQ(Extract("{\"device_id\":\"" + id + "\"}"), id);
    EXPECT_EQ(Extract("{\"device_id\":\"" + id + "\"\\"), id);
    EXPECT_EQ(Extract("{\"device_id\":\"" + id + "\x1F\"}"), "");
    EXPECT_EQ(Extract("{\"device_id\":\"" + id), "");
    if (size < 255) {
      EXPECT_EQ(Extract("{\"device_id\":\"" + id + "\xC3\xA4\"}"), id + "\xC3\xA4");
    }
  }
}

TEST(KeyExtractorTest, IsLenientBehindTheId) {
  EXPECT_EQ(Extract(R"({"device_id":"d","temperature":)"), "d");
  EXPECT_EQ(Extract("{\"device_id\":\"d\",\xFF}"), "d");
  EXPECT_EQ(Extract(R"({"x":01,"device_id":"d"})"), "d");
}

TEST(KeyExtractorTest, GivesNothingWithoutAReadableId) {
  const std::string too_long(257, 'x');
  for (const std::string& record :
       {std::string(), std::string("{"), std::string("{}"), std::string("[]"),
        std::string(R"({"x":1})"), std::string(R"({"device_id":1})"),
        std::string(R"({"device_id":null})"), std::string(R"({"device_id":""})"),
        std::string(R"({"device_id":"d)"), std::string(R"({"device_id")"),
        std::string(R"({"device_id" "d"})"), std::string(R"({"device_id":"\ud800"})"),
        std::string("{\"device_id\":\"\xFF\"}"), std::string("{\"device_id\":\"a\nb\"}"),
        std::string(R"(["device_id":"d"])"), std::string(R"({"x":{"device_id":"d"}})"),
        std::string(R"("device_id":"d")"), "{\"device_id\":\"" + too_long + "\"}"}) {
    EXPECT_EQ(Extract(record), "") << record;
  }
  EXPECT_EQ(Extract("{\"device_id\":\"" + too_long.substr(1) + "\"}"), too_long.substr(1));
}

}  // namespace
}  // namespace tocsin
