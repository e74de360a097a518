#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "app/app.h"
#include "app/exit_code.h"

// What people meet at the desk: mistyped directories, matchers and files.
namespace tocsin {
namespace {

struct Ran {
  int code;
  std::string out;
  std::string err;
};

class DeskAppTest : public testing::Test {
 protected:
  DeskAppTest() {
    std::string path = testing::TempDir() + "tocsin-desk-XXXXXX";
    root_ = ::mkdtemp(path.data());
  }
  ~DeskAppTest() override {
    std::error_code error;
    std::filesystem::remove_all(root_, error);
  }
  std::string Path(const std::string& name) const { return root_ + "/" + name; }
  std::string Write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(Path(name)).parent_path());
    std::ofstream(Path(name), std::ios::binary) << text;
    return Path(name);
  }
  // With the data directory `data`.
  Ran Run(std::vector<std::string> arguments, const std::vector<std::string>& settings = {}) {
    arguments.push_back("--data-dir");
    arguments.push_back(Path("data"));
    for (const std::string& setting : settings) {
      arguments.push_back("--set");
      arguments.push_back(setting);
    }
    std::vector<const char*> texts = {"tocsin"};
    for (const std::string& argument : arguments) texts.push_back(argument.c_str());
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const int code = RunApp(static_cast<int>(texts.size()), texts.data());
    Ran ran{code, testing::internal::GetCapturedStdout(), testing::internal::GetCapturedStderr()};
    return ran;
  }
  bool DataExists() const { return std::filesystem::exists(Path("data")); }

  std::string root_;
};

constexpr const char* kLogRoutes =
    "route: {receiver: r}\n"
    "receivers: [{name: r, log_configs: [{}], kafka_configs: [{topic: t}]}]\n";

TEST_F(DeskAppTest, AMistypedDataDirectoryIsNamedAndNotMade) {
  using Words = std::vector<std::string>;
  for (const Words& command :
       {Words{"deliveries", "ls"}, Words{"deliveries", "show", "x"},
        Words{"deliveries", "redeliver", "x"}, Words{"channels", "ls"},
        Words{"channels", "enable", "x"}, Words{"silence", "ls"}, Words{"silence", "alerts"},
        Words{"silence", "add", "site=north"}, Words{"silence", "shelve", "site=north"},
        Words{"silence", "ack", "f"}, Words{"silence", "expire", "x"}, Words{"dlq", "ls"},
        Words{"dlq", "show"}, Words{"dlq", "replay"}, Words{"topic", "ls"}}) {
    const Ran ran = Run(command);
    EXPECT_EQ(ran.code, kExitFailed) << testing::PrintToString(command);
    EXPECT_TRUE(ran.err.contains("there is no log in " + Path("data/log"))) << ran.err;
    EXPECT_TRUE(ran.err.contains("--data-dir")) << ran.err;
    EXPECT_FALSE(DataExists()) << testing::PrintToString(command);
  }
}

TEST_F(DeskAppTest, AChannelCanBeTestedBeforeTheFirstStart) {
  const std::string routes = "ALERT_ROUTES_FILE=" + Write("routes.yaml", kLogRoutes);
  const Ran ran = Run({"channels", "test", "r/log[0]"}, {routes});
  EXPECT_EQ(ran.code, kExitOk) << ran.err;
  EXPECT_TRUE(ran.out.contains("r/log[0]: delivered")) << ran.out;
  EXPECT_TRUE(ran.err.contains("there is no log in")) << ran.err;
  EXPECT_FALSE(DataExists());
  const Ran kafka = Run({"channels", "test", "r/kafka[0]"}, {routes});
  EXPECT_EQ(kafka.code, kExitFailed);
  EXPECT_TRUE(kafka.out.contains("there is no log yet")) << kafka.out;
  const Ran unknown = Run({"channels", "test", "r/lgo[0]"}, {routes});
  EXPECT_EQ(unknown.code, kExitFailed);
  EXPECT_TRUE(unknown.err.contains("r/lgo[0]")) << unknown.err;
}

TEST_F(DeskAppTest, WrongMatchersAreWrongUse) {
  for (const char* command : {"add", "shelve"}) {
    for (const char* matcher : {"severity", "=x", "site=~\"(\"", "a=\"b"}) {
      const Ran ran = Run({"silence", command, matcher});
      EXPECT_EQ(ran.code, kExitUsage) << matcher << ": " << ran.err;
      EXPECT_TRUE(ran.err.contains(matcher)) << ran.err;
    }
    const Ran all = Run({"silence", command, "site=~\".*\""});
    EXPECT_EQ(all.code, kExitUsage) << all.err;
    EXPECT_TRUE(all.err.contains("would catch every alert; add a matcher")) << all.err;
  }
  const Ran none = Run({"silence", "add", "site=north", "--duration", "0s"});
  EXPECT_EQ(none.code, kExitUsage) << none.err;
  EXPECT_TRUE(none.err.contains("--duration 0s")) << none.err;
  EXPECT_FALSE(DataExists());
}

