#include "log_backends/log_contract.h"

#include <gtest/gtest.h>

#include <map>

namespace tocsin {
namespace {

using Entries = std::map<std::string, std::string>;
using Strings = std::vector<std::string>;

class LogContractTest : public testing::TestWithParam<ContractBackend>, public LogUser {
 protected:
  LogContractTest() : LogUser(GetParam().make()) {}
};

// --- Topics ------------------------------------------------------------------------------------

TEST_P(LogContractTest, ListsItsTopicsByName) {
  ASSERT_TRUE(log().EnsureTopic("z", {.partitions = 1}));
  ASSERT_TRUE(log().EnsureTopic("iot.raw", {.partitions = 2}));
  Reopen();
  const auto topics = log().Topics();
  ASSERT_TRUE(topics);
  ASSERT_EQ(topics->size(), 3u);
  EXPECT_EQ((*topics)[0].name, "iot.raw");
  EXPECT_EQ((*topics)[0].partitions, 2);
  EXPECT_EQ((*topics)[1].name, "t");
  EXPECT_EQ((*topics)[2].name, "z");
  EXPECT_EQ(PartitionCount(log(), "t").value_or(0), 4);
  EXPECT_EQ(CodeOf(PartitionCount(log(), "missing")), CodeName(Code::kNotFound));
}

TEST_P(LogContractTest, EnsuringATopicAgainKeepsItsRecords) {
  AppendValues(p0, {"a"});
  EXPECT_TRUE(log().EnsureTopic("t", {.partitions = 4, .retention_bytes = 1 << 20}));
  EXPECT_EQ(Values(p0), Strings{"a"});
}

TEST_P(LogContractTest, RefusesAnotherNumberOfPartitions) {
  EXPECT_EQ(CodeOf(log().EnsureTopic("t", {.partitions = 5})), CodeName(Code::kFailedPrecondition));
  Reopen();
  EXPECT_EQ(CodeOf(log().EnsureTopic("t", {.partitions = 3})), CodeName(Code::kFailedPrecondition));
  EXPECT_EQ(PartitionCount(log(), "t").value_or(0), 4);
}

TEST_P(LogContractTest, RefusesImpossibleTopics) {
  for (const char* name : {"", ".", "..", "a/b", "a b", "a\xc3\xa4"}) {
    EXPECT_EQ(CodeOf(log().EnsureTopic(name, {})), CodeName(Code::kInvalidArgument));
  }
  EXPECT_EQ(CodeOf(log().EnsureTopic(std::string(250, 'a'), {})), CodeName(Code::kInvalidArgument));
  EXPECT_EQ(CodeOf(log().EnsureTopic("u", {.partitions = 0})), CodeName(Code::kInvalidArgument));
  EXPECT_EQ(CodeOf(log().EnsureTopic("u", {.partitions = 1, .retention_ms = -1})),
            CodeName(Code::kInvalidArgument));
  EXPECT_EQ(log().Topics()->size(), 1u);
}

// --- Append and fetch --------------------------------------------------------------------------

TEST_P(LogContractTest, ANewPartitionIsEmptyAtOffsetZero) {
  EXPECT_EQ(OffsetsOf(p0).earliest, 0);
  EXPECT_EQ(OffsetsOf(p0).latest, 0);
  if (on_one_machine()) {
    EXPECT_EQ(OffsetsOf(p0).bytes, 0);
  }
  const auto batches = log().Fetch(p0, 0, 1000);
  ASSERT_TRUE(batches);
  EXPECT_TRUE(batches->empty());
}

TEST_P(LogContractTest, OffsetsGrowAndOnOneMachineWithoutGaps) {
  const auto first = AppendValues(p0, {"a", "b", "c"});
  const auto second = AppendValues(p0, {"d"});
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0].partition, p0);
  EXPECT_EQ(Place(p0, first[0].base_offset), 0);
  EXPECT_EQ(first[0].count, 3u);
  EXPECT_EQ(Place(p0, second[0].base_offset), 3);
  Reopen();
  EXPECT_EQ(Place(p0, AppendValues(p0, {"e", "f"})[0].base_offset), 4);
  EXPECT_EQ(End(p0), 6);
  if (on_one_machine()) {
    EXPECT_EQ(second[0].base_offset, 3);
    EXPECT_EQ(OffsetsOf(p0).latest, 6);
    EXPECT_GT(OffsetsOf(p0).bytes, 0);
  }
  EXPECT_EQ(Values(p0), (Strings{"a", "b", "c", "d", "e", "f"}));
}

