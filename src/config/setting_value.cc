#include "config/setting_value.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <type_traits>
#include <vector>

#include "base/json_text.h"
#include "config/units.h"

namespace tocsin {
namespace {

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

template <class Number>
std::optional<Number> ParseNumber(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if constexpr (std::is_floating_point_v<Number>) {
    if (!std::isfinite(value)) return std::nullopt;
  }
  return value;
}

std::optional<Range> ParseRange(std::string_view text) {
  const std::size_t comma = text.find(',');
  if (comma == std::string_view::npos) return std::nullopt;
  const auto low = ParseNumber<double>(Trim(text.substr(0, comma)));
  const auto high = ParseNumber<double>(Trim(text.substr(comma + 1)));
  if (!low || !high || *low >= *high) return std::nullopt;
  return Range{*low, *high};
}

std::optional<bool> ParseBool(std::string_view text) {
  const std::string word = YamlKey(text);
  for (const std::string_view yes : {"true", "1", "yes", "on"}) {
    if (word == yes) return true;
  }
  for (const std::string_view no : {"false", "0", "no", "off"}) {
    if (word == no) return false;
  }
  return std::nullopt;
}

std::vector<std::string_view> Choices(std::string_view joined) {
  std::vector<std::string_view> names;
  while (!joined.empty()) {
    const std::size_t end = std::min(joined.find(' '), joined.size());
    names.push_back(joined.substr(0, end));
    joined.remove_prefix(std::min(end + 1, joined.size()));
  }
  return names;
}

std::optional<std::size_t> FindChoice(std::string_view joined, std::string_view text) {
  const std::vector<std::string_view> names = Choices(joined);
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (YamlKey(names[i]) == YamlKey(text)) return i;
  }
  return std::nullopt;
}

bool IsTopicName(std::string_view text) {
  return !text.empty() && text.size() <= 249 && text != "." && text != ".." &&
         std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '_' || c == '-';
         });
}

bool IsText(const SettingDefinition& definition, std::string_view text) {
  if (text.find('\0') != std::string_view::npos) return false;
  switch (definition.type) {
    case SettingType::kTopic:
      return IsTopicName(text);
    case SettingType::kFileName:
      return !text.empty() && text.find('/') == std::string_view::npos && text != "." &&
             text != "..";
    default:
      return definition.optional || !text.empty();
  }
}

bool Within(const SettingDefinition& definition, double value) {
  return value >= definition.min && value <= definition.max;
}

// Each Store reads `text` into `place`; false when it is not allowed.
bool Store(const SettingDefinition& definition, std::string_view text, std::string& place) {
  if (definition.type == SettingType::kChoice) {
    const auto index = FindChoice(definition.choices, Trim(text));
    if (index) place = Choices(definition.choices)[*index];
    return index.has_value();
  }
  if (!IsText(definition, text)) return false;
  place = text;
  return true;
}

bool Store(const SettingDefinition&, std::string_view text, bool& place) {
  const auto value = ParseBool(Trim(text));
  if (value) place = *value;
  return value.has_value();
}

bool Store(const SettingDefinition& definition, std::string_view text, std::int64_t& place) {
  std::optional<std::int64_t> value;
  if (definition.type == SettingType::kInteger) {
    value = ParseNumber<std::int64_t>(Trim(text));
  } else {
    const auto parsed = definition.type == SettingType::kDuration ? ParseDurationUs(Trim(text))
                                                                  : ParseBytes(Trim(text));
    if (parsed) value = *parsed;
  }
  if (!value || !Within(definition, static_cast<double>(*value))) return false;
  place = *value;
  return true;
}

bool Store(const SettingDefinition& definition, std::string_view text, double& place) {
  const auto value = ParseNumber<double>(Trim(text));
  if (!value || !Within(definition, *value)) return false;
  place = *value;
  return true;
}

bool Store(const SettingDefinition& definition, std::string_view text, Range& place) {
  const auto value = ParseRange(text);
  if (!value || !Within(definition, value->low) || !Within(definition, value->high)) return false;
  place = *value;
  return true;
}

template <class Enum>
  requires std::is_enum_v<Enum>
bool Store(const SettingDefinition& definition, std::string_view text, Enum& place) {
  const auto index = FindChoice(definition.choices, Trim(text));
  if (index) place = static_cast<Enum>(*index);
  return index.has_value();
}

