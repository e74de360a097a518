#include <fcntl.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <future>
#include <thread>

#include "base/bytes.h"
#include "base/file.h"
#include "base/wait.h"
#include "local_api/local_server.h"
#include "local_api/remote_log.h"
#include "local_api/request_handler.h"
#include "local_api/socket_path.h"
#include "local_api/standby_server.h"
#include "local_api/wire.h"
#include "log_backends/memory_log.h"

namespace tocsin {
namespace {

constexpr std::int64_t kLongWaitUs = 60'000'000;

class LocalApiTest : public testing::Test {
 protected:
  LocalApiTest() {
    std::string name = (std::filesystem::temp_directory_path() / "tocsin-XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
    path_ = SocketPathFor(directory_);
    EXPECT_TRUE(memory_->EnsureTopic("t", {.partitions = 1}));
    StartServer();
  }
  ~LocalApiTest() override {
    server_.reset();
    std::filesystem::remove_all(directory_);
  }

  void StartServer() {
    auto server = LocalServer::Start(path_, *memory_, [] { return std::string(R"({"read":1})"); });
    ASSERT_TRUE(server) << server.error().message();
    server_ = std::move(*server);
  }

  std::unique_ptr<Log> Connect() {
    auto log = RemoteLog::Connect(path_);
    EXPECT_TRUE(log) << log.error().message();
    return log ? std::move(*log) : nullptr;
  }

  // A bare connection, for requests that no client of ours sends.
  FileDescriptor Dial() {
    const sockaddr_un address = SocketAddress(path_).value();
    FileDescriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return fd;
  }

  static void SendBytes(int fd, std::string_view bytes) {
    ASSERT_EQ(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }

  // The connection was told why and closed.
  static void ExpectRefused(int fd) {
    const auto answer = ReceiveFrame(fd, kMaxAnswerBytes);
    ASSERT_TRUE(answer && *answer);
    const auto result = ParseAnswer(**answer);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), Code::kInvalidArgument);
    const auto end = ReceiveFrame(fd, kMaxAnswerBytes);
    EXPECT_TRUE(!end || !*end);
  }

  static std::vector<AppendedRange> AppendValue(Log& log, std::string_view value) {
    RecordBatchBuilder builder;
    builder.Append("k", value);
    auto transaction = log.Begin();
    EXPECT_TRUE((*transaction)->Append({"t", 0}, builder));
    return (*transaction)->Commit().value();
  }

  std::int64_t Latest() { return memory_->Offsets({"t", 0})->latest; }

