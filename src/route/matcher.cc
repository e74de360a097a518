#include "route/matcher.h"

#include <re2/re2.h>

#include <utility>

namespace tocsin {

struct Matcher::Parts {
  std::string name;
  Kind kind;
  std::string value;
  std::unique_ptr<re2::RE2> expression;  // of the two regular kinds
};

Result<Matcher> Matcher::Make(std::string name, Kind kind, std::string value) {
  if (name.empty()) return Fail(Code::kInvalidArgument, "a matcher needs the name of a label");
  std::unique_ptr<re2::RE2> expression;
  if (kind == Kind::kMatch || kind == Kind::kNotMatch) {
    re2::RE2::Options options(re2::RE2::Quiet);
    options.set_dot_nl(true);  // as Alertmanager matches: a dot is any character
    options.set_max_mem(4 << 20);
    expression = std::make_unique<re2::RE2>("^(?:" + value + ")$", options);
    if (!expression->ok()) {
      return Fail(Code::kInvalidArgument, "label " + name + ": '" + value +
                                              "' is no regular expression: " + expression->error());
    }
  }
  Matcher matcher;
  matcher.parts_ = std::make_shared<const Parts>(
      Parts{std::move(name), kind, std::move(value), std::move(expression)});
  return matcher;
}

bool Matcher::Matches(const LabelMap& labels) const {
  const auto at = labels.find(parts_->name);
  const std::string_view value = at == labels.end() ? std::string_view() : at->second;
  switch (parts_->kind) {
    case Kind::kEqual:
      return value == parts_->value;
    case Kind::kNotEqual:
      return value != parts_->value;
    case Kind::kMatch:
      return re2::RE2::FullMatch(value, *parts_->expression);
    case Kind::kNotMatch:
      return !re2::RE2::FullMatch(value, *parts_->expression);
  }
  return false;
}

std::string Matcher::ToText() const {
  static constexpr std::string_view kOperators[] = {"=", "!=", "=~", "!~"};
  std::string text = parts_->name;
  // A name that the classic form cannot hold is quoted, so that the text reads back.
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':';
    quoted |= !letter && (i == 0 || c < '0' || c > '9');
  }
  const auto quote = [](std::string_view raw) {
    std::string out = "\"";
    for (const char c : raw) {
      if (c == '"' || c == '\\') out += '\\';
      if (c == '\n') {
        out += "\\n";
      } else {
        out += c;
      }
    }
    return out + '"';
  };
  if (quoted) text = quote(text);
  text += kOperators[static_cast<std::size_t>(parts_->kind)];
  return text + quote(parts_->value);
}

const std::string& Matcher::name() const {
  return parts_->name;
}
const std::string& Matcher::value() const {
  return parts_->value;
}
Matcher::Kind Matcher::kind() const {
  return parts_->kind;
}

bool MatchesAll(const std::vector<Matcher>& matchers, const LabelMap& labels) {
  for (const Matcher& matcher : matchers) {
    if (!matcher.Matches(labels)) return false;
  }
  return true;
}

}  // namespace tocsin