std::string Show(const SettingDefinition&, const std::string& value) {
  return value;
}
std::string Show(const SettingDefinition&, bool value) {
  return value ? "true" : "false";
}
std::string Show(const SettingDefinition&, double value) {
  return NumberText(value);
}
std::string Show(const SettingDefinition&, const Range& value) {
  return NumberText(value.low) + "," + NumberText(value.high);
}
std::string Show(const SettingDefinition& definition, std::int64_t value) {
  switch (definition.type) {
    case SettingType::kDuration:
      return FormatDurationUs(value);
    case SettingType::kBytes:
      return FormatBytes(value);
    default:
      return std::to_string(value);
  }
}
template <class Enum>
  requires std::is_enum_v<Enum>
std::string Show(const SettingDefinition& definition, Enum value) {
  return std::string(Choices(definition.choices)[static_cast<std::size_t>(value)]);
}

template <class Metrics>
auto FindMetric(Metrics& metrics, std::string_view name) {
  return std::ranges::find(metrics, name, &MetricSpec::name);
}

std::string Limits(const SettingDefinition& definition) {
  if (std::isinf(definition.min)) return "";
  const auto show = [&](double limit) {
    const bool scaled =
        definition.type == SettingType::kDuration || definition.type == SettingType::kBytes;
    return scaled ? Show(definition, static_cast<std::int64_t>(limit)) : NumberText(limit);
  };
  return " from " + show(definition.min) + " to " + show(definition.max);
}

}  // namespace

std::string NumberText(double value) {
  std::string text;
  // Whole numbers are written out: 1000000, not the shorter 1e+06.
  if (std::abs(value) < 1e15 && value == std::floor(value)) {
    AppendJsonNumber(text, static_cast<std::int64_t>(value));
  } else {
    AppendJsonNumber(text, value);
  }
  return text;
}

Status ParseSetting(const SettingDefinition& definition, std::string_view text,
                    Settings& settings) {
  const bool stored = std::visit(
      [&](const auto& target) {
        if constexpr (std::is_same_v<std::remove_cvref_t<decltype(target)>, MetricBound>) {
          double value = 0;
          if (!Store(definition, text, value)) return false;
          const auto metric = FindMetric(settings.metrics, target.metric);
          if (metric != settings.metrics.end()) (*metric).*target.bound = value;
          return true;
        } else {
          return Store(definition, text, settings.*target);
        }
      },
      definition.target);
  if (!stored) return Fail(Code::kConfiguration, AllowedText(definition));
  return {};
}

std::string FormatSetting(const SettingDefinition& definition, const Settings& settings) {
  return std::visit(
      [&](const auto& target) -> std::string {
        if constexpr (std::is_same_v<std::remove_cvref_t<decltype(target)>, MetricBound>) {
          const auto metric = FindMetric(settings.metrics, target.metric);
          return metric == settings.metrics.end() ? "" : NumberText((*metric).*target.bound);
        } else {
          return Show(definition, settings.*target);
        }
      },
      definition.target);
}

std::string AllowedText(const SettingDefinition& definition) {
  switch (definition.type) {
    case SettingType::kText:
      return "must be a text that is not empty";
    case SettingType::kTopic:
      return "must be a topic name: 1 to 249 letters, digits, dots, underscores or hyphens";
    case SettingType::kFileName:
      return "must be a file name without a directory";
    case SettingType::kBool:
      return "must be true or false";
    case SettingType::kInteger:
      return "must be a whole number" + Limits(definition);
    case SettingType::kNumber:
      return "must be a number" + Limits(definition);
    case SettingType::kDuration:
      return "must be a duration such as 30s, 5m or 1h30m," + Limits(definition);
    case SettingType::kBytes:
      return "must be a size such as 65536, 64KiB or 10GiB," + Limits(definition);
    case SettingType::kRange:
      return "must be two numbers low,high with low below high, such as 20,55," +
             Limits(definition);
    case SettingType::kChoice:
      break;
  }
  std::string text = "must be one of ";
  const std::vector<std::string_view> names = Choices(definition.choices);
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += ", ";
    text += names[i];
  }
  return text;
}

}  // namespace tocsin
