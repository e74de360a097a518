#include "config/settings_output.h"

#include <cmath>
#include <limits>

#include "base/json_text.h"
#include "config/setting_value.h"
#include "config/settings_table.h"

namespace tocsin {
namespace {

std::string OriginOf(const Settings& settings, std::string_view key) {
  const auto found = settings.origin.find(key);
  return found == settings.origin.end() ? "default" : found->second;
}

std::string Shown(const SettingDefinition& definition, const Settings& settings) {
  std::string value = FormatSetting(definition, settings);
  return definition.secret && !value.empty() ? "***" : value;
}

// Quotes a value that .env would otherwise read differently.
std::string EnvValue(const std::string& value) {
  if (value.find_first_of(" \t\r\n#'\"\\$") == std::string::npos) return value;
  std::string quoted = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\' || c == '$') quoted += '\\';
    if (c == '\n') {
      quoted += "\\n";
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

bool IsUnbounded(double bound) {
  return std::abs(bound) == std::numeric_limits<double>::max();
}

void AppendJsonBound(std::string& out, double bound) {
  // A bound that was not declared is the end of the double range, which is no news to a reader.
  AppendJsonNumber(out, IsUnbounded(bound) ? std::numeric_limits<double>::quiet_NaN() : bound);
}

void AppendMetricJson(std::string& out, const MetricSpec& metric) {
  out += "{\"name\": ";
  AppendJsonString(out, metric.name);
  out += ", \"unit\": ";
  AppendJsonString(out, metric.unit);
  out += ", \"min\": ";
  AppendJsonBound(out, metric.min);
  out += ", \"max\": ";
  AppendJsonBound(out, metric.max);
  out += ", \"required\": ";
  out += metric.required ? "true" : "false";
  out += ", \"type\": ";
  out += metric.is_bool ? "\"bool\"}" : "\"number\"}";
}

void AppendJsonValue(std::string& out, const SettingDefinition& definition,
                     const Settings& settings) {
  const std::string value = Shown(definition, settings);
  const bool literal = definition.type == SettingType::kBool ||
                       definition.type == SettingType::kInteger ||
                       definition.type == SettingType::kNumber;
  if (literal) {
    out += value.empty() ? "null" : value;
  } else {
    AppendJsonString(out, value);
  }
}

std::string PrintJson(const Settings& settings, bool with_origin) {
  std::string out = "{\n";
  const auto append = [&](std::string_view key, const auto& append_value) {
    out += "  ";
    AppendJsonString(out, key);
    out += ": ";
    if (with_origin) out += "{\"value\": ";
    append_value();
    if (!with_origin) return;
    out += ", \"origin\": ";
    AppendJsonString(out, OriginOf(settings, key));
    out += '}';
  };
  for (const SettingDefinition& definition : SettingsTable()) {
    append(definition.key, [&] { AppendJsonValue(out, definition, settings); });
    out += ",\n";
  }
  append("METRICS", [&] {
    out += '[';
    for (const MetricSpec& metric : settings.metrics) {
      if (&metric != settings.metrics.data()) out += ", ";
      AppendMetricJson(out, metric);
    }
    out += ']';
  });
  return out + "\n}\n";
}

std::string MetricLine(const MetricSpec& metric) {
  const auto bound = [](double value) { return IsUnbounded(value) ? "any" : NumberText(value); };
  std::string line = "# metric " + metric.name;
  if (!metric.unit.empty()) line += " [" + metric.unit + "]";
  line += " from " + bound(metric.min) + " to " + bound(metric.max);
  line += metric.required ? ", required" : ", optional";
  return line + (metric.is_bool ? ", bool" : "");
}

std::string DefaultText(const SettingDefinition& definition) {
  return FormatSetting(definition, Settings{});
}

// The part of a schema property that says which values are allowed. Every value may also be a
// text with ${VAR}.
std::string SchemaType(const SettingDefinition& definition) {
  const auto number = [&](const char* type) {
    std::string text = std::string("{\"type\": \"") + type + "\"";
    if (std::isfinite(definition.min)) {
      text += ", \"minimum\": " + NumberText(definition.min) +
              ", \"maximum\": " + NumberText(definition.max);
    }
    return text + "}";
  };
  constexpr std::string_view kVariable = ", {\"type\": \"string\", \"pattern\": \"\\\\$\\\\{\"}";
  switch (definition.type) {
    case SettingType::kInteger:
      return "\"anyOf\": [" + number("integer") + std::string(kVariable) + "]";
    case SettingType::kNumber:
      return "\"anyOf\": [" + number("number") + std::string(kVariable) + "]";
    case SettingType::kBool:
      return "\"anyOf\": [{\"type\": \"boolean\"}" + std::string(kVariable) + "]";
    case SettingType::kChoice: {
      std::string names;
      AppendJsonString(names, definition.choices);
      for (std::size_t at = names.find(' '); at != std::string::npos; at = names.find(' ', at)) {
        names.replace(at, 1, "\",\"");
      }
      return "\"anyOf\": [{\"enum\": [" + names + "]}" + std::string(kVariable) + "]";
    }
    case SettingType::kRange:
      return "\"anyOf\": [{\"type\": \"string\"}, {\"type\": \"array\", \"items\": {\"type\": "
             "\"number\"}, \"minItems\": 2, \"maxItems\": 2}]";
    case SettingType::kBytes:
    case SettingType::kDuration:
      return "\"type\": [\"string\", \"integer\"]";
    default:
      return definition.optional ? "\"type\": [\"string\", \"null\"]" : "\"type\": \"string\"";
  }
}

constexpr std::string_view kMetricsSchema = R"(    "metrics": {
      "description": "The fields of an event that are checked and stored; replaces the default declaration of temperature and humidity",
      "type": "array", "minItems": 1,
      "items": {
        "type": "object", "additionalProperties": false, "required": ["name"],
        "properties": {
          "name": {"type": "string", "pattern": "^[a-z_][a-z0-9_]*$"},
          "unit": {"type": "string"},
          "min": {"type": "number"},
          "max": {"type": "number"},
          "required": {"type": "boolean", "default": true},
          "type": {"enum": ["number", "bool"], "default": "number"}
        }
      }
    }
)";

constexpr std::string_view kReferenceHead = R"(# Settings

Generated from the table of settings by `generate_docs`; a test keeps it fresh.

Every setting has one name. It can be given in four places, the strongest first:

1. a command line flag, where the command has one (`tocsin COMMAND --help`),
2. the environment: `TEMP_ALERT_THRESHOLD=55`,
3. the file `.env` in the working directory, with the same names (`.env.example` lists them all),
4. the file `tocsin.yaml` in the working directory, or the one named by `--config`, with the names
   in lower case: `temp_alert_threshold: 55`.

An empty value means "not set". Keys of other programs in the environment and in `.env` are ignored;
an unknown key in `tocsin.yaml` is an error that names its line. A wrong value ends the program with
exit code 78 and a message that names the key, the value, its source and what is allowed.
`tocsin config print --origin` shows every value with where it came from.

Durations are whole numbers with a unit, the largest first: `250ms`, `30s`, `5m`, `1h30m`, `7d`.
Sizes are bytes, or have a unit: `65536`, `64KiB`, `512MiB`, `10GiB` (also `kB`, `MB`, `GB`).

A path left at its default follows an explicit `DATA_DIR`: `DATA_DIR=/srv/tocsin` puts the outputs
into `/srv/tocsin/processed`, the alert log into `/srv/tocsin/logs/alerts.log`, and so on.

In `tocsin.yaml`, `${VAR}` stands for a variable of the environment or of `.env`,
`${VAR:-default}` has a default for one that is not set, and `$$` is a dollar sign.
)";

constexpr std::string_view kReferenceTail = R"(
## Metrics

The fields of an event that are checked, stored in columns and usable in rules are declared in
`tocsin.yaml`. A list given there replaces the default declaration:

```yaml
metrics:
  - {name: temperature, unit: "°C", min: -50, max: 120, required: true}
  - {name: humidity, unit: "%", min: 0, max: 100, required: true}
  - {name: light, unit: lux, min: 0, max: 100000, required: false}
  - {name: motion, type: bool, required: false}
```

| field | meaning |
|---|---|
| `name` | lower-case letters, digits and underscores; no field name of the alert record |
| `unit` | for people |
| `min`, `max` | valid range, both ends included; a value outside is a dead letter `out_of_range`; not given = no bound |
| `required` | an event without it is a dead letter `missing_field`; default `true` |
| `type` | `number`, or `bool` for JSON true and false, stored as 1 and 0; default `number` |

`TEMP_MIN`, `TEMP_MAX`, `HUMIDITY_MIN` and `HUMIDITY_MAX` override the range of the metric
`temperature` or `humidity`. Fields that are not declared pass through untouched.
)";

