// Arbitrary bytes as .env, as tocsin.yaml, as a duration, as a size and as the value of every
// setting. What is accepted must read back as itself.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "config/dotenv.h"
#include "config/setting_value.h"
#include "config/settings_table.h"
#include "config/units.h"
#include "config/yaml_file.h"

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

void CheckUnits(std::string_view text) {
  if (const auto us = tocsin::ParseDurationUs(text)) {
    Require(*us >= 0 && tocsin::ParseDurationUs(tocsin::FormatDurationUs(*us)) == *us);
  }
  if (const auto bytes = tocsin::ParseBytes(text)) {
    Require(*bytes >= 0 && tocsin::ParseBytes(tocsin::FormatBytes(*bytes)) == *bytes);
  }
}

void CheckSettings(std::string_view text) {
  for (const tocsin::SettingDefinition& definition : tocsin::SettingsTable()) {
    tocsin::Settings settings;
    if (!tocsin::ParseSetting(definition, text, settings)) continue;
    const std::string shown = tocsin::FormatSetting(definition, settings);
    Require(tocsin::ParseSetting(definition, shown, settings).has_value());
    Require(tocsin::FormatSetting(definition, settings) == shown);
  }
}

void CheckYaml(std::string_view text) {
  const auto file = tocsin::ParseYamlFile(text, [](std::string_view name) {
    return name.size() % 2 == 0 ? std::optional<std::string>(name) : std::nullopt;
  });
  if (!file) return;
  for (const tocsin::YamlSetting& setting : file->settings) {
    Require(setting.line > 0 && tocsin::FindSetting(setting.key) != nullptr);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto entries = tocsin::ParseDotenv(
      text, [](std::string_view key) { return tocsin::FindSetting(key) != nullptr; });
  if (entries) {
    for (const auto& [key, entry] : *entries) Require(!key.empty() && entry.line > 0);
  }
  CheckYaml(text);
  CheckUnits(text);
  CheckSettings(text);
  return 0;
}
