#include <array>
#include <charconv>
#include <cmath>

#include "config/units.h"
#include "expression/token.h"

namespace tocsin {
namespace {

// Seconds as a double are exact to the microsecond up to here.
constexpr std::int64_t kLongestDurationUs = 10'000LL * 86'400'000'000;

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}
bool IsLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool IsSpace(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// The character at `offset` as a person would name it.
std::string Shown(std::string_view text, std::size_t offset) {
  const auto byte = static_cast<unsigned char>(text[offset]);
  if (byte < 0x20 || byte == 0x7f) return "control character " + std::to_string(byte);
  std::size_t end = offset + 1;
  while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) ++end;
  return "`" + std::string(text.substr(offset, end - offset)) + "`";
}

class Lexer {
 public:
  Lexer(std::string_view text, std::vector<Token>& tokens) : text_(text), tokens_(tokens) {}

  std::optional<LexicalMistake> Run() {
    for (;;) {
      while (at_ < text_.size() && IsSpace(text_[at_])) ++at_;
      Token token;
      token.begin = at_;
      const bool more = at_ < text_.size();
      if (more && !Take(token)) return mistake_;
      token.end = at_;
      tokens_.push_back(std::move(token));
      if (!more) return std::nullopt;
    }
  }

 private:
  bool Fail(std::size_t offset, std::string message) {
    mistake_ = LexicalMistake{offset, std::move(message)};
    return false;
  }
  char Peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }

  bool Take(Token& token) {
    const char c = Peek();
    if (IsDigit(c) || (c == '.' && IsDigit(Peek(1)))) return TakeNumber(token);
    if (IsLetter(c)) return TakeName(token);
    if (c == '"' || c == '\'') return TakeText(token);
    return TakeSymbol(token);
  }

  // Names hold dots only after `labels`: labels.site.
  bool TakeName(Token& token) {
    while (IsLetter(Peek()) || IsDigit(Peek()) || (Peek() == '.' && IsLetter(Peek(1)))) ++at_;
    token.kind = Token::Kind::kName;
    token.text = text_.substr(token.begin, at_ - token.begin);
    return true;
  }

  bool TakeNumber(Token& token) {
    const char* first = text_.data() + at_;
    const auto [end, error] = std::from_chars(first, text_.data() + text_.size(), token.number,
                                              std::chars_format::general);
    std::size_t stop = at_ + static_cast<std::size_t>(end - first);
    if (stop < text_.size() && (IsLetter(text_[stop]) || text_[stop] == '.')) {
      while (stop < text_.size() &&
             (IsLetter(text_[stop]) || IsDigit(text_[stop]) || text_[stop] == '.')) {
        ++stop;
      }
      return TakeDuration(token, stop);
    }
    at_ = stop;
    token.kind = Token::Kind::kNumber;
    if (error == std::errc() && std::isfinite(token.number)) return true;
    return Fail(token.begin, "number `" +
                                 std::string(text_.substr(token.begin, stop - token.begin)) +
                                 "` is out of range");
  }

  bool TakeDuration(Token& token, std::size_t stop) {
    const std::string_view word = text_.substr(at_, stop - at_);
    if (word.find('.') != std::string_view::npos) {
      return Fail(token.begin, "`" + std::string(word) +
                                   "` is neither a number nor a duration; durations have whole "
                                   "numbers: write 1h30m instead of 1.5h");
    }
    const Result<std::int64_t> us = ParseDurationUs(word);
    if (!us) return Fail(token.begin, us.error().message());
    if (*us > kLongestDurationUs) {
      return Fail(token.begin, "duration `" + std::string(word) + "` is longer than 10000d");
    }
    at_ = stop;
    token.kind = Token::Kind::kDuration;
    token.duration_us = *us;
    token.number = static_cast<double>(*us) / 1e6;
    return true;
  }

  bool TakeText(Token& token) {
    const char quote = Peek();
    token.kind = Token::Kind::kText;
    for (++at_; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == quote) {
        ++at_;
        return true;
      }
      if (static_cast<unsigned char>(c) < 0x20 && c != '\t') break;
      if (c != '\\') {
        token.text += c;
      } else if (!TakeEscape(token)) {
        return false;
      }
    }
    return Fail(token.begin, std::string("this text has no closing ") + quote);
  }

  bool TakeEscape(Token& token) {
    ++at_;
    switch (Peek()) {
      case '\\':
      case '"':
      case '\'':
        token.text += Peek();
        return true;
      case 'n':
        token.text += '\n';
        return true;
      case 'r':
        token.text += '\r';
        return true;
      case 't':
        token.text += '\t';
        return true;
      default:
        break;
    }
    if (at_ >= text_.size()) return Fail(token.begin, "this text has no closing quote");
    return Fail(at_ - 1, "unknown escape in a text; write a backslash as \\\\, as in \"\\\\d+\"");
  }

  bool TakeSymbol(Token& token) {
    static constexpr auto kSymbols =
        std::to_array<std::string_view>({"<=", ">=", "==", "!=", "=~", "!~", "<", ">", "+", "-",
                                         "*", "/", "%", "(", ")", ",", "="});
    static constexpr auto kForeign = std::to_array<std::array<std::string_view, 2>>(
        {{"&&", "write `and`"},
         {"||", "write `or`"},
         {"<>", "write `!=`"},
         {"[", "a window is an argument: avg(temperature, 5m)"},
         {"{", "labels are compared: labels.site == \"oslo\""},
         {"&", "write `and`"},
         {"|", "write `or`"},
         {"^", "there is no power operator"}});
    const std::string_view rest = text_.substr(at_);
    for (const auto& [symbol, remedy] : kForeign) {
      if (!rest.starts_with(symbol)) continue;
      return Fail(at_, "unknown operator `" + std::string(symbol) + "`; " + std::string(remedy));
    }
    for (const std::string_view symbol : kSymbols) {
      if (!rest.starts_with(symbol)) continue;
      token.kind = Token::Kind::kSymbol;
      token.text = symbol;
      at_ += symbol.size();
      return true;
    }
    if (rest[0] == '!') return Fail(at_, "unknown operator `!`; write `not`");
    return Fail(at_, "unexpected " + Shown(text_, at_));
  }

  std::string_view text_;
  std::vector<Token>& tokens_;
  std::size_t at_ = 0;
  std::optional<LexicalMistake> mistake_;
};

}  // namespace

std::optional<LexicalMistake> Tokenize(std::string_view text, std::vector<Token>& tokens) {
  return Lexer(text, tokens).Run();
}

}  // namespace tocsin
