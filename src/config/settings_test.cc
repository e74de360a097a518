#include "config/settings.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "config/setting_value.h"
#include "config/settings_table.h"

namespace tocsin {
namespace {

// A directory of its own for .env and tocsin.yaml.
class LoadSettingsTest : public testing::Test {
 protected:
  LoadSettingsTest() {
    std::string path = testing::TempDir() + "/settings_XXXXXX";
    directory_ = ::mkdtemp(path.data());
    sources_.dotenv_path = directory_ + "/.env";
    sources_.config_path = Write("tocsin.yaml", "");
  }
  ~LoadSettingsTest() override { std::filesystem::remove_all(directory_); }

  std::string Write(const std::string& name, const std::string& text) {
    std::ofstream(directory_ + "/" + name) << text;
    return directory_ + "/" + name;
  }
  void Dotenv(const std::string& text) { Write(".env", text); }
  void Yaml(const std::string& text) { Write("tocsin.yaml", text); }
  void Flag(const std::string& key, const std::string& value, const std::string& name) {
    sources_.flags[key] = value;
    sources_.flag_names[key] = name;
  }

  Settings Load() {
    auto settings = LoadSettings(sources_);
    EXPECT_TRUE(settings) << (settings ? "" : settings.error().message());
    return settings ? *settings : Settings{};
  }
  // The message with the test's directory taken out.
  std::string ErrorText() {
    const auto settings = LoadSettings(sources_);
    if (settings) return "no error";
    EXPECT_EQ(settings.error().code(), Code::kConfiguration);
    std::string message = settings.error().message();
    for (std::size_t at; (at = message.find(directory_ + "/")) != std::string::npos;) {
      message.erase(at, directory_.size() + 1);
    }
    return message;
  }

