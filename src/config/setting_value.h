#pragma once

#include <string>
#include <string_view>

#include "config/settings.h"
#include "config/settings_table.h"

// One setting's value as text and back.
namespace tocsin {

// Reads `text` into the setting's place in `settings`. kConfiguration with what is allowed, without
// the key and the value. A MetricBound whose metric is not declared is checked and then left alone.
Status ParseSetting(const SettingDefinition& definition, std::string_view text, Settings& settings);

// The value as it can be written in .env: ParseSetting reads it back. Secrets are shown. Empty for
// a bound of a metric that is not declared.
std::string FormatSetting(const SettingDefinition& definition, const Settings& settings);

// "must be a duration such as 30s or 5m, from 0 to 30d".
std::string AllowedText(const SettingDefinition& definition);

// 0.1, 50, -3.25: the shortest text of a number.
std::string NumberText(double value);

}  // namespace tocsin
