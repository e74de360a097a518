#include "offline/series_notation.h"

#include <charconv>
#include <cmath>

namespace tocsin {
namespace {

bool IsNameStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool IsNamePart(char c) {
  return IsNameStart(c) || (c >= '0' && c <= '9');
}
bool IsSpace(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

class NameReader {
 public:
  explicit NameReader(std::string_view text) : text_(text) {}

  Result<SeriesName> Read() {
    SeriesName name;
    name.metric = Word();
    if (name.metric.empty()) return Wrong("a metric name is expected");
    if (Take('{')) {
      while (!Take('}')) {
        TOCSIN_TRY(ReadLabel(name));
        if (!Take(',') && !Ahead('}')) return Wrong("`,` or `}` is expected");
      }
    }
    SkipSpace();
    if (at_ < text_.size()) return Wrong("the series ends before here");
    return name;
  }

 private:
  std::unexpected<Error> Wrong(std::string_view what) const {
    return Fail(Code::kInvalidArgument, "series '" + std::string(text_) + "', column " +
                                            std::to_string(at_ + 1) + ": " + std::string(what));
  }
  void SkipSpace() {
    while (at_ < text_.size() && IsSpace(text_[at_])) ++at_;
  }
  bool Ahead(char c) {
    SkipSpace();
    return at_ < text_.size() && text_[at_] == c;
  }
  bool Take(char c) {
    if (!Ahead(c)) return false;
    ++at_;
    return true;
  }
  std::string Word() {
    SkipSpace();
    const std::size_t begin = at_;
    if (at_ < text_.size() && IsNameStart(text_[at_])) {
      while (at_ < text_.size() && IsNamePart(text_[at_])) ++at_;
    }
    return std::string(text_.substr(begin, at_ - begin));
  }
  Status ReadLabel(SeriesName& name) {
    std::string label = Word();
    if (label.empty()) return Wrong("a label name is expected");
    if (!Take('=')) return Wrong("`=` is expected");
    SkipSpace();
    TOCSIN_ASSIGN(std::string value, Quoted());
    if (!name.labels.emplace(label, std::move(value)).second) {
      return Wrong("label `" + label + "` stands twice");
    }
    return {};
  }
  Result<std::string> Quoted() {
    const char quote = at_ < text_.size() ? text_[at_] : '\0';
    if (quote != '"' && quote != '\'') return Wrong("a quoted value is expected");
    std::string value;
    for (++at_; at_ < text_.size() && text_[at_] != quote; ++at_) {
      if (text_[at_] != '\\') {
        value += text_[at_];
        continue;
      }
      const char escaped = ++at_ < text_.size() ? text_[at_] : '\0';
      switch (escaped) {
        case 'n':
          value += '\n';
          break;
        case 't':
          value += '\t';
          break;
        case '\\':
        case '"':
        case '\'':
          value += escaped;
          break;
        default:
          return Wrong("an escape is one of \\\\ \\\" \\' \\n \\t");
      }
    }
    if (at_ == text_.size()) return Wrong("the quote has no end");
    ++at_;
    return value;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

std::unexpected<Error> WrongItem(std::string_view item, std::string_view why) {
  return Fail(Code::kInvalidArgument,
              "value '" + std::string(item) + "': " + std::string(why) +
                  "; values are written like 20, 20+1x10, 20-1x10, 20x10, _, _x3 or stale");
}

// A decimal number at the front of `text`, which loses it; a plus may stand in front.
std::optional<double> TakeNumber(std::string_view& text) {
  double value = 0;
  const char* begin = text.data();
  const char* const end = begin + text.size();
  if (begin != end && *begin == '+') ++begin;
  const auto [rest, error] = std::from_chars(begin, end, value);
  if (error != std::errc() || !std::isfinite(value)) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
  return value;
}

// The n of "xn".
std::optional<std::size_t> TakeCount(std::string_view text) {
  if (!text.starts_with('x')) return std::nullopt;
  text.remove_prefix(1);
  std::size_t count = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || rest != text.data() + text.size()) return std::nullopt;
  return count;
}

Status AddItem(std::string_view item, SeriesValues& values) {
  const std::size_t room = kMaxSeriesValues - values.size();
  const std::string limit = "more than " + std::to_string(kMaxSeriesValues) + " values";
  if (room == 0) return WrongItem(item, limit);
  if (item == "stale" || item == "_") {
    values.emplace_back();
    return {};
  }
  if (item.starts_with('_')) {
    const auto count = TakeCount(item.substr(1));
    if (!count) return WrongItem(item, "a count like _x3 is expected");
    if (*count > room) return WrongItem(item, limit);
    values.resize(values.size() + *count);
    return {};
  }
  std::string_view rest = item;
  const auto first = TakeNumber(rest);
  if (!first) return WrongItem(item, "it is no finite number");
  double step = 0;
  std::size_t count = 0;
  if (!rest.empty()) {
    if (!rest.starts_with('x')) {
      const bool signed_step = rest.starts_with('+') || rest.starts_with('-');
      const auto read = signed_step ? TakeNumber(rest) : std::nullopt;
      if (!read) return WrongItem(item, "a step like +1x10 is expected after the number");
      step = *read;
    }
    const auto read = TakeCount(rest);
    if (!read) return WrongItem(item, "a count like x10 is expected at its end");
    count = *read;
  }
  if (count >= room) return WrongItem(item, limit);
  for (std::size_t i = 0; i <= count; ++i) {
    values.emplace_back(*first + static_cast<double>(i) * step);
  }
  return {};
}

}  // namespace

Result<SeriesName> ParseSeriesName(std::string_view text) {
  return NameReader(text).Read();
}

Result<SeriesValues> ParseSeriesValues(std::string_view text) {
  SeriesValues values;
  while (!text.empty()) {
    if (IsSpace(text.front())) {
      text.remove_prefix(1);
      continue;
    }
    std::size_t size = 0;
    while (size < text.size() && !IsSpace(text[size])) ++size;
    TOCSIN_TRY(AddItem(text.substr(0, size), values));
    text.remove_prefix(size);
  }
  return values;
}

}  // namespace tocsin
