#include "kafka_log/changelog_record.h"

#include <gtest/gtest.h>

#include <map>

namespace tocsin {
namespace {

using Entries = std::map<std::string, std::string>;

Entries PutsOf(const ChangelogRecord& record) {
  Entries entries;
  const auto decoded = DecodeChange(record.value);
  EXPECT_TRUE(decoded);
  EXPECT_TRUE(VisitPuts(decoded->puts, [&](std::string_view key, std::string_view value) {
    entries.insert_or_assign(std::string(key), std::string(value));
  }));
  return entries;
}

TEST(ChangelogRecordTest, DeltasAreNumberedAndASnapshotBeginsAGeneration) {
  ChangelogPlace place;
  StateChange delta;
  delta.Put("a", "1");
  delta.Put("a", "2");
  delta.Put("b", "");
  const auto first = EncodeChange(delta, place);
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0].key, "p0");
  EXPECT_EQ(PutsOf(first[0]), (Entries{{"a", "2"}, {"b", ""}}));
  EXPECT_EQ(place, (ChangelogPlace{0, 1}));
  const auto second = EncodeChange(delta, place);
  EXPECT_EQ(second[0].key, "p1");
  EXPECT_FALSE(DecodeChange(second[0].value)->begins_generation);
  StateChange snapshot{.replace = true, .blobs = {}};
  const auto third = EncodeChange(snapshot, place);
  ASSERT_EQ(third.size(), 1u);
  EXPECT_EQ(third[0].key, "p0");  // compaction removes the first
  const auto entry = DecodeChange(third[0].value);
  ASSERT_TRUE(entry);
  EXPECT_TRUE(entry->begins_generation);
  EXPECT_TRUE(entry->in_snapshot);
  EXPECT_EQ(entry->place, (ChangelogPlace{1, 0}));
  EXPECT_EQ(place, (ChangelogPlace{1, 1}));
}

TEST(ChangelogRecordTest, ALargeChangeIsSeveralRecords) {
  ChangelogPlace place;
  StateChange snapshot{.replace = true, .blobs = {}};
  const std::string value(10'000, 'x');
  Entries expected;
  for (int i = 0; i < 200; ++i) {
    snapshot.Put(std::to_string(i), value);
    expected[std::to_string(i)] = value;
  }
  const auto records = EncodeChange(snapshot, place);
  EXPECT_GT(records.size(), 3u);
  Entries all;
  for (std::size_t i = 0; i < records.size(); ++i) {
    EXPECT_LT(records[i].value.size(), StateChange::kBlobBytes + 11'000);
    EXPECT_EQ(DecodeChange(records[i].value)->begins_generation, i == 0);
    all.merge(PutsOf(records[i]));
  }
  EXPECT_EQ(all, expected);
}

TEST(ChangelogRecordTest, DamagedBytesAreNoRecord) {
  ChangelogPlace place;
  StateChange change;
  change.Put("key", "value");
  const std::string good = EncodeChange(change, place)[0].value;
  EXPECT_EQ(DecodeChange("").error().code(), Code::kDataLoss);
  EXPECT_EQ(DecodeChange("x" + good).error().code(), Code::kDataLoss);
  const auto cut = DecodeChange(std::string_view(good).substr(0, good.size() - 1));
  ASSERT_TRUE(cut);
  EXPECT_FALSE(VisitPuts(cut->puts, [](std::string_view, std::string_view) {}));
}

}  // namespace
}  // namespace tocsin
