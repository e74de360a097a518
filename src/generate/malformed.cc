#include "generate/malformed.h"

#include <string_view>

namespace tocsin {
namespace {

constexpr std::string_view kTimestamp = "\"timestamp\":\"";
constexpr std::string_view kTemperature = "\"temperature\":";
constexpr std::string_view kHumidity = "\"humidity\":";
constexpr std::string_view kStatus = "\"status\":\"";

// Where the text after `key` begins.
std::size_t After(const std::string& line, std::string_view key) {
  return line.find(key) + key.size();
}

// Replaces the number after `key`.
void ReplaceNumber(std::string& line, std::string_view key, std::string_view text) {
  const std::size_t start = After(line, key);
  line.replace(start, line.find(',', start) - start, text);
}

}  // namespace

void MakeMalformed(MalformedKind kind, SeededRandom& random, std::string& line) {
  switch (kind) {
    case MalformedKind::kCutLine:
      line.resize(1 + random.NextBelow(line.size() - 1));
      break;
    case MalformedKind::kBadUtf8:
      line.insert(After(line, kStatus), 1, '\xC3');  // a lead byte before an ASCII letter
      break;
    case MalformedKind::kNotANumber:
      ReplaceNumber(line, kTemperature, "NaN");
      break;
    case MalformedKind::kWrongType: {
      const std::size_t start = After(line, kHumidity);
      line.insert(line.find(',', start), 1, '"');
      line.insert(start, 1, '"');
      break;
    }
    case MalformedKind::kOutOfRange:
      ReplaceNumber(line, kTemperature, "99999999.99");
      break;
    case MalformedKind::kMissingField: {
      const std::size_t start = line.find(kHumidity);
      line.erase(start, line.find(kStatus) - start);
      break;
    }
    case MalformedKind::kBadTimestamp:
      line.replace(After(line, kTimestamp) + 5, 2, "13");
      break;
    case MalformedKind::kDuplicateKey:
      line.insert(line.find(kStatus), "\"humidity\":0.00,");
      break;
  }
}

}  // namespace tocsin
