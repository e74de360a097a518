#include "process/instance_table.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>
#include <utility>

namespace tocsin {
namespace {

TEST(InstanceTableTest, HoldsWhatAMapHoldsWhateverIsMadeAndErased) {
  const bool held = rc::check([] {
    using Key = std::pair<std::uint32_t, std::uint32_t>;
    const auto steps = *rc::gen::container<std::vector<std::pair<bool, Key>>>(
        rc::gen::pair(rc::gen::weightedElement<bool>({{3, true}, {2, false}}),
                      rc::gen::pair(rc::gen::inRange<std::uint32_t>(0, 20),
                                    rc::gen::inRange<std::uint32_t>(0, 4))));
    InstanceTable table;
    std::map<Key, std::uint32_t> model;
    std::uint32_t number = 0;
    for (const auto& [make, key] : steps) {
      if (make) {
        table.FindOrMake(key.first, key.second).event_count = ++number;
        model[key] = number;
      } else {
        table.Erase(key.first, key.second);
        model.erase(key);
      }
    }
    RC_ASSERT(table.size() == model.size());
    std::map<Key, std::uint32_t> got;
    table.ForEach([&](const InstanceTable::Entry& entry) {
      got[{entry.device, entry.rule}] = entry.instance.event_count;
    });
    RC_ASSERT(got == model);
    for (std::uint32_t device = 0; device < 20; ++device) {
      for (std::uint32_t rule = 0; rule < 4; ++rule) {
        const AlertInstance* const found = table.Find(device, rule);
        RC_ASSERT((found != nullptr) == model.contains({device, rule}));
      }
    }
  });
  EXPECT_TRUE(held);
}

TEST(InstanceTableTest, AMillionDevicesWithThreeInstancesTakeLessThanAThirdOfAGigabyte) {
  InstanceTable table;
  constexpr std::uint32_t kDevices = 100'000;
  for (std::uint32_t device = 0; device < kDevices; ++device) {
    for (std::uint32_t rule = 0; rule < 3; ++rule) table.FindOrMake(device, rule);
  }
  EXPECT_LT(table.bytes() / kDevices, 330u);
}

TEST(InstanceTableTest, AnErasedEntryIsUsedAgainAsNew) {
  InstanceTable table;
  table.FindOrMake(1, 2).event_count = 7;
  const std::size_t before = table.bytes();
  for (int i = 0; i < 10'000; ++i) {
    table.Erase(1, 2);
    EXPECT_EQ(table.FindOrMake(1, 2).event_count, 0u);
  }
  EXPECT_LE(table.bytes(), before + 64);
}

}  // namespace
}  // namespace tocsin
