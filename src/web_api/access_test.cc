#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "base/file.h"
#include "web_api/access_file.h"
#include "web_api/session_table.h"

namespace tocsin {
namespace {

class AccessFileTest : public ::testing::Test {
 protected:
  AccessFileTest() {
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
  }
  ~AccessFileTest() override { std::filesystem::remove_all(directory_); }

  const std::string directory_ = ::testing::TempDir() + "access_" +
                                 ::testing::UnitTest::GetInstance()->current_test_info()->name();
  const std::string path_ = AccessFilePath(directory_);
};

TEST_F(AccessFileTest, ReadsBackWhatItWrote) {
  AccessList list;
  list.users.push_back(*MakeUser("ann", "correct horse battery"));
  list.tokens.push_back({.name = "t",
                         .digest = TokenDigest("secret"),
                         .scopes = {"ingest", "read"},
                         .made_us = 1'000'000,
                         .expires_us = 5'000'000});
  ASSERT_TRUE(WriteAccessFile(path_, list));
  struct stat info{};
  ASSERT_EQ(::stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  const auto read = ReadAccessFile(path_);
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_TRUE(PasswordMatches(&read->users[0], "correct horse battery"));
  EXPECT_FALSE(PasswordMatches(&read->users[0], "correct horse batterz"));
  EXPECT_EQ(FindToken(*read, "secret", 4'999'999), 0u);
  EXPECT_FALSE(FindToken(*read, "secret", 5'000'000)) << "expired";
  EXPECT_FALSE(FindToken(*read, "secret2", 0));
  EXPECT_EQ(read->tokens[0].scopes, list.tokens[0].scopes);
}

TEST_F(AccessFileTest, AMissingFileIsNobodyAndADamagedOneAnError) {
  EXPECT_TRUE(ReadAccessFile(path_)->users.empty());
  for (
      const char* text :
      {"", "{", "[]", "{}", R"({"users":[],"tokens":[{}]})", R"({"users":[7],"tokens":[]})",
       R"({"users":[{"name":"a","salt":"AAAA","scrypt":"AAAA"}],"tokens":[]})",
       R"({"users":[],"tokens":[{"name":"t","sha256":"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",)"
       R"("scopes":["all"]}]})"}) {
    ASSERT_TRUE(ReplaceFile(path_, text));
    ::chmod(path_.c_str(), 0600);
    EXPECT_FALSE(ReadAccessFile(path_)) << text;
  }
  ASSERT_TRUE(WriteAccessFile(path_, {}));
  ::chmod(path_.c_str(), 0640);
  EXPECT_FALSE(ReadAccessFile(path_)) << "others may read it";
}

TEST(AccessUserTest, NamesAndPasswordsHaveTheirForm) {
  for (const char* name : {"", "a b", "<b>", "a/b", "ü"}) {
    EXPECT_FALSE(MakeUser(name, "correct horse battery")) << name;
  }
  EXPECT_FALSE(MakeUser("ann", "elevenchars"));
  EXPECT_FALSE(MakeUser("ann", std::string(1'025, 'x')));
  EXPECT_FALSE(PasswordMatches(nullptr, "correct horse battery"));
}

TEST(AccessTokenTest, EveryTokenIsNewAndLongEnough) {
  const std::string token = NewToken();
  EXPECT_EQ(token.size(), 7u + 43u);
  EXPECT_TRUE(token.starts_with("tocsin_"));
  EXPECT_NE(token, NewToken());
}

TEST(SessionTableTest, ASessionEndsWhenUnusedWhenOldAndWhenEnded) {
  ManualClock clock(1);
  SessionTable table(clock);
  const std::string first = table.Begin("ann");
  const std::string second = table.Begin("ann");
  EXPECT_NE(first, second);
  EXPECT_EQ(table.Find(first)->user, "ann");
  EXPECT_FALSE(table.Find("guess"));
  clock.Advance(SessionTable::kIdleUs);
  EXPECT_TRUE(table.Find(first));
  clock.Advance(1);
  EXPECT_FALSE(table.Find(second)) << "unused for too long";
  for (int i = 0; i < 24; ++i) {
    EXPECT_TRUE(table.Find(first)) << i;
    clock.Advance(SessionTable::kIdleUs - 1'000'000);
  }
  EXPECT_FALSE(table.Find(first)) << "too old, however much it is used";
  const std::string third = table.Begin("ann");
  table.End(third);
  EXPECT_FALSE(table.Find(third));
}

TEST(SessionTableTest, LookingWithoutUseKeepsNoSessionAlive) {
  ManualClock clock(1);
  SessionTable table(clock);
  const std::string secret = table.Begin("ann");
  clock.Advance(SessionTable::kIdleUs);
  EXPECT_TRUE(table.Find(secret, false));
  clock.Advance(1);
  EXPECT_FALSE(table.Find(secret));
}

TEST(SessionTableTest, AfterFiveFailuresEachTryWaitsTwiceAsLong) {
  ManualClock clock(1);
  SessionTable table(clock);
  for (int i = 0; i < SessionTable::kFreeTries; ++i) {
    EXPECT_EQ(table.WaitUs("ann 1"), 0) << i;
    table.Failed("ann 1");
  }
  EXPECT_EQ(table.WaitUs("ann 1"), 1'000'000);
  EXPECT_EQ(table.WaitUs("ann 2"), 0);
  clock.Advance(1'000'000);
  EXPECT_EQ(table.WaitUs("ann 1"), 0);
  table.Failed("ann 1");
  EXPECT_EQ(table.WaitUs("ann 1"), 2'000'000);
  for (int i = 0; i < 100; ++i) table.Failed("ann 1");
  EXPECT_EQ(table.WaitUs("ann 1"), 15LL * 60 * 1'000'000);
  table.Succeeded("ann 1");
  EXPECT_EQ(table.WaitUs("ann 1"), 0);
}

TEST(SessionTableTest, TheNumberOfSessionsAndFailuresIsBounded) {
  ManualClock clock(1);
  SessionTable table(clock);
  const std::string first = table.Begin("ann");
  for (std::size_t i = 0; i < SessionTable::kMaxEntries; ++i) {
    clock.Advance(1);
    table.Begin("ann");
    table.Failed(std::to_string(i));
  }
  EXPECT_FALSE(table.Find(first)) << "the one unused the longest made room";
}

}  // namespace
}  // namespace tocsin