std::string AllowedCell(const SettingDefinition& definition) {
  if (definition.optional) return "any text, or empty";
  std::string text = AllowedText(definition);
  for (const std::string_view prefix : {"must be one of ", "must be "}) {
    if (!text.starts_with(prefix)) continue;
    text.erase(0, prefix.size());
    break;
  }
  if (!definition.unit.empty()) text += ", in " + std::string(definition.unit);
  return text;
}

}  // namespace

std::string PrintSettings(const Settings& settings, bool json, bool with_origin) {
  if (json) return PrintJson(settings, with_origin);
  std::string out;
  for (const SettingDefinition& definition : SettingsTable()) {
    out += std::string(definition.key) + "=" + EnvValue(Shown(definition, settings));
    if (with_origin) out += "  # " + OriginOf(settings, definition.key);
    out += '\n';
  }
  for (const MetricSpec& metric : settings.metrics) {
    out += MetricLine(metric);
    if (with_origin) out += "  # " + OriginOf(settings, "METRICS");
    out += '\n';
  }
  return out;
}

std::string SettingsSchema() {
  std::string out =
      "{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
      "  \"title\": \"tocsin.yaml\",\n  \"type\": \"object\",\n"
      "  \"additionalProperties\": false,\n  \"properties\": {\n";
  for (const SettingDefinition& definition : SettingsTable()) {
    out += "    ";
    AppendJsonString(out, YamlKey(definition.key));
    out += ": {\"description\": ";
    AppendJsonString(out, definition.doc);
    out += ", ";
    out += SchemaType(definition);
    out += ", \"default\": ";
    AppendJsonValue(out, definition, Settings{});
    out += "},\n";
  }
  out += kMetricsSchema;
  return out + "  }\n}\n";
}

