#include "template/expression_parser.h"

#include <array>
#include <charconv>
#include <utility>

#include "base/text.h"

namespace tocsin {
namespace {

constexpr int kMaxDepth = 16;
constexpr std::size_t kMaxArguments = 255;
constexpr std::string_view kSpace = " \t\r\n";

class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  Result<Expression> Whole() {
    TOCSIN_ASSIGN(Expression result, Pipeline());
    if (!rest_.empty()) return Unexpected();
    return result;
  }

 private:
  void SkipSpace() {
    const std::size_t begin = rest_.find_first_not_of(kSpace);
    rest_.remove_prefix(begin == std::string_view::npos ? rest_.size() : begin);
  }
  std::unexpected<Error> Unexpected() const {
    return Fail(Code::kInvalidArgument, "'" + std::string(rest_.substr(0, 40)) + "' is unexpected");
  }
  bool AtOperand() const { return !rest_.empty() && rest_[0] != '|' && rest_[0] != ')'; }

  Result<Expression> Pipeline() {
    if (++depth_ > kMaxDepth) return Fail(Code::kInvalidArgument, "too many nested parentheses");
    TOCSIN_ASSIGN(Expression result, Command(nullptr));
    while (rest_.starts_with('|')) {
      rest_.remove_prefix(1);
      SkipSpace();
      TOCSIN_ASSIGN(result, Command(&result));
    }
    --depth_;
    return result;
  }

  // A function or a method with its operands, or one operand. `piped` becomes the last operand.
  Result<Expression> Command(Expression* piped) {
    SkipSpace();
    Expression call;
    const std::string_view word = Word();
    if (FindFunction(word, call.function) && !word.starts_with('.')) {
      call.kind = Expression::Kind::kCall;
      call.text = word;
      rest_.remove_prefix(word.size());
      SkipSpace();
    } else {
      TOCSIN_ASSIGN(call, Operand());
      if (piped == nullptr && !AtOperand()) return call;
      const bool method = call.kind == Expression::Kind::kPath && !call.names.empty() &&
                          (word.starts_with('.') || word.starts_with('$') || word.empty());
      if (!method) return UnknownFunction(word);
    }
    while (AtOperand()) {
      TOCSIN_ASSIGN(Expression operand, Operand());
      call.arguments.push_back(std::move(operand));
      if (call.arguments.size() > kMaxArguments) return Unexpected();
    }
    if (piped != nullptr) call.arguments.push_back(std::move(*piped));
    return call;
  }

  static std::unexpected<Error> UnknownFunction(std::string_view word) {
    std::vector<std::string_view> names = FunctionNames();
    for (const std::string_view name :
         {"if", "range", "with", "template", "define", "block", "else", "end"}) {
      names.push_back(name);
    }
    std::string message = "'" + std::string(word) + "' is no function that templates have here";
    if (const auto nearest = Nearest(word, names); !nearest.empty()) {
      message += "; did you mean " + std::string(nearest) + "?";
    }
    return Fail(Code::kInvalidArgument, message);
  }

  std::string_view Word() const { return rest_.substr(0, rest_.find_first_of(" \t\r\n|()")); }

  Result<Expression> Operand() {
    Expression operand;
    const char first = rest_.empty() ? '\0' : rest_[0];
    if (first == '(') {
      rest_.remove_prefix(1);
      TOCSIN_ASSIGN(operand, Pipeline());
      if (!rest_.starts_with(')')) return Fail(Code::kInvalidArgument, "a '(' has no ')'");
      rest_.remove_prefix(1);
      TOCSIN_TRY(Chain(operand));
    } else if (first == '"' || first == '`') {
      TOCSIN_TRY(Quoted(operand.text));
    } else if ((first >= '0' && first <= '9') || first == '-') {
      operand.kind = Expression::Kind::kNumber;
      const char* begin = rest_.data();
      const auto [end, error] = std::from_chars(begin, begin + Word().size(), operand.number);
      if (error != std::errc() || end != begin + Word().size()) return Unexpected();
      rest_.remove_prefix(Word().size());
    } else if (Word() == "true" || Word() == "false") {
      operand.kind = Expression::Kind::kBool;
      operand.number = Word() == "true" ? 1 : 0;
      rest_.remove_prefix(Word().size());
    } else {
      TOCSIN_TRY(Path(operand));
    }
    SkipSpace();
    return operand;
  }

  // (…).Labels.x
  Status Chain(Expression& operand) {
    if (!rest_.starts_with('.')) return {};
    Expression chain;
    chain.kind = Expression::Kind::kPath;
    chain.base = Expression::Base::kOperand;
    chain.operand.push_back(std::move(operand));
    const std::string_view path = Word();
    rest_.remove_prefix(path.size());
    TOCSIN_TRY(Split(path.substr(1), path, chain.names));
    operand = std::move(chain);
    return {};
  }

  // .Labels.x, Labels.x, $, $.Labels.x, $alert.Labels.x
  Status Path(Expression& operand) {
    const std::string_view whole = Word();
    std::string_view path = whole;
    rest_.remove_prefix(whole.size());
    operand.kind = Expression::Kind::kPath;
    if (path.starts_with('$')) {
      const std::string_view name = path.substr(1, path.find('.') - 1);
      operand.base = name.empty() ? Expression::Base::kRoot : Expression::Base::kVariable;
      operand.text = name;
      path.remove_prefix(1 + name.size());
      if (path.empty()) return CheckWord(name, whole);
      path.remove_prefix(1);
    } else if (path == ".") {
      return {};
    } else if (path.starts_with('.')) {
      path.remove_prefix(1);
    }
    return Split(path, whole, operand.names);
  }

  static Status CheckWord(std::string_view word, std::string_view whole) {
    if (word.find_first_of("\"`{}$,:=") == std::string_view::npos) return {};
    return Fail(Code::kInvalidArgument, "'" + std::string(whole) + "' is no field");
  }

  static Status Split(std::string_view path, std::string_view whole,
                      std::vector<std::string>& names) {
    for (;;) {
      const std::size_t dot = path.find('.');
      const std::string_view name = path.substr(0, dot);
      if (name.empty()) {
        return Fail(Code::kInvalidArgument, "'" + std::string(whole) + "' is no field");
      }
      TOCSIN_TRY(CheckWord(name, whole));
      names.emplace_back(name);
      if (dot == std::string_view::npos) return {};
      path.remove_prefix(dot + 1);
    }
  }

  static std::unexpected<Error> UnknownEscape(char c) {
    const std::string escape = {'\\', c};
    return Fail(Code::kInvalidArgument,
                "'" + escape + "' is no escape; write \\" + escape + ", or the text in backquotes");
  }

  Status Quoted(std::string& out) {
    const char quote = rest_[0];
    std::size_t at = 1;
    for (; at < rest_.size() && rest_[at] != quote; ++at) {
      char c = rest_[at];
      if (c == '\\' && quote == '"' && at + 1 < rest_.size()) {
        constexpr std::string_view kEscapes = "ntr\\\"'";
        constexpr std::string_view kMeaning = "\n\t\r\\\"'";
        const std::size_t which = kEscapes.find(rest_[++at]);
        if (which == std::string_view::npos) return UnknownEscape(rest_[at]);
        c = kMeaning[which];
      }
      out += c;
    }
    if (at >= rest_.size()) return Fail(Code::kInvalidArgument, "a quoted text does not end");
    rest_.remove_prefix(at + 1);
    return {};
  }

  std::string_view rest_;
  int depth_ = 0;
};

}  // namespace

Result<Expression> ParseExpression(std::string_view text) {
  return Parser(text).Whole();
}

}  // namespace tocsin
