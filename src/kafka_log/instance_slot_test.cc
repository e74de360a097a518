#include "kafka_log/instance_slot.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace tocsin {
namespace {

TEST(InstanceSlotTest, TheLowestFreePlaceKeepsItsName) {
  std::string directory = std::filesystem::temp_directory_path() / "tocsin_slot_XXXXXX";
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  std::string first_id;
  std::string second_id;
  {
    const auto first = InstanceSlot::Take(directory, "process");
    const auto second = InstanceSlot::Take(directory, "process");
    const auto other = InstanceSlot::Take(directory, "deliver");
    ASSERT_TRUE(first && second && other);
    first_id = first->id();
    second_id = second->id();
    EXPECT_TRUE(first_id.starts_with("process-0-")) << first_id;
    EXPECT_TRUE(second_id.starts_with("process-1-")) << second_id;
    EXPECT_TRUE(other->id().starts_with("deliver-0-")) << other->id();
  }
  const auto again = InstanceSlot::Take(directory, "process");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->id(), first_id);
  EXPECT_EQ(InstanceSlot::Take(directory, "process")->id(), second_id);
  std::filesystem::remove_all(directory);
}

TEST(InstanceSlotTest, AFreePlaceWithWorkLeftUndoneComesFirst) {
  std::string directory = std::filesystem::temp_directory_path() / "tocsin_slot_XXXXXX";
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  {
    const auto first = InstanceSlot::Take(directory, "ingest", "spool");
    const auto second = InstanceSlot::Take(directory, "ingest", "spool");
    ASSERT_TRUE(first && second);
    std::filesystem::create_directory(second->directory() + "/spool");
    EXPECT_TRUE(InstanceSlot::Take(directory, "ingest", "spool")->id().starts_with("ingest-2-"));
  }
  const auto again = InstanceSlot::Take(directory, "ingest", "spool");
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->id().starts_with("ingest-1-")) << again->id();
  EXPECT_TRUE(InstanceSlot::Take(directory, "ingest", "spool")->id().starts_with("ingest-0-"));
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace tocsin
