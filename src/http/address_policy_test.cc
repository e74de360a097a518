#include "http/address_policy.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace tocsin {
namespace {

bool Allows(const AddressPolicy& policy, const char* text) {
  const auto address = IpAddress::Parse(text);
  EXPECT_TRUE(address) << text;
  return address && policy.Allows(*address);
}

TEST(AddressPolicyTest, RefusesEveryRangeThatIsNotPublic) {
  const AddressPolicy policy = *AddressPolicy::Make({});
  for (const char* text : {"0.0.0.0",
                           "0.1.2.3",
                           "10.0.0.1",
                           "10.255.255.255",
                           "100.64.0.1",
                           "100.127.255.255",
                           "127.0.0.1",
                           "127.8.8.8",
                           "169.254.169.254",
                           "172.16.0.1",
                           "172.31.255.255",
                           "192.0.0.8",
                           "192.0.2.1",
                           "192.88.99.1",
                           "192.168.1.1",
                           "198.18.0.1",
                           "198.19.255.255",
                           "198.51.100.7",
                           "203.0.113.9",
                           "224.0.0.1",
                           "239.255.255.255",
                           "240.0.0.1",
                           "255.255.255.255",
                           "::",
                           "::1",
                           "::ffff:127.0.0.1",
                           "::ffff:8.8.8.8",
                           "::127.0.0.1",
                           "64:ff9b::8.8.8.8",
                           "64:ff9b:1::1",
                           "100::1",
                           "2001::1",
                           "2001:db8::1",
                           "2002:7f00:1::",
                           "3fff::1",
                           "fc00::1",
                           "fd12:3456::1",
                           "fe80::1",
                           "fec0::1",
                           "ff02::1"}) {
    EXPECT_FALSE(Allows(policy, text)) << text;
  }
}

TEST(AddressPolicyTest, AllowsPublicAddressesUpToTheEdgesOfTheRefusedRanges) {
  const AddressPolicy policy = *AddressPolicy::Make({});
  for (const char* text : {"1.0.0.0",     "9.255.255.255",        "11.0.0.0",    "100.63.255.255",
                           "100.128.0.0", "126.255.255.255",      "128.0.0.0",   "169.253.255.255",
                           "169.255.0.0", "172.15.255.255",       "172.32.0.0",  "192.167.255.255",
                           "192.169.0.0", "198.17.255.255",       "198.20.0.0",  "223.255.255.255",
                           "2600::1",     "2001:4860:4860::8888", "2001:db9::1", "2003::1",
                           "3ffe::1"}) {
    EXPECT_TRUE(Allows(policy, text)) << text;
  }
}

TEST(AddressPolicyTest, AnAllowedNetworkOpensThatNetworkOnly) {
  const AddressPolicy policy = *AddressPolicy::Make({"10.1.0.0/16", "127.0.0.1", "fd00::/12"});
  EXPECT_TRUE(Allows(policy, "10.1.2.3"));
  EXPECT_FALSE(Allows(policy, "10.2.0.0"));
  EXPECT_TRUE(Allows(policy, "127.0.0.1"));
  EXPECT_FALSE(Allows(policy, "127.0.0.2"));
  EXPECT_TRUE(Allows(policy, "fd0f::1"));
  EXPECT_FALSE(Allows(policy, "fd10::1"));
  EXPECT_FALSE(Allows(policy, "::ffff:10.1.2.3"));
}

TEST(AddressPolicyTest, NamesTheTextThatIsNoNetwork) {
  for (const char* text : {"10.0.0.0/33", "10.0.0/8", "fd00::/129", "localhost", "", "10.0.0.0/",
                           "10.0.0.0/8x", "10.0.0.0/-1"}) {
    const auto policy = AddressPolicy::Make({text});
    ASSERT_FALSE(policy) << text;
    EXPECT_NE(policy.error().message().find("'" + std::string(text) + "'"), std::string::npos);
  }
}

RC_GTEST_PROP(AddressPolicyTest, ANetworkContainsExactlyTheAddressesWithItsFirstBits,
              (std::uint32_t base, std::uint32_t other)) {
  const auto bits = *rc::gen::inRange(0u, 33u);
  const auto make = [](std::uint32_t value) {
    IpAddress address;
    for (unsigned i = 0; i < 4; ++i) {
      address.bytes[i] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
    }
    return address;
  };
  // Half of the cases share more bits than chance would give.
  if (*rc::gen::arbitrary<bool>()) other = (base & ~0xffffu) | (other & 0xffffu);
  const std::uint32_t mask = bits == 0 ? 0 : ~std::uint32_t{0} << (32 - bits);
  RC_ASSERT((IpNetwork{make(base), bits}.Contains(make(other))) ==
            ((base & mask) == (other & mask)));
}

}  // namespace
}  // namespace tocsin