  ManualClock clock_{1'700'000'000'000'000};
  const SystemClock real_clock_;
  std::string directory_;
  std::string path_;
  std::unique_ptr<MemoryLog> memory_ = MemoryLog::Make(clock_);
  std::unique_ptr<LocalServer> server_;
};

std::string CommitRequest(std::string_view value = "v",
                          Compression compression = Compression::kNone) {
  RecordBatchBuilder builder;
  builder.Append("k", value);
  const auto [payload, count] = builder.Take();
  std::string stored = EncodeBatch(payload, count, compression);
  SealBatch(stored, 0, 0, 0);
  std::string request("\x01\x0c\x00\x01", 4);
  PutPartition(request, {"t", 0});
  PutBytes(request, stored);
  request += std::string_view("\0\0", 2);
  return request;
}

std::string Framed(std::string_view body) {
  std::string frame;
  PutFixed(frame, static_cast<std::uint32_t>(body.size()));
  return frame.append(body);
}

TEST_F(LocalApiTest, TheSocketIsForItsUserOnlyAndGoesWithTheServer) {
  struct stat found{};
  ASSERT_EQ(::stat(path_.c_str(), &found), 0);
  EXPECT_TRUE(S_ISSOCK(found.st_mode));
  EXPECT_EQ(found.st_mode & 0777, 0600u);
  server_.reset();
  EXPECT_NE(::stat(path_.c_str(), &found), 0);
}

TEST_F(LocalApiTest, GivesTheStatusOfTheInstance) {
  EXPECT_EQ(RemoteLog::Status(path_).value_or(""), R"({"read":1})");
}

TEST_F(LocalApiTest, WithoutAnInstanceEverythingIsUnavailable) {
  const auto log = Connect();
  server_.reset();
  EXPECT_EQ(RemoteLog::Connect(path_).error().code(), Code::kUnavailable);
  EXPECT_EQ(RemoteLog::Status(path_).error().code(), Code::kUnavailable);
  EXPECT_EQ(log->Topics().error().code(), Code::kUnavailable);
  EXPECT_EQ(log->Offsets({"t", 0}).error().code(), Code::kUnavailable);
  EXPECT_EQ(log->ReadState("s", 0, [](auto, auto) {}).error().code(), Code::kUnavailable);
  EXPECT_EQ(log->AppendCount(), 0u);
  EXPECT_EQ(log->WaitForAppend(5, kLongWaitUs, {}), 5u);
  EXPECT_EQ((*log->Begin())->Commit().error().code(), Code::kUnavailable);
}

TEST_F(LocalApiTest, AClientFindsTheNextInstance) {
  const auto log = Connect();
  AppendValue(*log, "a");
  server_.reset();
  EXPECT_FALSE(log->Topics());
  StartServer();
  EXPECT_TRUE(log->Topics());
  EXPECT_EQ(AppendValue(*log, "b")[0].base_offset, 1);
}

TEST_F(LocalApiTest, AnInstanceThatStandsByAnswersWhenTheFirstIsGone) {
  const auto control = [](std::string_view, std::string_view) -> Result<std::string> {
    return "second";
  };
  const auto ask = [&] { return RemoteLog::Control(path_, "who", "{}"); };
  auto second = StartOrStandBy(path_, *memory_, [] { return std::string("{}"); }, control);
  ASSERT_TRUE(second) << second.error().message();
  EXPECT_EQ(ask().error().code(), Code::kNotFound);  // the first takes no requests of this kind
  server_.reset();
  const std::stop_source never;
  for (int tries = 0; tries < 600 && !ask(); ++tries) WaitUs(20'000, never.get_token());
  EXPECT_EQ(ask().value_or("nobody"), "second");
  second->reset();
  EXPECT_EQ(ask().error().code(), Code::kUnavailable);
}

TEST_F(LocalApiTest, OneThatStandsByEndsAtOnceAndLeavesTheOtherAlone) {
  StartOrStandBy(path_, *memory_, [] { return std::string("{}"); }, {}).value().reset();
  EXPECT_NE(Connect(), nullptr);
}

TEST_F(LocalApiTest, OfManyThatStartAtTheSameMomentOneListens) {
  server_.reset();
  for (int round = 0; round < 30; ++round) {
    // A socket that nobody listens on any more.
    const sockaddr_un address = SocketAddress(path_).value();
    {
      const FileDescriptor stale(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
      ASSERT_EQ(::bind(stale.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
                0);
    }
    std::vector<std::future<std::unique_ptr<LocalServer>>> starts;
    for (int i = 0; i < 4; ++i) {
      starts.push_back(std::async(std::launch::async, [&]() -> std::unique_ptr<LocalServer> {
        auto server = LocalServer::Start(path_, *memory_, [] { return std::string("{}"); });
        return server ? std::move(*server) : nullptr;
      }));
    }
    std::vector<std::unique_ptr<LocalServer>> listening;
    for (auto& start : starts) {
      if (auto server = start.get()) listening.push_back(std::move(server));
    }
    ASSERT_EQ(listening.size(), 1U);
  }
}

TEST_F(LocalApiTest, ReplacesAStaleSocketButNothingElse) {
  server_.reset();
  {
    const sockaddr_un address = SocketAddress(path_).value();
    const FileDescriptor stale(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::bind(stale.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  StartServer();
  EXPECT_TRUE(Connect()->Topics());
  const auto second = LocalServer::Start(path_, *memory_, [] { return std::string(); });
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), Code::kUnavailable);
  EXPECT_TRUE(Connect()->Topics());
  server_.reset();
  ASSERT_TRUE(ReplaceFile(path_, "precious"));
  const auto over_file = LocalServer::Start(path_, *memory_, [] { return std::string(); });
  ASSERT_FALSE(over_file);
  EXPECT_EQ(over_file.error().code(), Code::kFailedPrecondition);
  EXPECT_EQ(ReadWholeFile(path_).value_or(""), "precious");
}

TEST_F(LocalApiTest, ErrorsOfTheLogKeepTheirCodeAndText) {
  const auto log = Connect();
  memory_->FailCommits(1, Code::kResourceExhausted);
  const auto committed = (*log->Begin({.ingest = true}))->Commit();
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().code(), Code::kResourceExhausted);
  EXPECT_NE(committed.error().message().find("fault switch"), std::string::npos);
  memory_->FailFetches(1, Code::kDataLoss);
  EXPECT_EQ(log->Fetch({"t", 0}, 0, 1).error().code(), Code::kDataLoss);
  EXPECT_TRUE(log->Fetch({"t", 0}, 0, 1));
}

TEST_F(LocalApiTest, AMalformedRequestClosesOnlyItsConnection) {
  const auto log = Connect();
  const FileDescriptor idle = Dial();
  const std::string requests[] = {
      std::string("\x01\x63", 2),                          // unknown operation
      std::string("\x02\x02", 2),                          // another version
      std::string("\x01", 1),                              // too short
      std::string("\x01\x02more", 6),                      // a tail
      std::string("\x01\x04\x05t", 4),                     // a string that is cut
      std::string("\x01\x0c\x00\xff\xff\xff\xff\x0f", 8),  // a huge count
      CommitRequest() + "x",
  };
  for (const std::string& request : requests) {
    const FileDescriptor fd = Dial();
    SendBytes(fd.get(), Framed(request));
    ExpectRefused(fd.get());
  }
  for (const std::uint32_t size : {0u, 0xffffffffu, (16u << 20) + 1}) {
    const FileDescriptor fd = Dial();
    std::string length;
    PutFixed(length, size);
    SendBytes(fd.get(), length);
    ExpectRefused(fd.get());
  }
  EXPECT_TRUE(log->Topics());
  SendBytes(idle.get(), Framed(std::string_view("\x01\x06", 2)));
  EXPECT_TRUE(ReceiveFrame(idle.get(), 100).value().has_value());
  EXPECT_EQ(Latest(), 0);
}

TEST_F(LocalApiTest, ACommitThatIsCutAnywhereLeavesNoTrace) {
  const std::string request = CommitRequest();
  for (std::size_t size = 2; size < request.size(); ++size) {
    // The client dies in the middle of its request, …
    SendBytes(Dial().get(), Framed(request).substr(0, 4 + size));
    // … or the request itself is cut.
    const FileDescriptor fd = Dial();
    SendBytes(fd.get(), Framed(std::string_view(request).substr(0, size)));
    ExpectRefused(fd.get());
  }
  EXPECT_EQ(Latest(), 0);
  const FileDescriptor fd = Dial();
  SendBytes(fd.get(), Framed(request));
  EXPECT_TRUE(ReceiveFrame(fd.get(), 100).value().has_value());
  EXPECT_EQ(Latest(), 1);
}

TEST_F(LocalApiTest, ABatchWithoutAValidChecksumIsRefused) {
  std::string request = CommitRequest();
  request[request.size() - 3] = static_cast<char>(request[request.size() - 3] ^ 1);
  const FileDescriptor fd = Dial();
  SendBytes(fd.get(), Framed(request));
  ExpectRefused(fd.get());
  EXPECT_EQ(Latest(), 0);
}

TEST_F(LocalApiTest, ACompressedBatchIsRefusedSinceItCouldClaimMoreMemoryThanItsRequest) {
  const FileDescriptor fd = Dial();
  SendBytes(fd.get(), Framed(CommitRequest(std::string(1000, 'x'), Compression::kZstd)));
  ExpectRefused(fd.get());
  EXPECT_EQ(Latest(), 0);
}

TEST_F(LocalApiTest, ATransactionAboveTheRequestLimitIsRefusedWithARemedy) {
  const auto log = Connect();
  const auto transaction = log->Begin();
  for (int i = 0; i < 17; ++i) {
    RecordBatchBuilder builder;
    builder.Append("k", std::string(1 << 20, 'x'));
    ASSERT_TRUE((*transaction)->Append({"t", 0}, builder));
  }
  const auto committed = (*transaction)->Commit();
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().code(), Code::kInvalidArgument);
  EXPECT_NE(committed.error().message().find("commit smaller"), std::string::npos);
  EXPECT_TRUE(log->Topics());
}

TEST_F(LocalApiTest, AFetchIsBoundedWhateverTheClientAsksFor) {
  for (int i = 0; i < 10; ++i) AppendValue(*memory_, std::string(1 << 20, 'x'));
  const auto batches = Connect()->Fetch({"t", 0}, 0, ~std::size_t{0});
  ASSERT_TRUE(batches);
  EXPECT_EQ(batches->size(), 4u);
}

TEST_F(LocalApiTest, ALargeStateArrivesInSeveralFrames) {
  std::map<std::string, std::string> expected;
  const auto transaction = memory_->Begin();
  for (int i = 0; i < 3000; ++i) {
    const std::string key = "device " + std::to_string(i);
    expected[key] = std::string(1000, static_cast<char>('a' + i % 26));
    (*transaction)->PutState("s", 0, key, expected[key]);
  }
  ASSERT_TRUE((*transaction)->Commit());
  const auto log = Connect();
  std::map<std::string, std::string> found;
  ASSERT_TRUE(log->ReadState("s", 0, [&](std::string_view key, std::string_view value) {
    found.emplace(key, value);
    EXPECT_TRUE(found.size() != 1 || log->Topics());  // the log may be called from inside
  }));
  EXPECT_EQ(found, expected);
}

TEST_F(LocalApiTest, OneConnectionTooManyIsToldSoAndFindsRoomLater) {
  std::vector<FileDescriptor> held;
  for (int i = 0; i < LocalServer::kMaxConnections; ++i) {
    held.push_back(Dial());
    SendBytes(held.back().get(), Framed(std::string_view("\x01\x06", 2)));
    ASSERT_TRUE(ReceiveFrame(held.back().get(), 100).value().has_value());
  }
  const auto refused = RemoteLog::Status(path_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kResourceExhausted);
  held.clear();
  // The server notices the ends in its own time.
  bool served = false;
  for (int i = 0; i < 100'000 && !served; ++i) served = RemoteLog::Status(path_).has_value();
  EXPECT_TRUE(served);
}

TEST_F(LocalApiTest, AWaitDelaysNobodyElse) {
  const auto log = Connect();
  const std::uint64_t seen = log->AppendCount();
  std::jthread waiter([&] { EXPECT_GT(log->WaitForAppend(seen, kLongWaitUs, {}), seen); });
  const std::int64_t start_us = real_clock_.SteadyUs();
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(log->Topics());
  AppendValue(*log, "a");
  waiter.join();
  EXPECT_LT(real_clock_.SteadyUs() - start_us, kLongWaitUs / 2);
}

TEST_F(LocalApiTest, StopsAtOnceWithIdleWaitingAndSlowClients) {
  for (int i = 0; i < 10; ++i) AppendValue(*memory_, std::string(1 << 20, 'x'));
  const FileDescriptor idle = Dial();
  const FileDescriptor waiting = Dial();
  std::string wait("\x01\x07", 2);
  PutVarint(wait, memory_->AppendCount());
  PutSigned(wait, kLongWaitUs);
  SendBytes(waiting.get(), Framed(wait));
  // Asks for more than the socket holds and never reads it.
  const FileDescriptor slow = Dial();
  std::string fetch("\x01\x05", 2);
  PutPartition(fetch, {"t", 0});
  PutSigned(fetch, 0);
  PutVarint(fetch, kMaxFetchBytes);
  SendBytes(slow.get(), Framed(fetch));
  const auto log = Connect();
  EXPECT_TRUE(log->Topics());
  const std::int64_t start_us = real_clock_.SteadyUs();
  server_.reset();
  // The target is 100 ms; the rest is for a loaded machine and the sanitizers.
  EXPECT_LT(real_clock_.SteadyUs() - start_us, 1'000'000);
}

TEST_F(LocalApiTest, ClientsInSeveralThreadsShareOneLog) {
  const auto log = Connect();
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 25; ++i) AppendValue(*log, "a");
      });
    }
  }
  EXPECT_EQ(Latest(), 100);
}

TEST(SocketPathTest, IsInTheDataDirectoryWhenItFits) {
  EXPECT_EQ(SocketPathFor("data"), "data/tocsin.sock");
  EXPECT_EQ(SocketPathFor("/srv/tocsin"), "/srv/tocsin/tocsin.sock");
}

TEST(SocketPathTest, OfALongDirectoryIsShortAndTheSameForEveryWayToNameIt) {
  const std::string deep = "/nowhere/" + std::string(120, 'd');
  const std::string path = SocketPathFor(deep);
  EXPECT_LE(path.size(), 107u);
  EXPECT_EQ(SocketPathFor("/nowhere/../nowhere/" + std::string(120, 'd')), path);
  EXPECT_NE(SocketPathFor(deep + "d"), path);
  EXPECT_TRUE(SocketAddress(path));
  EXPECT_FALSE(SocketAddress(deep));
}

// Whatever a client sends, the log is only changed by a request that is whole.
RC_GTEST_PROP(RequestHandlerTest, AnswersAnyBytesWithExactlyOneAnswer,
              (std::uint8_t operation, const std::string& arguments)) {
  const ManualClock clock;
  const auto log = MemoryLog::Make(clock);
  const RequestHandler handler(*log, [] { return std::string("{}"); }, {});
  std::string request = {'\1', static_cast<char>(operation % 13)};
  // A wait would take its time.
  RC_PRE(static_cast<Operation>(request[1]) != Operation::kWaitForAppend);
  request += arguments;
  int answers = 0;
  const Status handled = handler.Handle(request, [&](std::string_view answer) -> Status {
    ++answers;
    EXPECT_FALSE(answer.empty());
    return {};
  });
  RC_ASSERT(answers == 1);
  RC_ASSERT(handled || handled.error().code() == Code::kInvalidArgument);
}

TEST(FieldReaderTest, FailsForGoodAtTheFirstFieldThatDoesNotFit) {
  std::string message;
  PutBytes(message, "abc");
  PutSigned(message, -5);
  FieldReader whole(message);
  EXPECT_EQ(whole.Bytes(), "abc");
  EXPECT_EQ(whole.PartitionNumber(), -5);
  EXPECT_TRUE(whole.Finished());
  EXPECT_EQ(whole.Byte(), 0);
  EXPECT_FALSE(whole.ok());
  FieldReader cut(std::string_view(message).substr(0, 3));
  EXPECT_EQ(cut.Bytes(), "");
  EXPECT_FALSE(cut.ok());
  EXPECT_EQ(cut.Number(), 0u);
  std::string large;
  PutSigned(large, 1LL << 31);
  FieldReader reader(large);
  EXPECT_EQ(reader.PartitionNumber(), 0);
  EXPECT_FALSE(reader.ok());
}

TEST_F(LocalApiTest, AControlRequestGetsTheAnswerOfTheInstance) {
  server_.reset();
  auto server = LocalServer::Start(
      path_, *memory_, [] { return std::string("{}"); },
      [](std::string_view name, std::string_view argument) -> Result<std::string> {
        if (name != "echo") return Fail(Code::kNotFound, "no such request");
        return std::string(argument);
      });
  ASSERT_TRUE(server) << server.error().message();
  EXPECT_EQ(RemoteLog::Control(path_, "echo", R"({"a":1})").value(), R"({"a":1})");
  EXPECT_EQ(RemoteLog::Control(path_, "other", "{}").error().code(), Code::kNotFound);
}

TEST_F(LocalApiTest, AnInstanceWithoutControlSaysNotFound) {
  EXPECT_EQ(RemoteLog::Control(path_, "echo", "{}").error().code(), Code::kNotFound);
}

}  // namespace
}  // namespace tocsin
