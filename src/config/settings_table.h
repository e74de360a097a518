#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <variant>

#include "config/settings.h"

// The table of every setting: parsing, messages, `config print`, .env.example, the reference page
// and the schema of tocsin.yaml all come from it. A setting is added here and in Settings, nowhere
// else; its default is the initialiser in Settings.
namespace tocsin {

enum class SettingType : std::uint8_t {
  kText,      // any text
  kTopic,     // 1 to 249 of [A-Za-z0-9._-], neither "." nor ".."
  kFileName,  // a file name without a directory
  kChoice,    // one of `choices`, in any case
  kBool,      // true/false, yes/no, on/off, 1/0
  kInteger,
  kNumber,    // a finite double
  kDuration,  // microseconds, written as in units.h
  kBytes,     // written as in units.h
  kRange,     // "low,high", low < high
};

enum class SettingGroup : std::uint8_t {
  kLog,
  kKafka,
  kGenerator,
  kEvents,
  kProcessing,
  kBatch,
  kAlerts,
  kDashboard,
  kHttp,
  kMessages
};
inline constexpr std::size_t kSettingGroupCount = 10;
std::string_view GroupTitle(SettingGroup group);

// One end of the valid range of a declared metric: TEMP_MIN and its like.
struct MetricBound {
  std::string_view metric;
  double MetricSpec::* bound;
};

// Where the value lives. A choice kept in an enum is its position in `choices`.
using SettingTarget =
    std::variant<std::string Settings::*, bool Settings::*, std::int64_t Settings::*,
                 double Settings::*, Range Settings::*, AlertMode Settings::*, LogLevel Settings::*,
                 LogFormat Settings::*, MetricBound>;

struct SettingDefinition {
  std::string_view key;  // environment and .env name; tocsin.yaml has it in lower case
  SettingGroup group;
  SettingType type;
  SettingTarget target;
  std::string_view doc;                                   // one line
  double min = -std::numeric_limits<double>::infinity();  // microseconds, bytes or `unit`
  double max = std::numeric_limits<double>::infinity();
  std::string_view unit = {};     // for people, when the value does not carry it
  std::string_view choices = {};  // of kChoice: names separated by one space
  bool optional = false;          // text that may be empty, which means "not set"
  bool secret = false;            // never shown
  // A path that follows an explicit DATA_DIR while it is at its default: its place below it.
  std::string_view below_data_dir = {};
};

// In the order of the documentation, groups together.
std::span<const SettingDefinition> SettingsTable();
// The definition of a key, or nullptr.
const SettingDefinition* FindSetting(std::string_view key);
// "KAFKA_BROKER" → "kafka_broker".
std::string YamlKey(std::string_view key);

}  // namespace tocsin
