#include "kafka_log/state_image.h"

#include <gtest/gtest.h>

#include <utility>

#include "log/record_batch.h"

namespace tocsin {
namespace {

StateChange Change(bool replace, std::vector<std::pair<std::string, std::string>> puts) {
  StateChange change;
  change.replace = replace;
  for (const auto& [key, value] : puts) change.Put(key, value);
  return change;
}

RecordBatch BatchOf(const std::vector<ChangelogRecord>& records) {
  RecordBatchBuilder builder;
  for (const ChangelogRecord& record : records) builder.Append(record.key, record.value);
  auto [payload, count] = builder.Take();
  payload.append(kRecordPadding, '\0');
  return {std::move(payload), count, 0, 0};
}

TEST(StateImageTest, TheLastPutOfAKeyWinsAndAnEmptyValueDeletes) {
  StateImage image(true);
  ChangelogPlace place;
  ASSERT_TRUE(image.Apply(BatchOf(EncodeChange(Change(false, {{"a", "1"}, {"b", "2"}}), place))));
  ASSERT_TRUE(image.Apply(BatchOf(EncodeChange(Change(false, {{"a", "3"}, {"b", ""}}), place))));
  EXPECT_EQ(image.entries, (StateEntries{{"a", "3"}}));
  EXPECT_EQ(image.place, place);
  EXPECT_EQ(image.size.snapshot_bytes, 0u);
  EXPECT_GT(image.size.delta_bytes, 0u);
}

TEST(StateImageTest, ASnapshotVoidsWhatIsBeforeIt) {
  StateImage image(true);
  ChangelogPlace place;
  ASSERT_TRUE(image.Apply(BatchOf(EncodeChange(Change(false, {{"a", "1"}}), place))));
  ASSERT_TRUE(image.Apply(BatchOf(EncodeChange(Change(true, {{"b", "2"}}), place))));
  EXPECT_EQ(image.entries, (StateEntries{{"b", "2"}}));
  EXPECT_EQ(image.size.delta_bytes, 0u);
}

TEST(StateImageTest, WhatIsKnownAlreadyIsPassedOver) {
  StateImage image(true);
  ChangelogPlace place;
  const auto first = EncodeChange(Change(false, {{"a", "1"}}), place);
  ASSERT_TRUE(image.Apply(BatchOf(first)));
  ASSERT_TRUE(image.Apply(BatchOf(EncodeChange(Change(false, {{"a", "2"}}), place))));
  ASSERT_TRUE(image.Apply(BatchOf(first)));
  EXPECT_EQ(image.entries, (StateEntries{{"a", "2"}}));
}

TEST(StateImageTest, SlotsOfOthersAreNoPartOfIt) {
  StateImage image(true);
  ASSERT_TRUE(image.Apply(BatchOf({EncodeSlot(77, {{"a", "1"}})})));
  EXPECT_TRUE(image.entries.empty());
  EXPECT_EQ(image.place, ChangelogPlace());
}

TEST(StateImageTest, WithoutEntriesPlaceAndSizeAreTheSame) {
  StateImage with(true);
  StateImage without(false);
  ChangelogPlace place;
  const RecordBatch batch = BatchOf(EncodeChange(Change(true, {{"a", "1"}}), place));
  ASSERT_TRUE(with.Apply(batch));
  ASSERT_TRUE(without.Apply(batch));
  EXPECT_EQ(with.place, without.place);
  EXPECT_EQ(with.size.snapshot_bytes, without.size.snapshot_bytes);
  EXPECT_TRUE(without.entries.empty());
}

}  // namespace
}  // namespace tocsin
