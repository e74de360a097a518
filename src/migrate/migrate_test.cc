#include "migrate/migrate.h"

#include <gtest/gtest.h>

#include <map>

#include "log_backends/memory_log.h"

namespace tocsin {
namespace {

using Strings = std::vector<std::string>;
using Entries = std::map<std::string, std::string>;

class MigrateTest : public testing::Test {
 protected:
  MigrateTest() {
    from_->EnsureTopic("t", {.partitions = 2}).value();
    from_->EnsureTopic("u", {.partitions = 1}).value();
  }
  static void Append(Log& log, const TopicPartition& partition, const Strings& values) {
    const auto transaction = log.Begin().value();
    RecordBatchBuilder batch;
    for (const std::string& value : values) {
      batch.Append("k" + value, value, EncodeHeaders({{"h", value}}));
    }
    transaction->Append(partition, batch).value();
    transaction->Commit().value();
  }
  static void Put(Log& log, const std::string& store, std::int32_t partition, const Entries& puts) {
    const auto transaction = log.Begin().value();
    for (const auto& [key, value] : puts) transaction->PutState(store, partition, key, value);
    transaction->Commit().value();
  }
  static void SetPlace(Log& log, const std::string& group, const TopicPartition& partition,
                       std::int64_t offset) {
    const auto transaction = log.Begin().value();
    transaction->CommitOffset(group, partition, offset);
    transaction->Commit().value();
  }
  static Strings Read(Log& log, const TopicPartition& partition, std::int64_t from = 0) {
    Strings values;
    const PartitionOffsets offsets = log.Offsets(partition).value();
    for (std::int64_t next = std::max(offsets.earliest, from); next < offsets.latest;) {
      const auto batches = log.Fetch(partition, next, 1 << 20).value();
      for (const auto& batch : batches) {
        Record record;
        for (RecordBatch::Cursor cursor(*batch); cursor.Next(record);) {
          if (record.offset >= next) values.emplace_back(record.value);
        }
        next = batch->end_offset();
      }
    }
    return values;
  }
  Result<MigrationReport> Run(std::stop_token stop = {}) {
    return Migrate(*from_, *to_, plan_, [](std::uint64_t) {}, std::move(stop));
  }

  const SystemClock clock_;
  std::unique_ptr<MemoryLog> from_ = MemoryLog::Make(clock_);
  std::unique_ptr<MemoryLog> to_ = MemoryLog::Make(clock_);
  MigrationPlan plan_{.topics = {"t", "u"},
                      .config = {},
                      .groups = {{"g", "app-g", "t"}},
                      .stores = {{"s", 2, {0, 1}}, {"slots", 0, {77'000}}}};
};

TEST_F(MigrateTest, TopicsPlacesAndStateArrive) {
  Append(*from_, {"t", 0}, {"a", "b", "c"});
  Append(*from_, {"t", 0}, {"d"});
  Append(*from_, {"t", 1}, {"e"});
  Append(*from_, {"u", 0}, {"f"});
  SetPlace(*from_, "g", {"t", 0}, 2);
  SetPlace(*from_, "g", {"t", 1}, 1);
  Put(*from_, "s", 1, {{"x", "1"}, {"y", "2"}});
  Put(*from_, "slots", 77'000, {{"file", "9"}});
  const auto report = Run();
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(Read(*to_, {"t", 0}), (Strings{"a", "b", "c", "d"}));
  EXPECT_EQ(Read(*to_, {"t", 1}), (Strings{"e"}));
  EXPECT_EQ(Read(*to_, {"u", 0}), (Strings{"f"}));
  EXPECT_EQ(to_->CommittedOffset("app-g", {"t", 0}).value(), 2);
  EXPECT_EQ(to_->CommittedOffset("app-g", {"t", 1}).value(), 1);
  Entries state;
  to_->ReadState("s", 1,
                 [&](std::string_view key, std::string_view value) { state.emplace(key, value); })
      .value();
  EXPECT_EQ(state, (Entries{{"x", "1"}, {"y", "2"}}));
  EXPECT_EQ(report->topics.at(0).records, 5u);
  EXPECT_EQ(report->states.at(0).entries, 2u);
  EXPECT_EQ(report->states.at(1).entries, 1u);
  EXPECT_EQ(report->offsets, 2u);
}

TEST_F(MigrateTest, PlacesAreTranslatedWhereTheSourceBeginsLater) {
  Append(*from_, {"t", 0}, {"gone", "gone"});
  Append(*from_, {"t", 0}, {"a", "b", "c"});
  from_->RemoveBefore({"t", 0}, 2);
  for (const auto& [place, rest] : std::map<std::int64_t, Strings>{
           {1, {"a", "b", "c"}}, {2, {"a", "b", "c"}}, {4, {"c"}}, {5, {}}}) {
    to_ = MemoryLog::Make(clock_);
    SetPlace(*from_, "g", {"t", 0}, place);
    ASSERT_TRUE(Run());
    const auto translated = to_->CommittedOffset("app-g", {"t", 0}).value();
    ASSERT_TRUE(translated) << place;
    EXPECT_EQ(Read(*to_, {"t", 0}, *translated), rest) << place;
  }
}

TEST_F(MigrateTest, ThereAndBackIsTheSame) {
  Append(*from_, {"t", 0}, {"a", "b"});
  Put(*from_, "s", 0, {{"x", "1"}});
  const auto there = Run();
  ASSERT_TRUE(there);
  from_ = MemoryLog::Make(clock_);
  std::swap(from_, to_);
  const auto back = Run();
  ASSERT_TRUE(back);
  EXPECT_EQ(there->topics.at(0).hash, back->topics.at(0).hash);
  EXPECT_EQ(there->states.at(0).hash, back->states.at(0).hash);
}

TEST_F(MigrateTest, ATargetThatWasUsedIsRefusedUntouched) {
  Append(*from_, {"u", 0}, {"a"});
  to_->EnsureTopic("t", {.partitions = 2}).value();
  const auto refused = [&](const std::string& word) {
    const auto report = Run();
    EXPECT_FALSE(report);
    if (report) return false;
    EXPECT_EQ(report.error().code(), Code::kFailedPrecondition);
    EXPECT_FALSE(PartitionCount(*to_, "u"));
    return report.error().message().contains(word);
  };
  SetPlace(*to_, "app-g", {"t", 0}, 0);
  EXPECT_TRUE(refused("app-g"));
  Append(*to_, {"t", 1}, {"other"});
  EXPECT_TRUE(refused("topic t"));
  to_ = MemoryLog::Make(clock_);
  Put(*to_, "s", 1, {{"x", "1"}});
  EXPECT_TRUE(refused("the state of s"));
}

TEST_F(MigrateTest, AStopEndsIt) {
  Append(*from_, {"t", 0}, {"a"});
  std::stop_source stop;
  stop.request_stop();
  const auto report = Run(stop.get_token());
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code(), Code::kCancelled);
}

}  // namespace
}  // namespace tocsin
