#include "config/dotenv.h"

#include <algorithm>
#include <optional>

namespace tocsin {
namespace {

constexpr std::string_view kBlank = " \t";

bool IsKeyCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.' || c == '-';
}

char Unescaped(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case 'r':
      return '\r';
    default:
      return c;
  }
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {
    if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;
  }

  bool done() const { return at_ >= text_.size(); }
  std::size_t line() const { return line_; }

  void SkipBlanks() {
    while (!done() && kBlank.find(text_[at_]) != std::string_view::npos) ++at_;
  }

  void NextLine() {
    const std::size_t end = text_.find('\n', at_);
    at_ = end == std::string_view::npos ? text_.size() : end + 1;
    ++line_;
  }

  // The key at the start of the line, after an optional `export `; empty when there is none.
  std::string_view TakeKey() {
    SkipBlanks();
    std::string_view word = TakeWord();
    const std::size_t after = at_;
    if (word == "export") {
      SkipBlanks();
      if (at_ > after && !done() && IsKeyCharacter(text_[at_])) word = TakeWord();
    }
    return word;
  }

  bool TakeEquals() {
    SkipBlanks();
    if (done() || text_[at_] != '=') return false;
    ++at_;
    SkipBlanks();
    return true;
  }

  // The value at the position, up to and with the end of its line; nothing for a quote that is
  // never closed or is followed by other text (the position then stays).
  std::optional<std::string> TakeValue() {
    if (!done() && (text_[at_] == '"' || text_[at_] == '\'')) return TakeQuoted();
    const std::size_t end = std::min(text_.find('\n', at_), text_.size());
    std::string_view value = text_.substr(at_, end - at_);
    NextLine();
    if (value.starts_with('#')) return "";
    for (std::size_t hash = value.find('#'); hash != std::string_view::npos;
         hash = value.find('#', hash + 1)) {
      if (kBlank.find(value[hash - 1]) == std::string_view::npos) continue;
      value = value.substr(0, hash);
      break;
    }
    return std::string(value.substr(0, value.find_last_not_of(" \t\r") + 1));
  }

 private:
  std::string_view TakeWord() {
    const std::size_t start = at_;
    while (!done() && IsKeyCharacter(text_[at_])) ++at_;
    return text_.substr(start, at_ - start);
  }

  std::optional<std::string> TakeQuoted() {
    const char quote = text_[at_];
    std::string value;
    std::size_t lines = 0;
    std::size_t i = at_ + 1;
    for (; i < text_.size() && text_[i] != quote; ++i) {
      if (quote == '"' && text_[i] == '\\' && i + 1 < text_.size()) {
        value += Unescaped(text_[++i]);
      } else {
        value += text_[i];
      }
      if (text_[i] == '\n') ++lines;
    }
    if (i >= text_.size()) return std::nullopt;
    const std::size_t end = std::min(text_.find('\n', i), text_.size());
    std::string_view rest = text_.substr(i + 1, end - i - 1);
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t\r"), rest.size()));
    if (!rest.empty() && !rest.starts_with('#')) return std::nullopt;
    line_ += lines;
    at_ = i;
    NextLine();
    return value;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
};

}  // namespace

Result<std::map<std::string, DotenvEntry>> ParseDotenv(
    std::string_view text, const std::function<bool(std::string_view key)>& is_known) {
  std::map<std::string, DotenvEntry> entries;
  Reader reader(text);
  while (!reader.done()) {
    const std::size_t line = reader.line();
    const std::string_view key = reader.TakeKey();
    const auto fail = [&](std::string_view why) {
      return Fail(Code::kConfiguration,
                  "line " + std::to_string(line) + ": " + std::string(key) + std::string(why));
    };
    if (key.empty() || !reader.TakeEquals()) {
      if (is_known(key)) return fail(" has no '='; write " + std::string(key) + "=VALUE");
      reader.NextLine();
      continue;
    }
    std::optional<std::string> value = reader.TakeValue();
    if (value) {
      entries[std::string(key)] = {std::move(*value), line};
      continue;
    }
    if (is_known(key)) return fail(" has a quoted value that does not end its line");
    reader.NextLine();
  }
  return entries;
}

}  // namespace tocsin