  std::string directory_;
  SettingsSources sources_;
};

TEST_F(LoadSettingsTest, WithoutSourcesEverythingIsAtItsDefault) {
  const Settings settings = Load();
  for (const SettingDefinition& definition : SettingsTable()) {
    EXPECT_EQ(settings.origin.at(std::string(definition.key)), "default") << definition.key;
    if (definition.group == SettingGroup::kDashboard) continue;
    EXPECT_EQ(FormatSetting(definition, settings), FormatSetting(definition, Settings{}));
  }
  EXPECT_EQ(settings.origin.at("METRICS"), "default");
  EXPECT_EQ(settings.dashboard_cleansed_path, "data/processed/cleansed.parquet");
  EXPECT_EQ(settings.dashboard_aggregates_path, "data/processed/aggregates.parquet");
}

TEST_F(LoadSettingsTest, FlagBeatsEnvironmentBeatsDotenvBeatsFile) {
  // Every non-empty subset of the four sources: the strongest one present decides.
  for (unsigned present = 0; present < 16; ++present) {
    sources_.flags.clear();
    sources_.environment.clear();
    Dotenv("");
    Yaml("");
    if (present & 1) Flag("TEMP_ALERT_THRESHOLD", "51", "--threshold");
    if (present & 2) sources_.environment["TEMP_ALERT_THRESHOLD"] = "52";
    if (present & 4) Dotenv("# first\nTEMP_ALERT_THRESHOLD=53\n");
    if (present & 8) Yaml("temp_alert_threshold: 54\n");
    const Settings settings = Load();
    const std::string& origin = settings.origin.at("TEMP_ALERT_THRESHOLD");
    if (present & 1) {
      EXPECT_EQ(settings.temp_alert_threshold, 51);
      EXPECT_EQ(origin, "flag --threshold");
    } else if (present & 2) {
      EXPECT_EQ(settings.temp_alert_threshold, 52);
      EXPECT_EQ(origin, "environment");
    } else if (present & 4) {
      EXPECT_EQ(settings.temp_alert_threshold, 53);
      EXPECT_EQ(origin, directory_ + "/.env:2");
    } else if (present & 8) {
      EXPECT_EQ(settings.temp_alert_threshold, 54);
      EXPECT_EQ(origin, directory_ + "/tocsin.yaml:1");
    } else {
      EXPECT_EQ(settings.temp_alert_threshold, 50);
      EXPECT_EQ(origin, "default");
    }
  }
}

TEST_F(LoadSettingsTest, AnEmptyValueMeansNotSet) {
  sources_.environment["KAFKA_BROKER"] = "";
  sources_.environment["TEMP_ALERT_THRESHOLD"] = "";
  Dotenv("KAFKA_BROKER=broker:9092\nTEMP_ALERT_THRESHOLD=53\nDASHBOARD_CLEANSED_PATH=\n");
  const Settings settings = Load();
  EXPECT_EQ(settings.kafka_broker, "");  // the real environment asks for the embedded log
  EXPECT_EQ(settings.temp_alert_threshold, 53);
  EXPECT_EQ(settings.dashboard_cleansed_path, "data/processed/cleansed.parquet");
  Flag("DATA_DIR", "", "--data-dir");
  EXPECT_EQ(ErrorText(), "DATA_DIR='' (from flag --data-dir): must be a text that is not empty");
}

TEST_F(LoadSettingsTest, IgnoresForeignKeys) {
  sources_.environment["PATH"] = "/bin";
  sources_.environment["TEMP_ALERT_TRESHOLD"] = "5";
  Dotenv("DATABASE_URL=postgres://x\nnonsense\n");
  EXPECT_EQ(Load().temp_alert_threshold, 50);
}

TEST_F(LoadSettingsTest, MessagesNameKeyValueSourceAndWhatIsAllowed) {
  const auto error = [this](const std::string& key, const std::string& value) {
    sources_.environment = {{key, value}};
    return ErrorText();
  };
  EXPECT_EQ(error("TEMP_ALERT_THRESHOLD", "hot"),
            "TEMP_ALERT_THRESHOLD='hot' (from environment): must be a number");
  EXPECT_EQ(error("TEMP_ALERT_THRESHOLD", "nan"),
            "TEMP_ALERT_THRESHOLD='nan' (from environment): must be a number");
  EXPECT_EQ(error("TOPIC_PARTITIONS", "0"),
            "TOPIC_PARTITIONS='0' (from environment): must be a whole number from 1 to 1000");
  EXPECT_EQ(error("GEN_DEVICE_COUNT", "many"),
            "GEN_DEVICE_COUNT='many' (from environment): must be a whole number from 1 to 1000000");
  EXPECT_EQ(error("GEN_INTERVAL_SECONDS", "-1"),
            "GEN_INTERVAL_SECONDS='-1' (from environment): must be a number from 0 to 86400");
  EXPECT_EQ(error("TEMP_RANGE", "55,20"),
            "TEMP_RANGE='55,20' (from environment): must be two numbers low,high with low below "
            "high, such as 20,55, from -1000000 to 1000000");
  EXPECT_EQ(error("ALERT_MODE", "sometimes"),
            "ALERT_MODE='sometimes' (from environment): must be one of transitions, every_event");
  EXPECT_EQ(error("RETENTION_FORCE", "perhaps"),
            "RETENTION_FORCE='perhaps' (from environment): must be true or false");
  EXPECT_EQ(error("MAX_CLOCK_SKEW", "300"),
            "MAX_CLOCK_SKEW='300' (from environment): must be a duration such as 30s, 5m or "
            "1h30m, from 0 to 3650d");
  EXPECT_EQ(error("MAX_EVENT_BYTES", "1"),
            "MAX_EVENT_BYTES='1' (from environment): must be a size such as 65536, 64KiB or "
            "10GiB, from 256 to 16MiB");
  EXPECT_EQ(error("KAFKA_RAW_TOPIC", "iot raw"),
            "KAFKA_RAW_TOPIC='iot raw' (from environment): must be a topic name: 1 to 249 "
            "letters, digits, dots, underscores or hyphens");
  EXPECT_EQ(
      error("BATCH_AGG_FILENAME", "../a"),
      "BATCH_AGG_FILENAME='../a' (from environment): must be a file name without a directory");
  sources_.environment.clear();
  Dotenv("\nTEMP_MIN=cold\n");
  EXPECT_EQ(ErrorText(), "TEMP_MIN='cold' (from .env:2): must be a number");
  Dotenv("");
  Yaml("temp_max: warm\n");
  EXPECT_EQ(ErrorText(), "TEMP_MAX='warm' (from tocsin.yaml:1): must be a number");
}

TEST_F(LoadSettingsTest, ChecksValuesTogether) {
  sources_.environment = {{"KAFKA_ALERT_TOPIC", "iot.raw"}};
  EXPECT_EQ(ErrorText(),
            "KAFKA_ALERT_TOPIC='iot.raw' (from environment): must differ from KAFKA_RAW_TOPIC");
  sources_.environment = {{"TEMP_MIN", "200"}};
  EXPECT_EQ(ErrorText(),
            "TEMP_MIN='200' (from environment): must not be above the highest valid temperature, "
            "120");
  sources_.environment = {{"HUMIDITY_MAX", "-1"}};
  EXPECT_EQ(ErrorText(),
            "HUMIDITY_MAX='-1' (from environment): must not be below the lowest valid humidity, 0");
  sources_.environment = {{"TEMP_MIN", "200"}, {"TEMP_MAX", "300"}};
  EXPECT_EQ(Load().metrics[0].min, 200);
}

TEST_F(LoadSettingsTest, ASourceThatCannotBeReadIsAnError) {
  sources_.config_path = directory_ + "/absent.yaml";
  EXPECT_EQ(ErrorText(), "configuration file 'absent.yaml' does not exist; check --config");
  sources_.config_path = directory_;
  EXPECT_NE(ErrorText().find("Is a directory"), std::string::npos);
  sources_.config_path = Write("tocsin.yaml", "tmp_range: 5\n");
  EXPECT_EQ(ErrorText(),
            "tocsin.yaml: line 1: unknown setting 'tmp_range'; did you mean temp_range?");
  Yaml("");
  std::filesystem::remove(sources_.dotenv_path);
  EXPECT_EQ(ErrorText(), "no error");
  std::filesystem::create_directory(sources_.dotenv_path);
  EXPECT_NE(ErrorText().find(".env: Is a directory"), std::string::npos);
  sources_.dotenv_path = Write("env", "DATA_DIR somewhere\n");
  EXPECT_EQ(ErrorText(), "env: line 1: DATA_DIR has no '='; write DATA_DIR=VALUE");
}

TEST_F(LoadSettingsTest, PathsFollowAnExplicitDataDirectory) {
  Flag("DATA_DIR", "/srv/t", "--data-dir");
  sources_.environment["PROCESSED_DATA_PATH"] = "out";
  const Settings settings = Load();
  EXPECT_EQ(settings.raw_data_path, "/srv/t/raw");
  EXPECT_EQ(settings.batch_input_path, "/srv/t/raw/sensor_log.jsonl");
  EXPECT_EQ(settings.alert_log_path, "/srv/t/logs/alerts.log");
  EXPECT_EQ(settings.processed_data_path, "out");
  EXPECT_EQ(settings.dashboard_cleansed_path, "out/cleansed.parquet");
  EXPECT_EQ(settings.origin.at("RAW_DATA_PATH"), "DATA_DIR");
  EXPECT_EQ(settings.origin.at("PROCESSED_DATA_PATH"), "environment");
  sources_.flags["DATA_DIR"] = "rel/";
  EXPECT_EQ(Load().raw_data_path, "rel/raw");
}

TEST_F(LoadSettingsTest, ADataDirectoryAtItsDefaultMovesNothing) {
  EXPECT_EQ(Load().alert_log_path, "logs/alerts.log");
  EXPECT_EQ(Load().raw_data_path, "data/raw");
}

TEST_F(LoadSettingsTest, MetricsOfTheFileReplaceTheDefaultAndBoundsOverrideThem) {
  Yaml("metrics:\n  - {name: light, min: 0, max: 10}\n  - {name: humidity, min: 10, max: 90}\n");
  sources_.environment = {{"HUMIDITY_MAX", "95"}, {"TEMP_MIN", "-20"}};
  const Settings settings = Load();
  ASSERT_EQ(settings.metrics.size(), 2U);
  EXPECT_EQ(settings.metrics[0].name, "light");
  EXPECT_EQ(settings.metrics[1].min, 10);
  EXPECT_EQ(settings.metrics[1].max, 95);
  EXPECT_EQ(settings.origin.at("METRICS"), directory_ + "/tocsin.yaml:2");
  EXPECT_EQ(WarningsFor(settings),
            std::vector<std::string>{"TEMP_MIN (from environment) has no effect: no metric "
                                     "'temperature' is declared"});
}

TEST_F(LoadSettingsTest, VariablesOfTheFileComeFromEnvironmentThenDotenv) {
  Dotenv("A=dotenv\nB=dotenv\n");
  sources_.environment["A"] = "real";
  Yaml("data_dir: ${A}/${B}/${C:-fallback}\n");
  EXPECT_EQ(Load().data_dir, "real/dotenv/fallback");
}

TEST_F(LoadSettingsTest, SecretsStayOutOfMessages) {
  sources_.environment["WAREHOUSE_CONN_STRING"] = "mysql://user:hunter2@host/db";
  const Status built = CheckBuilt(Load());
  ASSERT_FALSE(built);
  EXPECT_EQ(built.error().message(),
            "WAREHOUSE_CONN_STRING='***' (from environment): the warehouse sink is not built yet; "
            "unset it and read the Parquet files");
}

TEST_F(LoadSettingsTest, WhatIsNotBuiltIsReportedApart) {
  EXPECT_TRUE(CheckBuilt(Load()));
  sources_.environment = {{"KAFKA_BROKER", "b:9092"}};
  EXPECT_TRUE(CheckBuilt(Load()));
}

TEST_F(LoadSettingsTest, AFlagWithoutASettingIsOurMistake) {
  Flag("NO_SUCH_KEY", "1", "--x");
  const auto settings = LoadSettings(sources_);
  ASSERT_FALSE(settings);
  EXPECT_EQ(settings.error().code(), Code::kInternal);
}

class EverySettingTest : public testing::TestWithParam<SettingDefinition> {};

TEST_P(EverySettingTest, ReadsBackItsDefault) {
  const SettingDefinition& definition = GetParam();
  const std::string text = FormatSetting(definition, Settings{});
  Settings settings;
  EXPECT_TRUE(ParseSetting(definition, text, settings)) << definition.key << "=" << text;
  EXPECT_EQ(FormatSetting(definition, settings), text);
}

TEST_P(EverySettingTest, HasItsLimits) {
  const SettingDefinition& definition = GetParam();
  Settings settings;
  const auto accepts = [&](const std::string& text) {
    return ParseSetting(definition, text, settings).has_value();
  };
  const auto number = [&](double value) {
    const std::string text = std::to_string(static_cast<std::int64_t>(value));
    return definition.type == SettingType::kDuration && value != 0 ? text + "us" : text;
  };
  switch (definition.type) {
    case SettingType::kInteger:
    case SettingType::kBytes:
    case SettingType::kDuration:
      EXPECT_TRUE(accepts(number(definition.min)));
      EXPECT_TRUE(accepts(" " + number(definition.max) + " "));
      EXPECT_FALSE(accepts(number(definition.min - 1)));
      EXPECT_FALSE(accepts(number(definition.max + 1)));
      EXPECT_FALSE(accepts("1.5"));
      EXPECT_FALSE(accepts("99999999999999999999"));
      break;
    case SettingType::kNumber:
      EXPECT_TRUE(accepts("12.5"));
      for (const char* wrong : {"", "x", "inf", "nan", "1e999", "1,5", "12.5 C", "0x10"}) {
        EXPECT_FALSE(accepts(wrong)) << wrong;
      }
      EXPECT_EQ(accepts("-1e9"), definition.min < -1e9);
      break;
    case SettingType::kRange:
      EXPECT_TRUE(accepts("-1, 1.5"));
      for (const char* wrong : {"", "5", "1,1", "2,1", "1,2,3", "a,b", "1,", "nan,1", "0,1e7"}) {
        EXPECT_FALSE(accepts(wrong)) << wrong;
      }
      break;
    case SettingType::kBool:
      for (const char* right : {"true", "FALSE", "1", "0", "yes", "No", "on", "off"}) {
        EXPECT_TRUE(accepts(right)) << right;
      }
      EXPECT_FALSE(accepts("2"));
      break;
    case SettingType::kChoice:
      EXPECT_TRUE(accepts(std::string(definition.choices.substr(0, definition.choices.find(' ')))));
      EXPECT_FALSE(accepts("no such choice"));
      EXPECT_FALSE(accepts(""));
      break;
    case SettingType::kTopic:
      EXPECT_TRUE(accepts(std::string(249, 'a')));
      for (const std::string& wrong : {std::string(250, 'a'), std::string(""), std::string(".."),
                                       std::string("a/b"), std::string("é")}) {
        EXPECT_FALSE(accepts(wrong)) << wrong;
      }
      break;
    case SettingType::kFileName:
      EXPECT_TRUE(accepts("a b.parquet"));
      EXPECT_FALSE(accepts("a/b"));
      EXPECT_FALSE(accepts(".."));
      EXPECT_FALSE(accepts(""));
      break;
    case SettingType::kText:
      EXPECT_EQ(accepts(""), definition.optional);
      EXPECT_TRUE(accepts("any text"));
      EXPECT_FALSE(accepts(std::string("a\0b", 3)));
      break;
  }
}

INSTANTIATE_TEST_SUITE_P(Table, EverySettingTest,
                         testing::ValuesIn(SettingsTable().begin(), SettingsTable().end()),
                         [](const auto& each) { return std::string(each.param.key); });

TEST(SettingsTableTest, HasTheNamesAndDefaultsOfTheContract) {
  const std::map<std::string_view, std::string_view> contract = {
      {"KAFKA_BROKER", ""},
      {"KAFKA_RAW_TOPIC", "iot.raw"},
      {"KAFKA_PROCESSED_TOPIC", "iot.processed"},
      {"KAFKA_ALERT_TOPIC", "iot.alerts"},
      {"KAFKA_DLQ_TOPIC", "iot.dlq"},
      {"KAFKA_SECURITY_PROTOCOL", "PLAINTEXT"},
      {"GEN_INTERVAL_SECONDS", "5"},
      {"GEN_DEVICE_COUNT", "10"},
      {"TEMP_RANGE", "20,55"},
      {"HUMIDITY_RANGE", "20,90"},
      {"TEMP_ALERT_THRESHOLD", "50"},
      {"HUMIDITY_ALERT_THRESHOLD", "25"},
      {"RAW_DATA_PATH", "data/raw"},
      {"PROCESSED_DATA_PATH", "data/processed"},
      {"BATCH_INPUT_PATH", "data/raw/sensor_log.jsonl"},
      {"BATCH_AGG_FILENAME", "aggregates.parquet"},
      {"BATCH_CLEANSED_FILENAME", "cleansed.parquet"},
      {"TEMP_MIN", "-50"},
      {"TEMP_MAX", "120"},
      {"HUMIDITY_MIN", "0"},
      {"HUMIDITY_MAX", "100"},
      {"STREAMING_GROUP_ID", "stream-processor"},
      {"STREAMING_AUTO_OFFSET", "earliest"},
      {"STREAMING_POLL_TIMEOUT_MS", "100"},
      {"STREAMING_BATCH_SIZE", "10000"},
      {"ALERT_WEBHOOK_URL", ""},
      {"ALERT_SLACK_WEBHOOK_URL", ""},
      {"ALERT_LOG_PATH", "logs/alerts.log"},
      {"DASHBOARD_CLEANSED_PATH", ""},
      {"DASHBOARD_AGGREGATES_PATH", ""},
      {"DASHBOARD_REFRESH_SECONDS", "30"},
      {"WAREHOUSE_CONN_STRING", ""},
      {"ALERT_MODE", "transitions"},
      {"ALLOWED_LATENESS", "0"},
      {"MAX_CLOCK_SKEW", "5m"},
      {"DEDUP_WINDOW", "0"},
      {"RULES_FILE", ""},
      {"RETENTION_AGE", "7d"},
      {"RETENTION_BYTES", "10GiB"},
      {"BATCH_INTERVAL", "1m"},
  };
  for (const auto& [key, value] : contract) {
    const SettingDefinition* definition = FindSetting(key);
    ASSERT_NE(definition, nullptr) << key;
    EXPECT_EQ(FormatSetting(*definition, Settings{}), value) << key;
  }
}

TEST(SettingsTableTest, ChoicesOfEnumsAreInTheOrderOfTheEnum) {
  Settings settings;
  const auto set = [&](const char* key, const char* value) {
    EXPECT_TRUE(ParseSetting(*FindSetting(key), value, settings)) << key;
  };
  set("ALERT_MODE", "every_event");
  EXPECT_EQ(settings.alert_mode, AlertMode::kEveryEvent);
  for (const char* name : {"debug", "info", "warning", "error"}) {
    LogLevel level{};
    ASSERT_TRUE(ParseLogLevel(name, level));
    set("LOG_LEVEL", name);
    EXPECT_EQ(settings.log_level, level);
  }
  for (const char* name : {"auto", "text", "logfmt", "json"}) {
    LogFormat format{};
    ASSERT_TRUE(ParseLogFormat(name, format));
    set("LOG_FORMAT", name);
    EXPECT_EQ(settings.log_format, format);
  }
  set("LOG_COMPRESSION", "ZSTD");
  EXPECT_EQ(settings.log_compression, "zstd");
}

TEST(ProcessEnvironmentTest, HasWhatTheProcessWasGiven) {
  ::setenv("TOCSIN_ENVIRONMENT_TEST", "a=b", 1);
  EXPECT_EQ(ProcessEnvironment().at("TOCSIN_ENVIRONMENT_TEST"), "a=b");
  ::unsetenv("TOCSIN_ENVIRONMENT_TEST");
}

}  // namespace
}  // namespace tocsin
