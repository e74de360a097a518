#pragma once

#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>

#include "app/output.h"
#include "base/clock.h"
#include "base/error.h"
#include "config/settings.h"
#include "metrics/metrics.h"

namespace CLI {
class App;
}

namespace tocsin {

// What a command has at hand while it runs. Created by RunApp, alive for the whole command.
struct Session {
  Settings settings;
  bool json = false;     // --json
  std::stop_token stop;  // the first SIGINT or SIGTERM
  SystemClock clock;
  Metrics metrics;
  Output out;
};

// What the command line said.
struct Invocation {
  SettingsSources sources;
  bool json = false;
  // The command that was chosen; returns the exit code.
  std::function<Result<int>(Session&)> run;
  bool needs_settings = true;  // false: runs even when the configuration is wrong
};

// The flags that every command has: --data-dir, --config, --set, --json, --log-level, --log-format.
void AddGlobalFlags(CLI::App& command, Invocation& invocation);

// A flag that is a setting: its value goes to `key` with the flag's precedence.
void AddSettingFlag(CLI::App& command, Invocation& invocation, const std::string& flag,
                    const std::string& key, const std::string& value_name, const std::string& help);

// Checks for values of flags, in the form that CLI11 wants: empty = right, else what is wrong.
std::string CheckDuration(const std::string& text);
std::string CheckBytes(const std::string& text);
std::string CheckTime(const std::string& text);

// True when people watch standard error.
bool MessagesOnTerminal();

}  // namespace tocsin
