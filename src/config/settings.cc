#include "config/settings.h"

#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/file.h"
#include "config/dotenv.h"
#include "config/setting_value.h"
#include "config/settings_table.h"
#include "config/yaml_file.h"

namespace tocsin {
namespace {

constexpr std::string_view kDefaultConfigPath = "tocsin.yaml";
constexpr std::string_view kDefaultOrigin = "default";

struct SourcedText {
  std::string text;
  std::string source;
};

std::unexpected<Error> WrongValue(const SettingDefinition& definition, const SourcedText& value,
                                  std::string_view why) {
  const std::string shown = definition.secret && !value.text.empty() ? "***" : value.text;
  return Fail(Code::kConfiguration, std::string(definition.key) + "='" + shown + "' (from " +
                                        value.source + "): " + std::string(why));
}

// A file that may be missing: nothing then.
Result<std::optional<std::string>> ReadOptionalFile(const std::string& path) {
  Result<std::string> text = ReadWholeFile(path);
  if (text) return std::optional(std::move(*text));
  if (text.error().code() == Code::kNotFound) return std::optional<std::string>();
  return Fail(Code::kConfiguration, text.error().message());
}

class Loader {
 public:
  explicit Loader(const SettingsSources& sources) : sources_(sources) {}

  Result<Settings> Load() {
    TOCSIN_TRY(ReadDotenv());
    TOCSIN_TRY(ReadConfigFile());
    TOCSIN_TRY(CheckFlagKeys());
    settings_.origin["METRICS"] = kDefaultOrigin;
    if (!yaml_.metrics.empty()) {
      settings_.metrics = yaml_.metrics;
      settings_.origin["METRICS"] = YamlSource(yaml_.metrics_line);
    }
    for (const SettingDefinition& definition : SettingsTable()) TOCSIN_TRY(Apply(definition));
    FollowDataDir();
    TOCSIN_TRY(CheckMetricRanges());
    TOCSIN_TRY(CheckTopics());
    return std::move(settings_);
  }

 private:
  Status ReadDotenv() {
    if (sources_.dotenv_path.empty()) return {};
    TOCSIN_ASSIGN(const auto text, ReadOptionalFile(sources_.dotenv_path));
    if (!text) return {};
    auto entries =
        ParseDotenv(*text, [](std::string_view key) { return FindSetting(key) != nullptr; });
    if (!entries)
      return std::unexpected(std::move(entries).error().WithContext(sources_.dotenv_path));
    dotenv_ = std::move(*entries);
    return {};
  }

  Status ReadConfigFile() {
    const bool named = !sources_.config_path.empty();
    config_path_ = named ? sources_.config_path : std::string(kDefaultConfigPath);
    TOCSIN_ASSIGN(const auto text, ReadOptionalFile(config_path_));
    if (!text && named) {
      return Fail(Code::kConfiguration,
                  "configuration file '" + config_path_ + "' does not exist; check --config");
    }
    if (!text) return {};
    auto file = ParseYamlFile(*text, [this](std::string_view name) { return Variable(name); });
    if (!file) return std::unexpected(std::move(file).error().WithContext(config_path_));
    yaml_ = std::move(*file);
    return {};
  }

  // A key that only the command line can have got wrong is our own mistake.
  Status CheckFlagKeys() const {
    for (const auto& [key, value] : sources_.flags) {
      if (FindSetting(key) == nullptr) return Fail(Code::kInternal, "no setting '" + key + "'");
    }
    return {};
  }

  std::optional<std::string> Variable(std::string_view name) const {
    const std::string key(name);
    if (const auto set = sources_.environment.find(key); set != sources_.environment.end()) {
      return set->second;
    }
    if (const auto set = dotenv_.find(key); set != dotenv_.end()) return set->second.value;
    return std::nullopt;
  }

  std::string YamlSource(std::size_t line) const {
    return config_path_ + ":" + std::to_string(line);
  }

  // What the sources say about a key, the strongest first.
  std::vector<SourcedText> Candidates(const std::string& key) const {
    std::vector<SourcedText> found;
    if (const auto set = sources_.flags.find(key); set != sources_.flags.end()) {
      const auto name = sources_.flag_names.find(key);
      const bool named = name != sources_.flag_names.end();
      found.push_back({set->second, "flag " + (named ? name->second : "for " + key)});
    }
    if (const auto set = sources_.environment.find(key); set != sources_.environment.end()) {
      found.push_back({set->second, "environment"});
    }
    if (const auto set = dotenv_.find(key); set != dotenv_.end()) {
      found.push_back(
          {set->second.value, sources_.dotenv_path + ":" + std::to_string(set->second.line)});
    }
    const auto set = std::ranges::find(yaml_.settings, key, &YamlSetting::key);
    if (set != yaml_.settings.end()) found.push_back({set->value, YamlSource(set->line)});
    return found;
  }

