#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <stdexcept>
#include <vector>

#include "kafka_log/kafka_log.h"

// What each error of a broker does to a transaction: librdkafka's mock cluster gives each once, at
// each request of a transaction. The mock keeps no transactions apart, so nothing is said here
// about what readers see; tests/kafka/ says it about real brokers.
namespace tocsin {
namespace {

constexpr std::int16_t kProduce = 0;
constexpr std::int16_t kFindCoordinator = 10;
constexpr std::int16_t kInitProducerId = 22;
constexpr std::int16_t kAddPartitionsToTxn = 24;
constexpr std::int16_t kAddOffsetsToTxn = 25;
constexpr std::int16_t kEndTxn = 26;
constexpr std::int16_t kTxnOffsetCommit = 28;

class MockCluster {
 public:
  explicit MockCluster(int brokers = 1) {
    char reason[256];
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "log_level", "3", reason, sizeof reason);
    rk_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    if (rk_ == nullptr) throw std::runtime_error(reason);
    cluster_ = rd_kafka_mock_cluster_new(rk_, brokers);
    rd_kafka_mock_topic_create(cluster_, "t", 2, 1);
  }
  ~MockCluster() {
    rd_kafka_mock_cluster_destroy(cluster_);
    rd_kafka_destroy(rk_);
  }
  MockCluster(const MockCluster&) = delete;
  MockCluster& operator=(const MockCluster&) = delete;

  std::string bootstrap() const { return rd_kafka_mock_cluster_bootstraps(cluster_); }
  void FailNext(std::int16_t api_key, rd_kafka_resp_err_t error, std::size_t times) {
    const std::vector<rd_kafka_resp_err_t> errors(times, error);
    rd_kafka_mock_push_request_errors_array(cluster_, api_key, errors.size(), errors.data());
  }
  void Coordinate(const std::string& group, std::int32_t broker) {
    rd_kafka_mock_coordinator_set(cluster_, "group", group.c_str(), broker);
  }
  void SetUp(std::int32_t broker, bool up) {
    up ? rd_kafka_mock_broker_set_up(cluster_, broker)
       : rd_kafka_mock_broker_set_down(cluster_, broker);
  }

 private:
  rd_kafka_t* rk_ = nullptr;
  rd_kafka_mock_cluster_t* cluster_ = nullptr;
};

// How a transaction of nobody's group ends that meets an error once, when its commit is repeated
// for as long as that is said to help.
enum class End : std::uint8_t { kCommitted, kRefused };

struct Case {
  std::int16_t api_key;
  rd_kafka_resp_err_t error;
  End end;
};

std::vector<Case> Cases() {
  // What passes by itself, what ends an attempt, and what ends a producer: a new one is made.
  constexpr rd_kafka_resp_err_t kMended[] = {
      RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
      RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE,
      RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
      RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS,
      RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
      RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION,
      RD_KAFKA_RESP_ERR_INVALID_TXN_STATE,
      RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING,
      RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH,
      RD_KAFKA_RESP_ERR_PRODUCER_FENCED,
  };
  std::vector<Case> cases;
  for (const std::int16_t api_key :
       {kAddPartitionsToTxn, kAddOffsetsToTxn, kTxnOffsetCommit, kEndTxn, kInitProducerId}) {
    for (const rd_kafka_resp_err_t error : kMended) {
      cases.push_back({api_key, error, End::kCommitted});
    }
    cases.push_back(
        {api_key, RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, End::kRefused});
  }
  cases.push_back(
      {kAddPartitionsToTxn, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, End::kRefused});
  cases.push_back({kTxnOffsetCommit, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, End::kRefused});
  for (const rd_kafka_resp_err_t error :
       {RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
        RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
        RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID,
        RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR}) {
    cases.push_back({kProduce, error, End::kCommitted});
  }
  return cases;
}

std::string NameOf(const testing::TestParamInfo<Case>& info) {
  const Case& chosen = info.param;
  const char* request = chosen.api_key == kProduce              ? "Produce"
                        : chosen.api_key == kInitProducerId     ? "InitProducerId"
                        : chosen.api_key == kAddPartitionsToTxn ? "AddPartitionsToTxn"
                        : chosen.api_key == kAddOffsetsToTxn    ? "AddOffsetsToTxn"
                        : chosen.api_key == kEndTxn             ? "EndTxn"
                                                                : "TxnOffsetCommit";
  std::string error = rd_kafka_err2name(chosen.error);
  std::erase_if(error, [](char c) { return c == '_'; });
  return std::string(request) + error;
}

class MockTest : public testing::Test {
 protected:
  explicit MockTest(int brokers = 1) : cluster_(brokers) {}

