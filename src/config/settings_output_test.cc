#include "config/settings_output.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "config/dotenv.h"
#include "config/setting_value.h"
#include "config/settings_table.h"
#include "config/yaml_file.h"

namespace tocsin {
namespace {

using nlohmann::json;

Settings Sample() {
  SettingsSources sources;
  sources.dotenv_path = "";
  sources.environment = {{"ALERT_SLACK_WEBHOOK_URL", "https://hooks.example/T0/secret"},
                         {"DATA_DIR", "a dir/with \"quotes\" #1"},
                         {"TEMP_RANGE", "10,60.5"}};
  return LoadSettings(sources).value();
}

TEST(PrintSettingsTest, HidesSecrets) {
  for (const bool as_json : {false, true}) {
    const std::string text = PrintSettings(Sample(), as_json, true);
    EXPECT_EQ(text.find("secret"), std::string::npos);
    EXPECT_NE(text.find("***"), std::string::npos);
  }
}

TEST(PrintSettingsTest, ItsTextIsADotenvFileOfTheSameSettings) {
  const Settings settings = Sample();
  const auto entries = ParseDotenv(PrintSettings(settings, false, true),
                                   [](std::string_view key) { return !key.empty(); });
  ASSERT_TRUE(entries) << entries.error().message();
  EXPECT_EQ(entries->size(), SettingsTable().size());
  for (const SettingDefinition& definition : SettingsTable()) {
    const std::string& value = entries->at(std::string(definition.key)).value;
    const bool hidden = definition.secret && !value.empty();
    EXPECT_EQ(value, hidden ? "***" : FormatSetting(definition, settings)) << definition.key;
  }
}

TEST(PrintSettingsTest, JsonHasValuesAndOrigins) {
  const json plain = json::parse(PrintSettings(Sample(), true, false));
  EXPECT_EQ(plain.at("TEMP_RANGE"), "10,60.5");
  EXPECT_EQ(plain.at("TOPIC_PARTITIONS"), 4);
  EXPECT_EQ(plain.at("RETENTION_FORCE"), false);
  EXPECT_EQ(plain.at("METRICS").size(), 2U);
  EXPECT_EQ(plain.at("METRICS")[0].at("max"), 120);
  const json origins = json::parse(PrintSettings(Sample(), true, true));
  EXPECT_EQ(origins.at("DATA_DIR").at("origin"), "environment");
  EXPECT_EQ(origins.at("RAW_DATA_PATH").at("origin"), "DATA_DIR");
  EXPECT_EQ(origins.at("METRICS").at("origin"), "default");
  EXPECT_EQ(origins.size(), SettingsTable().size() + 1);
}

TEST(PrintSettingsTest, ABoundThatWasNotDeclaredIsNull) {
  Settings settings;
  settings.metrics = ParseYamlFile("metrics: [{name: co2}]", {}).value().metrics;
  const json plain = json::parse(PrintSettings(settings, true, false));
  EXPECT_TRUE(plain.at("METRICS")[0].at("min").is_null());
  EXPECT_TRUE(plain.at("TEMP_MIN").is_null());
  EXPECT_NE(PrintSettings(settings, false, false).find("# metric co2 from any to any, required"),
            std::string::npos);
}

TEST(SettingsSchemaTest, DescribesEveryKeyAndNothingElse) {
  const json schema = json::parse(SettingsSchema());
  EXPECT_EQ(schema.at("additionalProperties"), false);
  const json& properties = schema.at("properties");
  EXPECT_EQ(properties.size(), SettingsTable().size() + 1);
  EXPECT_EQ(properties.at("topic_partitions").at("anyOf")[0].at("maximum"), 1000);
  EXPECT_EQ(properties.at("log_compression").at("anyOf")[0].at("enum"),
            json({"none", "lz4", "zstd"}));
  EXPECT_EQ(properties.at("retention_age").at("default"), "7d");
}

TEST(EnvExampleTest, UncommentedItIsTheDefaults) {
  std::string text = EnvExample();
  for (std::size_t at = 0; (at = text.find("\n#", at)) != std::string::npos; ++at) {
    if (text[at + 2] >= 'A' && text[at + 2] <= 'Z') text.erase(at + 1, 1);
  }
  const auto entries = ParseDotenv(text, [](std::string_view key) { return !key.empty(); });
  ASSERT_TRUE(entries) << entries.error().message();
  EXPECT_EQ(entries->size(), SettingsTable().size());
  for (const SettingDefinition& definition : SettingsTable()) {
    EXPECT_EQ(entries->at(std::string(definition.key)).value,
              FormatSetting(definition, Settings{}));
  }
}

TEST(SettingsReferenceTest, NamesEveryKey) {
  const std::string page = SettingsReferenceMarkdown();
  for (const SettingDefinition& definition : SettingsTable()) {
    EXPECT_NE(page.find("| `" + std::string(definition.key) + "` |"), std::string::npos);
  }
}

}  // namespace
}  // namespace tocsin