  Status Apply(const SettingDefinition& definition) {
    const std::string key(definition.key);
    settings_.origin[key] = kDefaultOrigin;
    for (const SourcedText& value : Candidates(key)) {
      const bool flag = value.source.starts_with("flag ");
      if (value.text.empty() && !definition.optional && !flag) continue;
      const Status parsed = ParseSetting(definition, value.text, settings_);
      if (!parsed) return WrongValue(definition, value, parsed.error().message());
      settings_.origin[key] = value.source;
      break;
    }
    return {};
  }

  bool IsDefault(std::string_view key) const {
    return settings_.origin.find(key)->second == kDefaultOrigin;
  }

  void FollowDataDir() {
    if (!IsDefault("DATA_DIR")) {
      const bool slash = settings_.data_dir.ends_with('/');
      const std::string prefix = settings_.data_dir + (slash ? "" : "/");
      for (const SettingDefinition& definition : SettingsTable()) {
        if (definition.below_data_dir.empty() || !IsDefault(definition.key)) continue;
        settings_.*std::get<std::string Settings::*>(definition.target) =
            prefix + std::string(definition.below_data_dir);
        settings_.origin[std::string(definition.key)] = "DATA_DIR";
      }
    }
    const auto follow = [this](std::string& path, const std::string& file) {
      if (path.empty()) path = settings_.processed_data_path + "/" + file;
    };
    follow(settings_.dashboard_cleansed_path, settings_.batch_cleansed_filename);
    follow(settings_.dashboard_aggregates_path, settings_.batch_agg_filename);
  }

  SourcedText Present(const SettingDefinition& definition) const {
    return {FormatSetting(definition, settings_), settings_.origin.find(definition.key)->second};
  }

  // TEMP_MIN and its like can turn a declared range upside down.
  Status CheckMetricRanges() const {
    for (const SettingDefinition& definition : SettingsTable()) {
      const auto* bound = std::get_if<MetricBound>(&definition.target);
      if (bound == nullptr || IsDefault(definition.key)) continue;
      const auto metric = std::ranges::find(settings_.metrics, bound->metric, &MetricSpec::name);
      if (metric == settings_.metrics.end() || metric->min <= metric->max) continue;
      const bool is_min = bound->bound == &MetricSpec::min;
      return WrongValue(definition, Present(definition),
                        is_min ? "must not be above the highest valid " + metric->name + ", " +
                                     NumberText(metric->max)
                               : "must not be below the lowest valid " + metric->name + ", " +
                                     NumberText(metric->min));
    }
    return {};
  }

  // A topic that is read and written by one stage would feed itself for ever.
  Status CheckTopics() const {
    std::map<std::string, std::string_view> keys;  // topic -> key
    for (const SettingDefinition& definition : SettingsTable()) {
      if (definition.type != SettingType::kTopic) continue;
      const auto [other, fresh] =
          keys.emplace(FormatSetting(definition, settings_), definition.key);
      if (fresh) continue;
      return WrongValue(definition, Present(definition),
                        "must differ from " + std::string(other->second));
    }
    return {};
  }

  const SettingsSources& sources_;
  std::string config_path_;
  std::map<std::string, DotenvEntry> dotenv_;
  YamlFile yaml_;
  Settings settings_;
};

std::unexpected<Error> NotBuilt(const Settings& settings, std::string_view key,
                                std::string_view why) {
  const SettingDefinition& definition = *FindSetting(key);
  const auto origin = settings.origin.find(key);
  return WrongValue(definition,
                    {FormatSetting(definition, settings),
                     origin == settings.origin.end() ? "default" : origin->second},
                    why);
}

}  // namespace

Result<Settings> LoadSettings(const SettingsSources& sources) {
  return Loader(sources).Load();
}

Status CheckBuilt(const Settings& settings) {
  if (!settings.warehouse_conn_string.empty()) {
    return NotBuilt(settings, "WAREHOUSE_CONN_STRING",
                    "the warehouse sink is not built yet; unset it and read the Parquet files");
  }
  return {};
}

std::vector<std::string> WarningsFor(const Settings& settings) {
  std::vector<std::string> warnings;
  for (const SettingDefinition& definition : SettingsTable()) {
    const auto* bound = std::get_if<MetricBound>(&definition.target);
    const auto origin = settings.origin.find(definition.key);
    if (bound == nullptr || origin == settings.origin.end() || origin->second == kDefaultOrigin) {
      continue;
    }
    const auto metric = std::ranges::find(settings.metrics, bound->metric, &MetricSpec::name);
    if (metric != settings.metrics.end()) continue;
    warnings.push_back(std::string(definition.key) + " (from " + origin->second +
                       ") has no effect: no metric '" + std::string(bound->metric) +
                       "' is declared");
  }
  return warnings;
}

std::map<std::string, std::string> ProcessEnvironment() {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos || equals == 0) continue;
    variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

}  // namespace tocsin