TEST_P(LogContractTest, RecordsKeepKeyValueHeadersAndAppendTime) {
  RecordBatchBuilder builder;
  const std::string headers = EncodeHeaders({{"tocsin.reason", "late"}});
  const std::string binary("\x00\xff\n", 3);
  builder.Append("dev_1", binary, headers);
  builder.Append(std::nullopt, "");
  const std::size_t payload_bytes = builder.payload_bytes();
  const auto transaction = Begin();
  ASSERT_TRUE(transaction->Append(p0, builder));
  Commit(*transaction);
  Reopen();
  const auto batches = log().Fetch(p0, 0, 1000);
  ASSERT_TRUE(batches);
  ASSERT_EQ(batches->size(), 1u);
  if (on_one_machine()) {
    EXPECT_EQ((*batches)[0]->timestamp_ms(), clock().WallUs() / 1000);
  }
  EXPECT_EQ((*batches)[0]->payload_bytes(), payload_bytes);
  RecordBatch::Cursor cursor(*(*batches)[0]);
  Record record;
  ASSERT_TRUE(cursor.Next(record));
  EXPECT_EQ(record.key, "dev_1");
  EXPECT_EQ(record.value, binary);
  EXPECT_EQ(FindHeader(record.encoded_headers, "tocsin.reason"), "late");
  ASSERT_TRUE(cursor.Next(record));
  EXPECT_EQ(record.key, std::nullopt);
  EXPECT_EQ(record.value, "");
  EXPECT_TRUE(record.encoded_headers.empty());
  EXPECT_FALSE(cursor.Next(record));
}

TEST_P(LogContractTest, SeveralAppendsOfOneTransactionBecomeContiguousInTheirOrder) {
  AppendValues(p0, {"before"});
  const auto transaction = Begin();
  Add(*transaction, p0, {"a", "b"});
  Add(*transaction, p1, {"x"});
  Add(*transaction, p0, {"c"});
  Add(*transaction, p1, {"y", "z"});
  const auto ranges = Commit(*transaction);
  ASSERT_EQ(ranges.size(), 4u);
  EXPECT_EQ(ranges[0].partition, p0);
  EXPECT_EQ(Place(p0, ranges[0].base_offset), 1);
  EXPECT_EQ(ranges[1].partition, p1);
  EXPECT_EQ(Place(p1, ranges[1].base_offset), 0);
  EXPECT_EQ(ranges[2].partition, p0);
  EXPECT_EQ(Place(p0, ranges[2].base_offset), 3);
  EXPECT_EQ(ranges[2].count, 1u);
  EXPECT_EQ(Place(p1, ranges[3].base_offset), 1);
  EXPECT_EQ(ranges[3].count, 2u);
  Reopen();
  EXPECT_EQ(Values(p0), (Strings{"before", "a", "b", "c"}));
  EXPECT_EQ(Values(p1), (Strings{"x", "y", "z"}));
}

TEST_P(LogContractTest, AnEmptyBatchGivesNoRange) {
  const auto transaction = Begin();
  RecordBatchBuilder empty;
  EXPECT_TRUE(transaction->Append(p0, empty));
  Add(*transaction, p1, {"a"});
  const auto ranges = Commit(*transaction);
  ASSERT_EQ(ranges.size(), 1u);
  EXPECT_EQ(ranges[0].partition, p1);
  EXPECT_EQ(OffsetsOf(p0).latest, 0);
}