TEST_F(DeskAppTest, AFingerprintThatNoAlertHasCannotBeAcknowledged) {
  ASSERT_EQ(Run({"ingest", Write("in.jsonl", "{}\n")}).code, kExitOk);
  const Ran ran = Run({"silence", "ack", "0123456789abcdef"});
  EXPECT_EQ(ran.code, kExitFailed);
  EXPECT_TRUE(ran.err.contains("'0123456789abcdef'")) << ran.err;
  EXPECT_TRUE(ran.err.contains("`tocsin silence alerts`")) << ran.err;
  EXPECT_EQ(Run({"silence", "ls", "--json"}).out, "[]\n");
}

TEST_F(DeskAppTest, AFileOfRulesOrRoutesThatCannotBeReadIsAConfigurationError) {
  const std::string none = Path("none.yaml");
  Write("folder/notes.txt", "");
  for (const std::string& file : {none, Path("folder")}) {
    for (const char* key : {"RULES_FILE", "ALERT_ROUTES_FILE", "FLEET_FILE"}) {
      const Ran ran = Run({"config", "check"}, {std::string(key) + "=" + file});
      EXPECT_EQ(ran.code, kExitConfiguration) << key << " " << file << ": " << ran.err;
      EXPECT_TRUE(ran.err.contains(file)) << ran.err;
    }
    for (const std::vector<std::string>& command :
         {std::vector<std::string>{"process", "--until-caught-up", "--rules", file},
          {"rules", "check", file},
          {"rules", "backtest", file, "--input", "x"}}) {
      const Ran ran = Run(command);
      EXPECT_EQ(ran.code, kExitConfiguration) << testing::PrintToString(command) << ran.err;
      EXPECT_TRUE(ran.err.contains(file)) << ran.err;
    }
  }
  EXPECT_EQ(Run({"deliver", "--until-caught-up"}, {"ALERT_ROUTES_FILE=" + none}).code,
            kExitConfiguration);
}

TEST_F(DeskAppTest, ConfigCheckTellsTheMistakesOfAllFiles) {
  const std::string rules =
      Write("rules.yaml",
            "fleet: {silent_after: soon}\n"
            "groups: [{name: g, rules: [{alert: a, expr: temprature > 1}]}]\n");
  const std::string routes = Write("routes.yaml",
                                   "route:\n"
                                   "  receiver: nobody\n"
                                   "receivers:\n"
                                   "- name: a\n"
                                   "  webhook_configs: [{urll: 'https://example.com'}]\n"
                                   "- name: b\n"
                                   "  email_configs:\n"
                                   "  - to: nobody\n"
                                   "    require_tls: perhaps\n"
                                   "  ntfy_configs: [{topic: x, rate_per_minute: fast}]\n");
  const Ran ran = Run({"config", "check"}, {"RULES_FILE=" + rules, "ALERT_ROUTES_FILE=" + routes,
                                            "FLEET_FILE=" + Path("fleet.csv")});
  EXPECT_EQ(ran.code, kExitConfiguration);
  for (const std::string& wanted :
       {rules + ":1:23: silent_after: `soon`", rules + ":2:", Path("fleet.csv"),
        routes + ":2:13: receiver 'nobody'",
        routes + ":5:21: channel a/webhook[0]: option url: is missing",
        routes + ":5:28: channel a/webhook[0]: unknown option urll, did you mean url?",
        routes + ":8:9: channel b/email[0]: option to: ",
        routes + ":9:18: channel b/email[0]: option require_tls: must be true or false",
        std::string("option smarthost: is missing; set it here or as smtp_smarthost under global"),
        routes + ":10:46: channel b/ntfy[0]: option rate_per_minute: 'fast'"}) {
    EXPECT_TRUE(ran.err.contains(wanted)) << wanted << "\nin\n" << ran.err;
  }
  EXPECT_FALSE(ran.err.contains("'' is no mail address")) << ran.err;
  const Ran right = Run({"config", "check"}, {"ALERT_ROUTES_FILE=" + Write("r.yaml", kLogRoutes)});
  EXPECT_EQ(right.code, kExitOk) << right.err;
}

TEST_F(DeskAppTest, RulesCheckTakesADirectory) {
  Write("rules/a.yaml", "groups: [{name: g, rules: [{alert: a, expr: temperature > 1}]}]\n");
  Write("rules/b.yml", "groups: [{name: g, rules: [{alert: b, expr: temprature > 1}]}]\n");
  const Ran text = Run({"rules", "check", Path("rules")});
  EXPECT_EQ(text.code, kExitConfiguration);
  EXPECT_TRUE(text.out.contains(Path("rules/a.yaml") + ": 1 rule, no mistake")) << text.out;
  EXPECT_TRUE(text.err.contains(Path("rules/b.yml") + ":1:")) << text.err;
  const Ran json = Run({"rules", "check", Path("rules"), "--json"});
  EXPECT_EQ(json.code, kExitConfiguration);
  EXPECT_TRUE(json.out.starts_with("{\"ok\":false,\"files\":[{\"file\":")) << json.out;
  Write("empty/notes.txt", "");
  const Ran empty = Run({"rules", "check", Path("empty")});
  EXPECT_EQ(empty.code, kExitConfiguration);
  EXPECT_TRUE(empty.err.contains("has no .yaml or .yml file")) << empty.err;
}

}  // namespace
}  // namespace tocsin
