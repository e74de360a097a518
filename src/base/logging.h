#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

// Messages for people and machines, on standard error. Results go to standard output and never
// through here.
namespace tocsin {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarning, kError };
// kAuto: text on a terminal, logfmt elsewhere.
enum class LogFormat : std::uint8_t { kAuto, kText, kLogfmt, kJson };

struct LogField {
  std::string_view key;
  std::string value;
};

// Sets level and format for the whole process; call once before threads start.
void ConfigureLogging(LogLevel level, LogFormat format);
bool ParseLogLevel(std::string_view text, LogLevel& level);
bool ParseLogFormat(std::string_view text, LogFormat& format);

// One line: time, level, component, message, then the fields in their order. Control characters
// in the values are escaped, so that no value can forge a line. Thread-safe.
void LogMessage(LogLevel level, std::string_view component, std::string_view message,
                std::initializer_list<LogField> fields = {});

inline void LogDebug(std::string_view component, std::string_view message,
                     std::initializer_list<LogField> fields = {}) {
  LogMessage(LogLevel::kDebug, component, message, fields);
}
inline void LogInfo(std::string_view component, std::string_view message,
                    std::initializer_list<LogField> fields = {}) {
  LogMessage(LogLevel::kInfo, component, message, fields);
}
inline void LogWarning(std::string_view component, std::string_view message,
                       std::initializer_list<LogField> fields = {}) {
  LogMessage(LogLevel::kWarning, component, message, fields);
}
inline void LogError(std::string_view component, std::string_view message,
                     std::initializer_list<LogField> fields = {}) {
  LogMessage(LogLevel::kError, component, message, fields);
}

}  // namespace tocsin