std::string SettingsReferenceMarkdown() {
  std::string out(kReferenceHead);
  const SettingDefinition* previous = nullptr;
  for (const SettingDefinition& definition : SettingsTable()) {
    if (previous == nullptr || previous->group != definition.group) {
      out += "\n## " + std::string(GroupTitle(definition.group));
      out += "\n\n| key | default | allowed | meaning |\n|---|---|---|---|\n";
    }
    previous = &definition;
    const std::string value = DefaultText(definition);
    out += "| `" + std::string(definition.key) + "` | ";
    out += value.empty() ? "not set" : "`" + value + "`";
    out += " | " + AllowedCell(definition) + " | " + std::string(definition.doc);
    out += definition.secret ? "; secret, never shown |\n" : " |\n";
  }
  return out + std::string(kReferenceTail);
}

std::string EnvExample() {
  std::string out =
      "# Settings of tocsin with their defaults. Copy to .env and uncomment what you change.\n"
      "# Generated by generate_docs; docs/reference/settings.md explains every key.\n";
  const SettingDefinition* previous = nullptr;
  for (const SettingDefinition& definition : SettingsTable()) {
    if (previous == nullptr || previous->group != definition.group) {
      out += "\n# --- " + std::string(GroupTitle(definition.group)) + "\n";
    }
    previous = &definition;
    out += "# " + std::string(definition.doc);
    if (!definition.unit.empty()) out += " (" + std::string(definition.unit) + ")";
    out += "\n#" + std::string(definition.key) + "=" + EnvValue(DefaultText(definition)) + "\n";
  }
  return out;
}

}  // namespace tocsin
