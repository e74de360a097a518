#include "base/logging.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "base/clock.h"
#include "base/json_text.h"
#include "base/time_text.h"

// spdlog carries the lines: a thread-safe sink on standard error. The line itself is made here,
// because the three formats share one escaping rule.
namespace tocsin {
namespace {

constexpr std::array<std::string_view, 4> kLevelNames = {"debug", "info", "warning", "error"};
constexpr std::array<std::string_view, 4> kFormatNames = {"auto", "text", "logfmt", "json"};
constexpr std::array<std::string_view, 4> kColours = {"\x1b[2m", "\x1b[32m", "\x1b[33m",
                                                      "\x1b[31m"};

struct Target {
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kLogfmt;
  bool colour = false;
  std::shared_ptr<spdlog::logger> logger;
};

Target& TheTarget() {
  static Target target = [] {
    Target made;
    made.logger = std::make_shared<spdlog::logger>(
        "tocsin", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made.logger->set_pattern("%v");
    made.logger->set_level(spdlog::level::trace);
    return made;
  }();
  return target;
}

void AppendValue(std::string& line, std::string_view value) {
  const bool plain =
      !value.empty() && value.find_first_of(" =\"\\") == std::string_view::npos &&
      std::all_of(value.begin(), value.end(), [](char c) {
        return static_cast<unsigned char>(c) > 0x20 && static_cast<unsigned char>(c) < 0x7f;
      });
  if (plain) {
    line += value;
  } else {
    AppendJsonString(line, value);
  }
}

std::string JsonLine(std::string_view time, LogLevel level, std::string_view component,
                     std::string_view message, std::initializer_list<LogField> fields) {
  std::string line = "{\"ts\":";
  AppendJsonString(line, time);
  line += ",\"level\":\"";
  line += kLevelNames[static_cast<std::size_t>(level)];
  line += "\",\"component\":";
  AppendJsonString(line, component);
  line += ",\"msg\":";
  AppendJsonString(line, message);
  for (const LogField& field : fields) {
    line += ',';
    AppendJsonString(line, field.key);
    line += ':';
    AppendJsonString(line, field.value);
  }
  return line + "}";
}

std::string TextLine(std::string_view time, LogLevel level, std::string_view component,
                     std::string_view message, std::initializer_list<LogField> fields,
                     bool colour) {
  std::string line(time.substr(11, 12));
  line += ' ';
  if (colour) line += kColours[static_cast<std::size_t>(level)];
  line += kLevelNames[static_cast<std::size_t>(level)];
  if (colour) line += "\x1b[0m";
  line += ' ';
  line += component;
  line += ": ";
  std::string quoted;
  AppendJsonString(quoted, message);  // escapes control characters; the quotes come off again
  const bool clean = quoted.size() == message.size() + 2;
  line += clean ? message : std::string_view(quoted).substr(1, quoted.size() - 2);
  for (const LogField& field : fields) {
    line += "  ";
    line += field.key;
    line += '=';
    AppendValue(line, field.value);
  }
  return line;
}

std::string LogfmtLine(std::string_view time, LogLevel level, std::string_view component,
                       std::string_view message, std::initializer_list<LogField> fields) {
  std::string line = "ts=";
  line += time;
  line += " level=";
  line += kLevelNames[static_cast<std::size_t>(level)];
  line += " component=";
  AppendValue(line, component);
  line += " msg=";
  AppendJsonString(line, message);
  for (const LogField& field : fields) {
    line += ' ';
    line += field.key;
    line += '=';
    AppendValue(line, field.value);
  }
  return line;
}

template <class Enum, std::size_t kCount>
bool Find(const std::array<std::string_view, kCount>& names, std::string_view text, Enum& value) {
  for (std::size_t i = 0; i < kCount; ++i) {
    if (names[i] != text) continue;
    value = static_cast<Enum>(i);
    return true;
  }
  return false;
}

}  // namespace

void ConfigureLogging(LogLevel level, LogFormat format) {
  const bool terminal = ::isatty(STDERR_FILENO) == 1;
  const char* no_colour = std::getenv("NO_COLOR");
  Target& target = TheTarget();
  target.level = level;
  target.format = format != LogFormat::kAuto ? format
                  : terminal                 ? LogFormat::kText
                                             : LogFormat::kLogfmt;
  target.colour = terminal && (no_colour == nullptr || *no_colour == '\0');
}

bool ParseLogLevel(std::string_view text, LogLevel& level) {
  return Find(kLevelNames, text, level);
}
bool ParseLogFormat(std::string_view text, LogFormat& format) {
  return Find(kFormatNames, text, format);
}

void LogMessage(LogLevel level, std::string_view component, std::string_view message,
                std::initializer_list<LogField> fields) {
  const Target& target = TheTarget();
  if (level < target.level) return;
  const std::string time = FormatTime(SystemClock().WallUs());
  std::string line;
  switch (target.format) {
    case LogFormat::kJson:
      line = JsonLine(time, level, component, message, fields);
      break;
    case LogFormat::kText:
      line = TextLine(time, level, component, message, fields, target.colour);
      break;
    default:
      line = LogfmtLine(time, level, component, message, fields);
      break;
  }
  target.logger->info(spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace tocsin
