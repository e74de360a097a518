#include "web_api/line_protocol.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>
#include <vector>

#include "base/json_text.h"
#include "base/time_text.h"

namespace tocsin {
namespace {

constexpr std::size_t kMaxPairs = 256;
constexpr std::string_view kDeviceTags[] = {"device_id", "device", "host", "sensor", "id"};

class LineReader {
 public:
  LineReader(std::string_view line, std::int64_t unit_ns, std::int64_t now_us)
      : line_(line), unit_ns_(unit_ns), now_us_(now_us) {}

  Status Read() {
    measurement_ = Name(", ");
    if (measurement_.empty()) return Wrong("the measurement is missing");
    while (Take(',')) {
      std::string key = Name(",= ");
      if (key.empty() || !Take('=')) return Wrong("a tag is no key=value");
      std::string value = Name(",= ");
      if (value.empty()) return Wrong("a tag has no value");
      tags_.emplace_back(std::move(key), std::move(value));
      if (tags_.size() > kMaxPairs) return Wrong("there are too many tags");
    }
    if (!TakeSpaces()) return Wrong("the fields are missing");
    do {
      std::string key = Name(",= ");
      if (key.empty() || !Take('=')) return Wrong("a field is no key=value");
      std::string json;
      TOCSIN_TRY(ReadValue(json));
      fields_.emplace_back(std::move(key), std::move(json));
      if (fields_.size() > kMaxPairs) return Wrong("there are too many fields");
    } while (Take(','));
    time_us_ = now_us_;
    if (TakeSpaces() && at_ < line_.size()) TOCSIN_TRY(ReadTime());
    if (at_ != line_.size()) return Wrong("there is something behind the point");
    return {};
  }

  void Append(std::span<const MetricSpec> metrics, std::string& out) const {
    const std::string* device = &measurement_;
    std::string_view device_tag;
    for (const std::string_view name : kDeviceTags) {
      const auto found = std::ranges::find(tags_, name, &Pair::first);
      if (found == tags_.end()) continue;
      device = &found->second;
      device_tag = name;
      break;
    }
    out += R"({"device_id":)";
    AppendJsonString(out, *device);
    out += R"(,"timestamp":)";
    AppendJsonString(out, FormatTime(time_us_));
    const bool is_metric = std::ranges::any_of(
        metrics, [&](const MetricSpec& metric) { return metric.name == measurement_; });
    for (const auto& [key, json] : fields_) {
      out += ',';
      AppendJsonString(out, key == "value" && is_metric ? measurement_ : key);
      out += ':' + json;
    }
    for (const auto& [key, value] : tags_) {
      if (key == device_tag) continue;
      out += ',';
      AppendJsonString(out, key);
      out += ':';
      AppendJsonString(out, value);
    }
    out += '}';
  }

 private:
  using Pair = std::pair<std::string, std::string>;

  std::unexpected<Error> Wrong(std::string_view what) const {
    return Fail(Code::kInvalidArgument,
                std::string(what) + " (at byte " + std::to_string(at_ + 1) + ")");
  }
  bool Take(char c) {
    if (at_ >= line_.size() || line_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool TakeSpaces() {
    const std::size_t begin = at_;
    while (Take(' ')) continue;
    return at_ > begin;
  }
  // Up to one of `ends`; a backslash takes the next of these, or another backslash, as it is.
  std::string Name(std::string_view ends) {
    std::string name;
    while (at_ < line_.size() && ends.find(line_[at_]) == std::string_view::npos) {
      if (line_[at_] == '\\' && at_ + 1 < line_.size() &&
          std::string_view(",= \\").find(line_[at_ + 1]) != std::string_view::npos) {
        ++at_;
      }
      name += line_[at_++];
    }
    return name;
  }

  Status ReadValue(std::string& json) {
    if (Take('"')) return ReadText(json);
    const std::string_view rest = line_.substr(at_);
    const std::string_view text = rest.substr(0, std::min(rest.find_first_of(", "), rest.size()));
    for (const std::string_view name : {"t", "T", "true", "True", "TRUE"}) {
      if (text == name) json = "true";
    }
    for (const std::string_view name : {"f", "F", "false", "False", "FALSE"}) {
      if (text == name) json = "false";
    }
    if (json.empty() && !ReadNumber(text, json)) {
      return Wrong("a field's value is no number, text or boolean");
    }
    at_ += text.size();
    return {};
  }
  Status ReadText(std::string& json) {
    std::string text;
    while (at_ < line_.size() && line_[at_] != '"') {
      if (line_[at_] == '\\' && at_ + 1 < line_.size() &&
          (line_[at_ + 1] == '"' || line_[at_ + 1] == '\\')) {
        ++at_;
      }
      text += line_[at_++];
    }
    if (!Take('"')) return Wrong("a text does not end");
    AppendJsonString(json, text);
    return {};
  }
  static bool ReadNumber(std::string_view text, std::string& json) {
    const bool whole = text.ends_with('i') || text.ends_with('u');
    if (whole) {
      text.remove_suffix(1);
      std::int64_t number = 0;
      std::uint64_t large = 0;
      const char* const end = text.data() + text.size();
      const auto narrow = std::from_chars(text.data(), end, number);
      const auto wide = std::from_chars(text.data(), end, large);
      const bool fits = (narrow.ec == std::errc() && narrow.ptr == end) ||
                        (wide.ec == std::errc() && wide.ptr == end);
      if (!fits || text.empty()) return false;
      json = narrow.ec == std::errc() ? std::to_string(number) : std::to_string(large);
      return true;
    }
    if (text.starts_with('+')) text.remove_prefix(1);
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(number)) {
      return false;
    }
    AppendJsonNumber(json, number);
    return true;
  }

  Status ReadTime() {
    std::int64_t number = 0;
    const char* const begin = line_.data() + at_;
    const auto [end, error] = std::from_chars(begin, line_.data() + line_.size(), number);
    if (error != std::errc()) return Wrong("the timestamp is no whole number");
    at_ += static_cast<std::size_t>(end - begin);
    TakeSpaces();
    __extension__ using Wide = __int128;
    const Wide time_us = static_cast<Wide>(number) * unit_ns_ / 1000;
    constexpr std::int64_t kFarthestUs = 253'402'300'800'000'000;  // the year 10000
    if (time_us < -kFarthestUs / 4 || time_us >= kFarthestUs) {
      return Wrong("the timestamp is beyond the year 9999; is `precision` right?");
    }
    time_us_ = static_cast<std::int64_t>(time_us);
    return {};
  }

  const std::string_view line_;
  const std::int64_t unit_ns_;
  const std::int64_t now_us_;
  std::size_t at_ = 0;
  std::string measurement_;
  std::vector<Pair> tags_;
  std::vector<Pair> fields_;  // values as JSON
  std::int64_t time_us_ = 0;
};

}  // namespace

Status ConvertLine(std::string_view line, std::int64_t unit_ns, std::int64_t now_us,
                   std::span<const MetricSpec> metrics, std::string& out) {
  LineReader reader(line, unit_ns, now_us);
  TOCSIN_TRY(reader.Read());
  reader.Append(metrics, out);
  return {};
}

}  // namespace tocsin
