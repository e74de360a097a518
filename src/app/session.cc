#include "app/session.h"

#include <unistd.h>

#include <CLI/CLI.hpp>

#include "base/text.h"
#include "base/time_text.h"
#include "config/settings_table.h"
#include "config/units.h"

namespace tocsin {
namespace {

// Takes KEY=VALUE of --set; returns what is wrong with it.
std::string TakeSetting(Invocation& invocation, const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos) return "'" + text + "' is not KEY=VALUE";
  const std::string key = text.substr(0, equals);
  if (FindSetting(key) == nullptr) {
    std::vector<std::string_view> keys;
    for (const SettingDefinition& definition : SettingsTable()) keys.push_back(definition.key);
    const std::string_view near = Nearest(key, keys);
    return "there is no setting " + key +
           (near.empty() ? "; `tocsin config print` lists them"
                         : "; did you mean " + std::string(near) + "?");
  }
  invocation.sources.flags[key] = text.substr(equals + 1);
  invocation.sources.flag_names[key] = "--set";
  return "";
}

}  // namespace

void AddSettingFlag(CLI::App& command, Invocation& invocation, const std::string& flag,
                    const std::string& key, const std::string& value_name,
                    const std::string& help) {
  command
      .add_option_function<std::string>(
          flag,
          [&invocation, flag, key](const std::string& value) {
            invocation.sources.flags[key] = value;
            invocation.sources.flag_names[key] = flag;
          },
          help + " (setting " + key + ")")
      ->type_name(value_name);
}

void AddGlobalFlags(CLI::App& command, Invocation& invocation) {
  constexpr const char* kGroup = "Flags of every command";
  AddSettingFlag(command, invocation, "--data-dir", "DATA_DIR", "DIR",
                 "Directory of the log and the outputs");
  command.add_option("--config", invocation.sources.config_path, "Configuration file")
      ->type_name("FILE");
  command
      .add_option_function<std::vector<std::string>>(
          "--set",
          [&invocation](const std::vector<std::string>& values) {
            for (const std::string& value : values) {
              const std::string problem = TakeSetting(invocation, value);
              if (!problem.empty()) throw CLI::ValidationError("--set", problem);
            }
          },
          "Any setting, by its name; repeatable")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command.add_flag("--json", invocation.json, "Results as JSON on standard output");
  AddSettingFlag(command, invocation, "--log-level", "LOG_LEVEL", "LEVEL",
                 "debug, info, warning or error");
  AddSettingFlag(command, invocation, "--log-format", "LOG_FORMAT", "FORMAT",
                 "auto, text, logfmt or json");
  for (const char* flag :
       {"--data-dir", "--config", "--set", "--json", "--log-level", "--log-format", "--help"}) {
    command.get_option(flag)->group(kGroup);
  }
}

std::string CheckDuration(const std::string& text) {
  const auto parsed = ParseDurationUs(text);
  return parsed ? "" : parsed.error().message();
}

std::string CheckBytes(const std::string& text) {
  const auto parsed = ParseBytes(text);
  return parsed ? "" : parsed.error().message();
}

std::string CheckTime(const std::string& text) {
  return ParseTime(text) ? "" : "'" + text + "' is no time; write 2025-01-01T00:00:00Z";
}

bool MessagesOnTerminal() {
  return ::isatty(STDERR_FILENO) == 1;
}

}  // namespace tocsin
