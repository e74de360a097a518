#include "model/device_dictionary.h"

#include <gtest/gtest.h>

#include <string>

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
