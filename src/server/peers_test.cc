#include "server/peers.h"

#include <gtest/gtest.h>

namespace tocsin {
namespace {

constexpr std::int64_t kSecondUs = 1'000'000;

TEST(PeersTest, AddressesOfThisMachineDoNotCount) {
  for (const char* local : {"127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"}) {
    EXPECT_EQ(Peers::KeyOf(local), "") << local;
  }
  Peers peers({.connections = 1, .requests_per_second = 1, .body_bytes = 1});
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(peers.Connect(""));
    EXPECT_TRUE(peers.Request("", 0));
    EXPECT_TRUE(peers.Take("", 100));
  }
  EXPECT_EQ(peers.size(), 0U);
}

TEST(PeersTest, AnIpv6NetworkCountsAsOne) {
  EXPECT_EQ(Peers::KeyOf("192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(Peers::KeyOf("::ffff:192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(Peers::KeyOf("2001:db8:1:2:3:4:5:6"), Peers::KeyOf("2001:db8:1:2::9"));
  EXPECT_NE(Peers::KeyOf("2001:db8:1:2::9"), Peers::KeyOf("2001:db8:1:3::9"));
  EXPECT_EQ(Peers::KeyOf("fe80::1%eth0"), "fe80::/64");
}

TEST(PeersTest, HoldsSoManyConnectionsOfEachAddress) {
  Peers peers({.connections = 2});
  EXPECT_TRUE(peers.Connect("a"));
  EXPECT_TRUE(peers.Connect("a"));
  EXPECT_FALSE(peers.Connect("a"));
  EXPECT_TRUE(peers.Connect("b"));
  peers.Disconnect("a");
  EXPECT_TRUE(peers.Connect("a"));
  for (const char* key : {"a", "a", "b"}) peers.Disconnect(key);
  EXPECT_EQ(peers.size(), 0U);
}

TEST(PeersTest, TakesSoManyRequestsASecondAndAsManyAtOnceAfterAPause) {
  Peers peers({.requests_per_second = 10});
  const auto taken = [&](std::int64_t now_us) {
    int count = 0;
    while (peers.Request("a", now_us)) ++count;
    return count;
  };
  EXPECT_EQ(taken(5 * kSecondUs), 10);
  EXPECT_EQ(taken(5 * kSecondUs + kSecondUs / 2), 5);
  EXPECT_EQ(taken(5 * kSecondUs + kSecondUs / 2 + 50'000), 0);
  EXPECT_EQ(taken(60 * kSecondUs), 10);  // not ten times as many after ten times as long
}

TEST(PeersTest, WhoAsksForTooMuchGetsNoLessLater) {
  Peers peers({.requests_per_second = 10});
  for (int i = 0; i < 1000; ++i) peers.Request("a", kSecondUs);
  EXPECT_TRUE(peers.Request("a", kSecondUs + 110'000));
}

TEST(PeersTest, ForgetsWhoIsGone) {
  Peers peers({.requests_per_second = 10});
  for (int i = 0; i < 500; ++i) peers.Request(std::to_string(i), kSecondUs);
  EXPECT_EQ(peers.size(), 500U);
  peers.Request("a", 3 * kSecondUs);
  EXPECT_EQ(peers.size(), 1U);
}

TEST(PeersTest, BodiesOfOneAddressDoNotTakeTheMemoryOfAll) {
  Peers peers({.body_bytes = 100});
  EXPECT_TRUE(peers.Take("a", 60));
  EXPECT_FALSE(peers.Take("a", 60));
  EXPECT_TRUE(peers.Take("b", 60));
  peers.Release("a", 60);
  EXPECT_TRUE(peers.Take("a", 100));
}

}  // namespace
}  // namespace tocsin