  std::unique_ptr<Log> Open() {
    KafkaOptions options;
    options.brokers = cluster_.bootstrap();
    options.instance_id = "mock";
    options.connect_timeout_us = 10'000'000;
    options.transaction_timeout_ms = 10'000;
    options.request_timeout_ms = 3'000;
    auto opened = KafkaLog::Open(options, clock_, {});
    if (!opened) throw std::runtime_error(opened.error().message());
    return std::move(*opened);
  }
  // One record and one offset.
  static std::unique_ptr<Transaction> Fill(Log& log, const std::string& group) {
    auto transaction = log.Begin({.ingest = true}).value();
    RecordBatchBuilder batch;
    batch.Append("key", "value");
    transaction->Append({"t", 0}, batch).value();
    transaction->CommitOffset(group, {"t", 1}, 7);
    return transaction;
  }

  MockCluster cluster_;
  const SystemClock clock_;
};

// A new cluster, and one that lost a broker: librdkafka as it is released asks three times within a
// tenth of a second, then the transaction hangs for ever.
TEST_F(MockTest, AGroupWhoseCoordinatorComesLateIsWaitedFor) {
  const auto log = Open();
  ASSERT_TRUE(Fill(*log, "warm")->Commit());
  ASSERT_TRUE(Fill(*log, "warm")->Commit());  // two producers take turns
  for (const std::string group : {"cold", "colder"}) {
    cluster_.FailNext(kFindCoordinator, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, 6);
    const auto committed = Fill(*log, group)->Commit();
    EXPECT_TRUE(committed) << committed.error().message();
  }
}

class MockPairTest : public MockTest {
 protected:
  MockPairTest() : MockTest(2) {}
};

// librdkafka as it is released waits for the coordinator for ever.
TEST_F(MockPairTest, ACommitEndsWithinItsTimeWhileTheCoordinatorOfItsGroupIsAway) {
  const auto log = Open();
  ASSERT_TRUE(Fill(*log, "warm")->Commit());
  ASSERT_TRUE(Fill(*log, "warm")->Commit());
  cluster_.Coordinate("g", 2);
  cluster_.SetUp(2, false);
  const auto transaction = Fill(*log, "g");
  auto committed = transaction->Commit();
  ASSERT_FALSE(committed);
  EXPECT_TRUE(committed.error().retryable()) << committed.error().message();
  cluster_.SetUp(2, true);
  for (int i = 0; i < 5 && !committed; ++i) committed = transaction->Commit();
  EXPECT_TRUE(committed) << committed.error().message();
}

class KafkaErrorTest : public MockTest, public testing::WithParamInterface<Case> {};

TEST_P(KafkaErrorTest, EndsAsItShould) {
  const std::unique_ptr<Log> log = Open();
  // A refusal stays one.
  cluster_.FailNext(GetParam().api_key, GetParam().error, GetParam().end == End::kRefused ? 9 : 1);
  const auto transaction = log->Begin({.ingest = true}).value();
  RecordBatchBuilder batch;
  batch.Append("key", "value");
  ASSERT_TRUE(transaction->Append({"t", 0}, batch));
  transaction->CommitOffset("g", {"t", 1}, 7);
  auto committed = transaction->Commit();
  for (int i = 0; i < 5 && !committed && committed.error().retryable(); ++i) {
    committed = transaction->Commit();
  }
  if (GetParam().end == End::kRefused) {
    ASSERT_FALSE(committed);
    EXPECT_EQ(CodeName(committed.error().code()), CodeName(Code::kFailedPrecondition))
        << committed.error().message();
    return;
  }
  ASSERT_TRUE(committed) << committed.error().message();
  ASSERT_EQ(committed->size(), 1u);
  EXPECT_EQ(committed->at(0).count, 1u);
  EXPECT_GE(committed->at(0).base_offset, 0);
}

INSTANTIATE_TEST_SUITE_P(, KafkaErrorTest, testing::ValuesIn(Cases()), NameOf);

}  // namespace
}  // namespace tocsin
