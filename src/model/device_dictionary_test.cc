#include "model/device_dictionary.h"

#include <gtest/gtest.h>

#include <span>
#include <string>
#include <vector>

namespace tocsin {
namespace {

TEST(DeviceDictionaryTest, GivesCodesInOrderOfFirstSight) {
  DeviceDictionary devices;
  EXPECT_EQ(devices.Encode("b"), 0U);
  EXPECT_EQ(devices.Encode("a"), 1U);
  EXPECT_EQ(devices.Encode("b"), 0U);
  EXPECT_EQ(devices.size(), 2U);
  EXPECT_EQ(devices.Decode(0), "b");
  EXPECT_EQ(devices.Find("a"), 1U);
  EXPECT_EQ(devices.Find("c"), DeviceDictionary::kUnknown);
  EXPECT_EQ(devices.size(), 2U) << "Find adds nothing";
}

TEST(DeviceDictionaryTest, KeepsEveryIdWhileItGrows) {
  DeviceDictionary devices;
  constexpr std::uint32_t kDevices = 50'000;
  for (std::uint32_t i = 0; i < kDevices; ++i) {
    ASSERT_EQ(devices.Encode("dev_" + std::to_string(i)), i);
  }
  for (std::uint32_t i = 0; i < kDevices; ++i) {
    ASSERT_EQ(devices.Find("dev_" + std::to_string(i)), i);
    ASSERT_EQ(devices.Decode(i), "dev_" + std::to_string(i));
  }
}

TEST(DeviceDictionaryTest, EncodesManyAsOneAfterTheOther) {
  std::vector<std::string> texts;
  for (std::uint32_t i = 0; i < 20'000; ++i) {
    const std::string number = std::to_string(i * 7919 % 3'001);
    texts.push_back(number + std::string(i % 23, static_cast<char>('a' + i % 3)));
  }
  const std::vector<std::string_view> ids(texts.begin(), texts.end());
  DeviceDictionary one;
  std::vector<std::uint32_t> expected;
  for (const std::string_view id : ids) expected.push_back(one.Encode(id));
  DeviceDictionary many;
  std::vector<std::uint32_t> codes(ids.size());
  many.EncodeAll(std::span(ids).first(777), codes.data());
  many.EncodeAll(std::span(ids).subspan(777), codes.data() + 777);
  EXPECT_EQ(codes, expected);
  EXPECT_EQ(many.size(), one.size());
}

TEST(DeviceDictionaryTest, CopiesTheId) {
  DeviceDictionary devices;
  std::string id = "first";
  devices.Encode(id);
  const std::string_view kept = devices.Decode(0);
  id.assign("XXXXX");
  EXPECT_EQ(kept, "first");
}

TEST(DeviceDictionaryTest, TakesIdsOfAnyBytesAndSize) {
  DeviceDictionary devices;
  const std::string huge(100'000, 'x');
  EXPECT_EQ(devices.Encode(std::string("a\0b", 3)), 0U);
  EXPECT_EQ(devices.Encode("a"), 1U);
  EXPECT_EQ(devices.Encode(huge), 2U);
  EXPECT_EQ(devices.Encode(""), 3U);
  EXPECT_EQ(devices.Decode(2), huge);
  EXPECT_EQ(devices.Find(""), 3U);
}

}  // namespace
}  // namespace tocsin
