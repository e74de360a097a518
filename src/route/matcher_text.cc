#include <cctype>
#include <optional>
#include <utility>

#include "base/json_text.h"
#include "route/matcher.h"

// Alertmanager has two grammars for matchers. The classic one takes label names of letters, digits,
// '_' and ':' and any unquoted value; the UTF-8 one takes any name, quoted where need be, and fewer
// unquoted values. A text is read in the classic way when that works, else in the other.
namespace tocsin {
namespace {

bool IsSpace(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsSpace(text.back())) text.remove_suffix(1);
  return text;
}

std::unexpected<Error> Bad(std::string_view what) {
  return Fail(Code::kInvalidArgument,
              std::string(what) + R"(; write a matcher like severity="critical" or site=~"a.*")");
}

// Reads one of = != =~ !~ at `at` and moves it on.
std::optional<Matcher::Kind> ReadOperator(std::string_view text, std::size_t& at) {
  const std::string_view rest = text.substr(at);
  const bool tilde = rest.size() > 1 && rest[1] == '~';
  if (rest.starts_with('=')) {
    at += tilde ? 2 : 1;
    return tilde ? Matcher::Kind::kMatch : Matcher::Kind::kEqual;
  }
  if (rest.starts_with("!=") || rest.starts_with("!~")) {
    at += 2;
    return tilde ? Matcher::Kind::kNotMatch : Matcher::Kind::kNotEqual;
  }
  return std::nullopt;
}

// The classic value: quotes are optional; \" \\ \n are escapes, other backslashes are themselves.
Result<std::string> ClassicValue(std::string_view raw) {
  const bool quoted = raw.starts_with('"');
  if (quoted) {
    if (raw.size() < 2 || !raw.ends_with('"')) return Bad("a quotation mark is not closed");
    raw = raw.substr(1, raw.size() - 2);
  }
  std::string value;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const char c = raw[i];
    if (c == '"') return Bad("a quotation mark stands inside a value without a backslash");
    if (c != '\\') {
      value += c;
      continue;
    }
    if (i + 1 == raw.size()) {
      if (quoted) return Bad("a quotation mark is not closed");
      value += c;
      break;
    }
    const char next = raw[++i];
    if (next == 'n') {
      value += '\n';
    } else if (next == '"' || next == '\\') {
      value += next;
    } else {
      value += c;
      value += next;
    }
  }
  if (!IsUtf8(value)) return Bad("a value is not UTF-8");
  return value;
}

Result<Matcher> ClassicMatcher(std::string_view text) {
  text = Trim(text);
  std::size_t at = 0;
  const auto letter = [](char c) {
    return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_' || c == ':';
  };
  while (at < text.size() && (letter(text[at]) || (at > 0 && text[at] >= '0' && text[at] <= '9'))) {
    ++at;
  }
  const std::string name(text.substr(0, at));
  if (name.empty()) return Bad("'" + std::string(text) + "' has no label name");
  while (at < text.size() && IsSpace(text[at])) ++at;
  const std::optional<Matcher::Kind> kind = ReadOperator(text, at);
  if (!kind) return Bad("'" + std::string(text) + "' has no =, !=, =~ or !~ after the label name");
  TOCSIN_ASSIGN(std::string value, ClassicValue(Trim(text.substr(at))));
  return Matcher::Make(name, *kind, std::move(value));
}

Result<std::vector<Matcher>> ClassicMatchers(std::string_view text) {
  text = Trim(text);
  if (text.starts_with('{')) text.remove_prefix(1);
  if (text.ends_with('}')) text.remove_suffix(1);
  std::vector<Matcher> matchers;
  bool inside = false;
  bool escaped = false;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    const bool end = i == text.size();
    if (!end && (text[i] != ',' || inside)) {
      if (text[i] == '"' && !escaped) inside = !inside;
      escaped = text[i] == '\\' && !escaped;
      continue;
    }
    const std::string_view part = text.substr(begin, i - begin);
    begin = i + 1;
    escaped = false;
    if (end && Trim(part).empty()) break;  // nothing, or a comma at the end
    TOCSIN_ASSIGN(Matcher matcher, ClassicMatcher(part));
    matchers.push_back(std::move(matcher));
  }
  return matchers;
}

class Utf8Reader {
 public:
  explicit Utf8Reader(std::string_view text) : text_(Trim(text)) {}

  Result<std::vector<Matcher>> Read() {
    std::vector<Matcher> matchers;
    const bool braces = Take('{');
    while (true) {
      Skip();
      if (at_ == text_.size() || text_[at_] == '}') break;
      TOCSIN_ASSIGN(std::string name, Word());
      Skip();
      const std::optional<Matcher::Kind> kind = ReadOperator(text_, at_);
      if (!kind) return Bad("expected =, !=, =~ or !~ after the label name '" + name + "'");
      Skip();
      TOCSIN_ASSIGN(std::string value, Word());
      TOCSIN_ASSIGN(Matcher matcher, Matcher::Make(std::move(name), *kind, std::move(value)));
      matchers.push_back(std::move(matcher));
      Skip();
      if (!Take(',')) break;
    }
    if (braces != Take('}')) return Bad("the braces do not match");
    Skip();
    if (at_ != text_.size()) return Bad("expected a comma or the end");
    return matchers;
  }

 private:
  void Skip() {
    while (at_ < text_.size() && IsSpace(text_[at_])) ++at_;
  }
  bool Take(char c) {
    Skip();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  Result<std::string> Word() {
    constexpr std::string_view kReserved = "{}!=~,\\\"'`";
    if (at_ < text_.size() && text_[at_] == '"') return Quoted();
    const std::size_t begin = at_;
    while (at_ < text_.size() && !IsSpace(text_[at_]) &&
           kReserved.find(text_[at_]) == std::string_view::npos) {
      ++at_;
    }
    if (begin == at_) return Bad("expected a label name or a value");
    std::string word(text_.substr(begin, at_ - begin));
    if (!IsUtf8(word)) return Bad("a word is not UTF-8");
    return word;
  }

  Result<std::string> Quoted() {
    std::string word;
    for (++at_; at_ < text_.size(); ++at_) {
      char c = text_[at_];
      if (c == '"') {
        ++at_;
        if (!IsUtf8(word)) return Bad("a word is not UTF-8");
        return word;
      }
      if (c == '\\') {
        constexpr std::string_view kEscapes = "abfnrtv\\\"";
        constexpr std::string_view kMeaning = "\a\b\f\n\r\t\v\\\"";
        ++at_;
        const std::size_t which =
            at_ < text_.size() ? kEscapes.find(text_[at_]) : std::string_view::npos;
        if (which == std::string_view::npos) return Bad("a backslash starts no known escape");
        c = kMeaning[which];
      }
      word += c;
    }
    return Bad("a quotation mark is not closed");
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

Result<std::vector<Matcher>> ParseMatchers(std::string_view text) {
  Result<std::vector<Matcher>> classic = ClassicMatchers(text);
  if (classic) return classic;
  Result<std::vector<Matcher>> utf8 = Utf8Reader(text).Read();
  return utf8 ? std::move(utf8) : std::move(classic);
}

}  // namespace tocsin
