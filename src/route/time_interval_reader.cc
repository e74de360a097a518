#include "route/time_interval_reader.h"

#include <cctype>
#include <charconv>
#include <optional>
#include <utility>

namespace tocsin {
namespace {

using Names = std::span<const std::string_view>;

constexpr std::string_view kWeekdays[] = {"sunday",   "monday", "tuesday", "wednesday",
                                          "thursday", "friday", "saturday"};
constexpr std::string_view kMonths[] = {"",        "january",  "february", "march",  "april",
                                        "may",     "june",     "july",     "august", "september",
                                        "october", "november", "december"};

std::optional<int> NumberOf(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// A name of the list by its position, else a number when the list allows those.
std::optional<int> ValueOf(std::string text, Names names, bool numbers) {
  std::erase_if(text, [](char c) { return c == ' '; });
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!text.empty() && names[i] == text) return static_cast<int>(i);
  }
  return numbers ? NumberOf(text) : std::nullopt;
}

// Minutes of "HH:MM", 00:00 to 24:00.
std::optional<int> MinutesOf(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  const std::optional<int> hours = NumberOf(text.substr(0, 2));
  const std::optional<int> minutes = NumberOf(text.substr(3));
  if (!hours || !minutes || *hours < 0 || *minutes < 0 || *minutes > 59) return std::nullopt;
  const int total = *hours * 60 + *minutes;
  return total > 24 * 60 ? std::nullopt : std::optional<int>(total);
}

struct RangeKind {
  std::string_view key;
  std::string_view example;
  Names names;
  bool numbers;
  int low;
  int high;
};

class IntervalReader {
 public:
  explicit IntervalReader(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  TimeInterval Read(const ConfigNode& node) {
    static constexpr std::string_view kKnown[] = {"times",  "weekdays", "days_of_month",
                                                  "months", "years",    "location"};
    const ConfigFields fields(node, "time interval", kKnown, diagnostics_);
    TimeInterval interval;
    for (const ConfigNode* item : fields.List("times")) ReadTime(*item, interval.times);
    Ranges(fields, {"weekdays", "monday:friday", kWeekdays, false, 0, 6}, interval.weekdays);
    Ranges(fields, {"days_of_month", "1:5 or -3:-1", {}, true, -31, 31}, interval.days_of_month);
    Ranges(fields, {"months", "may:august or 1:3", kMonths, true, 1, 12}, interval.months);
    Ranges(fields, {"years", "2026:2028", {}, true, 0, 9999}, interval.years);
    if (const ConfigNode* location = fields.Find("location")) {
      fields.Text("location", interval.location);
      if (!KnownLocation(interval.location)) {
        Mistake(location->place, "location '" + interval.location +
                                     "' is not in the system's time zone database; write one like "
                                     "Europe/Berlin, UTC or Local");
        interval.location = "UTC";
      }
    }
    return interval;
  }

 private:
  void Mistake(SourcePlace place, std::string message) {
    diagnostics_.push_back({place, std::move(message)});
  }

  void ReadTime(const ConfigNode& node, std::vector<std::pair<int, int>>& out) {
    static constexpr std::string_view kKnown[] = {"start_time", "end_time"};
    const ConfigFields fields(node, "times", kKnown, diagnostics_);
    std::string texts[2];
    fields.Text("start_time", texts[0]);
    fields.Text("end_time", texts[1]);
    const std::optional<int> start = MinutesOf(texts[0]);
    const std::optional<int> end = MinutesOf(texts[1]);
    if (!start || !end) {
      Mistake(node.place, "times need start_time and end_time as HH:MM from 00:00 to 24:00");
    } else if (*start >= *end) {
      Mistake(node.place, "start_time " + texts[0] + " is not before end_time " + texts[1] +
                              "; write two entries for a time over midnight");
    } else {
      out.emplace_back(*start, *end);
    }
  }

  void Ranges(const ConfigFields& fields, const RangeKind& kind,
              std::vector<std::pair<int, int>>& out) {
    for (const ConfigNode* item : fields.List(kind.key)) {
      const std::string& text = item->text;
      const std::size_t colon = text.find(':');
      const auto first = ValueOf(text.substr(0, colon), kind.names, kind.numbers);
      const auto last = colon == std::string::npos
                            ? first
                            : ValueOf(text.substr(colon + 1), kind.names, kind.numbers);
      if (item->kind != ConfigNode::Kind::kScalar || !Sensible(kind, first, last)) {
        Mistake(item->place, std::string(kind.key) + ": '" + text +
                                 "' is no range; write one like " + std::string(kind.example));
        continue;
      }
      out.emplace_back(*first, *last);
    }
  }

  static bool Sensible(const RangeKind& kind, std::optional<int> first, std::optional<int> last) {
    if (!first || !last) return false;
    if (*first < kind.low || *last > kind.high || *first > kind.high || *last < kind.low)
      return false;
    if (kind.low >= 0) return *first <= *last;
    // Days of the month: none is the zeroth, and a range must not be empty in every month.
    if (*first == 0 || *last == 0 || (*first < 0 && *last > 0)) return false;
    const auto in_february = [](int day) { return day < 0 ? 28 + day : day; };
    return in_february(*first) <= in_february(*last);
  }

  Diagnostics& diagnostics_;
};

}  // namespace

std::map<std::string, std::vector<TimeInterval>> ReadTimeIntervals(const ConfigFields& file,
                                                                   Diagnostics& diagnostics) {
  static constexpr std::string_view kKnown[] = {"name", "time_intervals"};
  std::map<std::string, std::vector<TimeInterval>> all;
  IntervalReader reader(diagnostics);
  for (const std::string_view key : {"mute_time_intervals", "time_intervals"}) {
    for (const ConfigNode* item : file.List(key)) {
      const ConfigFields fields(*item, key, kKnown, diagnostics);
      std::string name;
      fields.Text("name", name);
      if (name.empty()) diagnostics.push_back({item->place, "a time interval needs a name"});
      std::vector<TimeInterval> intervals;
      for (const ConfigNode* one : fields.List("time_intervals")) {
        intervals.push_back(reader.Read(*one));
      }
      if (!all.emplace(name, std::move(intervals)).second) {
        diagnostics.push_back({item->place, "time interval '" + name + "' is defined twice"});
      }
    }
  }
  return all;
}

}  // namespace tocsin
