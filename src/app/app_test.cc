#include "app/app.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "app/cli_tree.h"
#include "app/exit_code.h"

namespace tocsin {
namespace {

struct Ran {
  int code;
  std::string out;
  std::string err;
};

Ran RunWith(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "tocsin");
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  const int code = RunApp(static_cast<int>(arguments.size()), arguments.data());
  Ran ran{code, ::testing::internal::GetCapturedStdout(), ::testing::internal::GetCapturedStderr()};
  return ran;
}

TEST(AppTest, AnUnknownCommandIsUsageAndSuggestsTheNearest) {
  const Ran ran = RunWith({"ingets", "x"});
  EXPECT_EQ(ran.code, kExitUsage);
  EXPECT_EQ(ran.out, "");
  EXPECT_NE(ran.err.find("did you mean ingest?"), std::string::npos) << ran.err;
}

TEST(AppTest, AnUnknownFlagIsUsageAndSuggestsTheNearest) {
  const Ran ran = RunWith({"process", "--until-caught-upp"});
  EXPECT_EQ(ran.code, kExitUsage);
  EXPECT_NE(ran.err.find("did you mean --until-caught-up?"), std::string::npos) << ran.err;
}

TEST(AppTest, AMissingCommandOfAFamilyIsUsage) {
  EXPECT_EQ(RunWith({}).code, kExitUsage);
  const Ran ran = RunWith({"topic"});
  EXPECT_EQ(ran.code, kExitUsage);
  EXPECT_NE(ran.err.find("tocsin topic --help"), std::string::npos) << ran.err;
}

TEST(AppTest, AnUnknownSettingIsUsageAndAWrongValueIsConfiguration) {
  const Ran unknown = RunWith({"config", "check", "--set", "DATA_DRI=x"});
  EXPECT_EQ(unknown.code, kExitUsage);
  EXPECT_NE(unknown.err.find("did you mean DATA_DIR?"), std::string::npos) << unknown.err;
  EXPECT_EQ(RunWith({"config", "check", "--set", "TOPIC_PARTITIONS=none"}).code,
            kExitConfiguration);
}

TEST(AppTest, AServerForOthersAsksForTls) {
  const Ran ran = RunWith({"dashboard", "--bind", "0.0.0.0"});
  EXPECT_EQ(ran.code, kExitConfiguration);
  EXPECT_NE(ran.err.find("HTTP_TLS_CERTIFICATE_FILE"), std::string::npos) << ran.err;
}

TEST(AppTest, ARuleFileThatIsNotThereIsNamed) {
  for (const std::vector<const char*>& command :
       {std::vector<const char*>{"rules", "check", "no_such_file.yaml"},
        {"rules", "test", "no_such_file.yaml"},
        {"rules", "backtest", "no_such_file.yaml", "--input", "x"}}) {
    const Ran ran = RunWith(command);
    EXPECT_NE(ran.code, kExitOk) << command[1];
    EXPECT_NE(ran.err.find("no_such_file.yaml"), std::string::npos) << ran.err;
  }
}

TEST(AppTest, HelpGoesToStandardOutput) {
  const Ran ran = RunWith({"topic", "dump", "--help"});
  EXPECT_EQ(ran.code, kExitOk);
  EXPECT_EQ(ran.err, "");
  for (const char* flag : {"--partition", "--from", "--max", "--with-metadata", "--data-dir",
                           "--config", "--json", "--log-level", "--log-format"}) {
    EXPECT_NE(ran.out.find(flag), std::string::npos) << flag;
  }
}

TEST(AppTest, CompletionScriptsNameEveryCommand) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const Ran ran = RunWith({"completion", shell});
    EXPECT_EQ(ran.code, kExitOk);
    for (const char* word : {"ingest", "backtest", "with-metadata", "redeliver"}) {
      EXPECT_NE(ran.out.find(word), std::string::npos) << shell << " " << word;
    }
    EXPECT_EQ(ran.out.find("reference"), std::string::npos) << "hidden";
  }
  EXPECT_EQ(RunWith({"completion", "csh"}).code, kExitUsage);
}

}  // namespace
}  // namespace tocsin