TEST_P(LogContractTest, RefusesAppendsToUnknownPartitionsAndGoesOn) {
  const auto transaction = Begin();
  RecordBatchBuilder builder;
  builder.Append("k", "lost");
  EXPECT_EQ(CodeOf(transaction->Append({"missing", 0}, builder)), CodeName(Code::kNotFound));
  EXPECT_EQ(CodeOf(transaction->Append({"t", 4}, builder)), CodeName(Code::kNotFound));
  EXPECT_EQ(CodeOf(transaction->Append({"t", -1}, builder)), CodeName(Code::kNotFound));
  EXPECT_EQ(builder.count(), 1u);
  Add(*transaction, p0, {"kept"});
  Commit(*transaction);
  EXPECT_EQ(Values(p0), Strings{"kept"});
}

TEST_P(LogContractTest, RefusesABatchAboveTheLimitAndGoesOn) {
  const auto transaction = Begin();
  RecordBatchBuilder builder;
  const std::string megabyte(1 << 20, 'x');
  while (builder.payload_bytes() <= kMaxPayloadBytes) builder.Append("k", megabyte);
  EXPECT_EQ(CodeOf(transaction->Append(p0, builder)), CodeName(Code::kInvalidArgument));
  Add(*transaction, p0, {"kept"});
  Commit(*transaction);
  EXPECT_EQ(Values(p0), Strings{"kept"});
}

TEST_P(LogContractTest, NothingIsVisibleBeforeTheCommit) {
  const std::uint64_t seen = log().AppendCount();
  const auto transaction = Begin();
  Add(*transaction, p0, {"a"});
  transaction->CommitOffset("g", p0, 7);
  transaction->PutState("s", 0, "k", "v");
  EXPECT_EQ(OffsetsOf(p0).latest, 0);
  EXPECT_TRUE(Values(p0).empty());
  EXPECT_EQ(Committed("g", p0), std::nullopt);
  EXPECT_TRUE(StateOf("s", 0).empty());
  EXPECT_EQ(log().AppendCount(), seen);
  Commit(*transaction);
  EXPECT_EQ(Values(p0), Strings{"a"});
  EXPECT_EQ(Committed("g", p0), 7);
  EXPECT_EQ(StateOf("s", 0), (Entries{{"k", "v"}}));
}

TEST_P(LogContractTest, AnAbandonedTransactionLeavesNoTrace) {
  {
    const auto transaction = Begin();
    Add(*transaction, p0, {"a"});
    Add(*transaction, p1, {"b"});
    transaction->CommitOffset("g", p0, 7);
    transaction->PutState("s", 0, "k", "v");
    transaction->ReplaceState("s", 1);
  }
  Reopen();
  EXPECT_EQ(End(p0), 0);
  EXPECT_EQ(End(p1), 0);
  EXPECT_EQ(Committed("g", p0), std::nullopt);
  EXPECT_TRUE(StateOf("s", 0).empty());
  EXPECT_EQ(Place(p0, AppendValues(p0, {"next"})[0].base_offset), 0);
  EXPECT_EQ(Values(p0), Strings{"next"});
}

TEST_P(LogContractTest, ATransactionCommitsOnce) {
  const auto transaction = Begin();
  Add(*transaction, p0, {"a"});
  Commit(*transaction);
  EXPECT_EQ(CodeOf(transaction->Commit()), CodeName(Code::kFailedPrecondition));
  EXPECT_EQ(Values(p0), Strings{"a"});
}

TEST_P(LogContractTest, AnEmptyTransactionCommits) {
  EXPECT_TRUE(Commit(*Begin()).empty());
}

TEST_P(LogContractTest, FetchBeginsWithTheBatchThatHoldsTheOffset) {
  const std::int64_t first = AppendValues(p0, {"a", "b", "c"})[0].base_offset;
  const std::int64_t second = AppendValues(p0, {"d", "e"})[0].base_offset;
  const auto batches = log().Fetch(p0, first + 1, 1 << 20);
  ASSERT_TRUE(batches);
  ASSERT_FALSE(batches->empty());
  EXPECT_LE((*batches)[0]->base_offset(), first + 1);
  EXPECT_GT((*batches)[0]->end_offset(), first + 1);
  EXPECT_EQ(ValuesFrom(p0, first + 1), (Strings{"b", "c", "d", "e"}));
  EXPECT_EQ(ValuesFrom(p0, first + 3), (Strings{"d", "e"}));
  EXPECT_EQ(ValuesFrom(p0, second + 1), Strings{"e"});
  EXPECT_TRUE(ValuesFrom(p0, second + 2).empty());
}

TEST_P(LogContractTest, FetchStopsAtMaxBytesButGivesAtLeastOneBatch) {
  const std::string large(10'000, 'x');
  for (int i = 0; i < 5; ++i) AppendValues(p0, {large});
  const auto one = log().Fetch(p0, 0, 1);
  ASSERT_TRUE(one);
  EXPECT_EQ(one->size(), 1u);
  const auto two = log().Fetch(p0, 0, 15'000);
  ASSERT_TRUE(two);
  EXPECT_EQ(two->size(), 2u);
  EXPECT_EQ(ValuesFrom(p0, 0, 1).size(), 5u);
  EXPECT_EQ(ValuesFrom(p0, 0, 25'000).size(), 5u);
}

TEST_P(LogContractTest, FetchRefusesWhatIsNotThere) {
  AppendValues(p0, {"a"});
  EXPECT_EQ(CodeOf(log().Fetch(p0, OffsetsOf(p0).latest + 1, 1000)),
            CodeName(Code::kInvalidArgument));
  EXPECT_EQ(CodeOf(log().Fetch(p0, -1, 1000)), CodeName(Code::kInvalidArgument));
  EXPECT_EQ(CodeOf(log().Fetch({"missing", 0}, 0, 1000)), CodeName(Code::kNotFound));
  EXPECT_EQ(CodeOf(log().Fetch({"t", 4}, 0, 1000)), CodeName(Code::kNotFound));
  EXPECT_EQ(CodeOf(log().Offsets({"missing", 0})), CodeName(Code::kNotFound));
  EXPECT_EQ(CodeOf(log().Offsets({"t", -1})), CodeName(Code::kNotFound));
}

TEST_P(LogContractTest, PartitionsDoNotShareOffsets) {
  AppendValues(p0, {"a", "b"});
  AppendValues({"t", 3}, {"c"});
  ASSERT_TRUE(log().EnsureTopic("t2", {.partitions = 1}));
  AppendValues({"t2", 0}, {"d"});
  Reopen();
  EXPECT_EQ(End(p0), 2);
  EXPECT_EQ(End(p1), 0);
  EXPECT_EQ(Values({"t", 3}), Strings{"c"});
  EXPECT_EQ(Values({"t2", 0}), Strings{"d"});
}

TEST_P(LogContractTest, BatchesOutliveTheLogThatGaveThem) {
  AppendValues(p0, {"kept"});
  const auto batches = log().Fetch(p0, 0, 1000);
  ASSERT_TRUE(batches);
  ASSERT_EQ(batches->size(), 1u);
  Close();
  Record record;
  ASSERT_TRUE(RecordBatch::Cursor(*(*batches)[0]).Next(record));
  EXPECT_EQ(record.value, "kept");
}

// --- Offsets of groups -------------------------------------------------------------------------

TEST_P(LogContractTest, EachGroupHasItsOwnOffsetForEachPartition) {
  const auto transaction = Begin();
  transaction->CommitOffset("g", p0, 5);
  transaction->CommitOffset("g", p1, 6);
  transaction->CommitOffset("other", p0, 7);
  Commit(*transaction);
  const auto later = Begin();
  later->CommitOffset("g", p0, 8);
  Commit(*later);
  Reopen();
  EXPECT_EQ(Committed("g", p0), 8);
  EXPECT_EQ(Committed("g", p1), 6);
  EXPECT_EQ(Committed("other", p0), 7);
  EXPECT_EQ(Committed("other", p1), std::nullopt);
  EXPECT_EQ(Committed("nobody", p0), std::nullopt);
}

TEST_P(LogContractTest, NamesOfGroupsAndTopicsDoNotRunIntoEachOther) {
  ASSERT_TRUE(log().EnsureTopic("t1", {.partitions = 1}));
  const auto transaction = Begin();
  transaction->CommitOffset("a", {"t1", 0}, 1);
  transaction->CommitOffset("at", {"t", 0}, 2);
  transaction->PutState("a", 0, "bc", "1");
  transaction->PutState("ab", 0, "c", "2");
  Commit(*transaction);
  Reopen();
  EXPECT_EQ(Committed("a", {"t1", 0}), 1);
  EXPECT_EQ(Committed("at", {"t", 0}), 2);
  EXPECT_EQ(Committed("a", {"t", 0}), std::nullopt);
  EXPECT_EQ(StateOf("a", 0), (Entries{{"bc", "1"}}));
  EXPECT_EQ(StateOf("ab", 0), (Entries{{"c", "2"}}));
}

TEST_P(LogContractTest, RegistersGroupsOfKnownTopics) {
  EXPECT_TRUE(log().RegisterGroup("g", "t"));
  EXPECT_TRUE(log().RegisterGroup("g", "t"));
  EXPECT_EQ(CodeOf(log().RegisterGroup("g", "missing")), CodeName(Code::kNotFound));
}

// --- State -------------------------------------------------------------------------------------

TEST_P(LogContractTest, StateDeltasAddUp) {
  const std::string binary("\x00\xff", 2);
  auto transaction = Begin();
  transaction->PutState("s", 0, "a", "1");
  transaction->PutState("s", 0, "b", "2");
  transaction->PutState("s", 0, binary, binary);
  transaction->PutState("s", 1, "a", "other partition");
  Commit(*transaction);
  transaction = Begin();
  transaction->PutState("s", 0, "a", "first");
  transaction->PutState("s", 0, "a", "last");
  transaction->PutState("s", 0, "b", "");
  transaction->PutState("s", 0, "never there", "");
  Commit(*transaction);
  Reopen();
  EXPECT_EQ(StateOf("s", 0), (Entries{{"a", "last"}, {binary, binary}}));
  EXPECT_EQ(StateOf("s", 1), (Entries{{"a", "other partition"}}));
  EXPECT_TRUE(StateOf("s", 2).empty());
  EXPECT_TRUE(StateOf("unknown", 0).empty());
}

TEST_P(LogContractTest, AKeyComesBackAfterItsDeletion) {
  for (const char* value : {"1", "", "2"}) {
    const auto transaction = Begin();
    transaction->PutState("s", 0, "k", value);
    Commit(*transaction);
  }
  Reopen();
  EXPECT_EQ(StateOf("s", 0), (Entries{{"k", "2"}}));
}

TEST_P(LogContractTest, ReplacingDropsWhatWasThereBefore) {
  auto transaction = Begin();
  transaction->PutState("s", 0, "old", "1");
  transaction->PutState("s", 0, "kept", "1");
  transaction->PutState("s", 1, "untouched", "1");
  transaction->PutState("s2", 0, "untouched", "1");
  Commit(*transaction);
  transaction = Begin();
  transaction->PutState("s", 0, "before the call", "2");
  transaction->ReplaceState("s", 0);
  transaction->PutState("s", 0, "kept", "2");
  transaction->PutState("s", 0, "deleted", "");
  Commit(*transaction);
  Reopen();
  EXPECT_EQ(StateOf("s", 0), (Entries{{"before the call", "2"}, {"kept", "2"}}));
  EXPECT_EQ(StateOf("s", 1), (Entries{{"untouched", "1"}}));
  EXPECT_EQ(StateOf("s2", 0), (Entries{{"untouched", "1"}}));
  transaction = Begin();
  transaction->PutState("s", 0, "after", "3");
  Commit(*transaction);
  Reopen();
  EXPECT_EQ(StateOf("s", 0), (Entries{{"after", "3"}, {"before the call", "2"}, {"kept", "2"}}));
}

TEST_P(LogContractTest, ReplacingWithNothingEmptiesTheState) {
  auto transaction = Begin();
  transaction->PutState("s", 0, "a", "1");
  Commit(*transaction);
  transaction = Begin();
  transaction->ReplaceState("s", 0);
  Commit(*transaction);
  Reopen();
  EXPECT_TRUE(StateOf("s", 0).empty());
}

TEST_P(LogContractTest, TheSizeOfStateTellsSnapshotFromDeltas) {
  const auto size = [&] { return log().SizeOfState("s", 0).value_or(StateSize()); };
  EXPECT_EQ(size().snapshot_bytes, 0u);
  EXPECT_EQ(size().delta_bytes, 0u);
  auto transaction = Begin();
  transaction->PutState("s", 0, "a", std::string(100, '1'));
  Commit(*transaction);
  EXPECT_EQ(size().snapshot_bytes, 0u);
  const std::uint64_t one_delta = size().delta_bytes;
  EXPECT_GE(one_delta, 100u);
  transaction = Begin();
  transaction->PutState("s", 0, "a", std::string(100, '2'));
  Commit(*transaction);
  EXPECT_GE(size().delta_bytes, one_delta + 100);
  transaction = Begin();
  transaction->ReplaceState("s", 0);
  transaction->PutState("s", 0, "a", std::string(50, '3'));
  Commit(*transaction);
  Reopen();
  EXPECT_GE(size().snapshot_bytes, 50u);
  EXPECT_LT(size().snapshot_bytes, 150u);
  EXPECT_EQ(size().delta_bytes, 0u);
}

TEST_P(LogContractTest, AReplacementLeavesNothingOfManyOrFewChangesBefore) {
  for (const int changes : {0, 1, 2, 7, 8, 9, 20}) {
    for (const bool reopen : {false, true}) {
      for (int i = 0; i < changes; ++i) {
        const auto transaction = Begin();
        transaction->PutState("s", 0, "key " + std::to_string(i), "changed");
        Commit(*transaction);
      }
      if (reopen) Reopen();
      const auto transaction = Begin();
      transaction->ReplaceState("s", 0);
      transaction->PutState("s", 0, "number", std::to_string(changes));
      Commit(*transaction);
      EXPECT_EQ(StateOf("s", 0), (Entries{{"number", std::to_string(changes)}})) << changes;
      if (reopen) Reopen();
      EXPECT_EQ(StateOf("s", 0), (Entries{{"number", std::to_string(changes)}})) << changes;
    }
  }
}

TEST_P(LogContractTest, ManyKeysSurviveDeltasAndSnapshots) {
  Entries expected;
  for (int round = 0; round < 6; ++round) {
    const auto transaction = Begin();
    if (round == 3) {
      transaction->ReplaceState("s", 2);
      expected.clear();
    }
    for (int i = 0; i < 500; ++i) {
      const std::string key = "device " + std::to_string(i * (round + 1));
      const std::string value = (i + round) % 7 == 0 ? "" : std::to_string(round);
      transaction->PutState("s", 2, key, value);
      if (value.empty()) {
        expected.erase(key);
      } else {
        expected[key] = value;
      }
    }
    Commit(*transaction);
    if (round % 2 == 1) Reopen();
    EXPECT_EQ(StateOf("s", 2), expected) << "round " << round;
  }
}

std::string NameOf(const testing::TestParamInfo<ContractBackend>& info) {
  return info.param.name;
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(LogContractTest);
INSTANTIATE_TEST_SUITE_P(Backend, LogContractTest, testing::ValuesIn(ContractBackends()), NameOf);

}  // namespace
}  // namespace tocsin
