#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <utility>

#include "expression/syntax.h"

// A Pratt parser. Its depth is bounded: a level is entered only through a parenthesis, a call or a
// unary operator, and each holds at most one step per precedence.
namespace tocsin {
namespace {

constexpr auto kForms = std::to_array<OperatorForm>({{"-", 8, true},
                                                     {"not", 8, true},
                                                     {"*", 7},
                                                     {"/", 7},
                                                     {"%", 7},
                                                     {"+", 6},
                                                     {"-", 6},
                                                     {"<", 4},
                                                     {"<=", 4},
                                                     {">", 4},
                                                     {">=", 4},
                                                     {"==", 4},
                                                     {"!=", 4},
                                                     {"=~", 4},
                                                     {"!~", 4},
                                                     {"and", 3},
                                                     {"unless", 2},
                                                     {"or", 1}});

std::optional<Operator> BinaryOperator(const Token& token) {
  if (token.kind != Token::Kind::kSymbol && token.kind != Token::Kind::kName) return std::nullopt;
  for (std::size_t i = 0; i < kForms.size(); ++i) {
    if (!kForms[i].unary && kForms[i].word == token.text) return static_cast<Operator>(i);
  }
  return std::nullopt;
}

bool IsComparison(Operator op) {
  return FormOf(op).precedence == kComparisonPrecedence;
}

std::string Shown(const Token& token) {
  switch (token.kind) {
    case Token::Kind::kEnd:
      return "the end of the expression";
    case Token::Kind::kNumber:
    case Token::Kind::kDuration:
      return "a number";
    case Token::Kind::kText:
      return "a text";
    default:
      return "`" + token.text + "`";
  }
}

// What the writer may have meant where an operator belongs.
std::string OperatorHint(const Token& token) {
  if (token.Is("=")) return "; `=` is written `==`";
  if (token.kind != Token::Kind::kName) return "";
  std::string lower = token.text;
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const std::string_view word : {"and", "or", "unless", "not"}) {
    if (lower == word) return "; write `" + std::string(word) + "` in lower case";
  }
  return "";
}

class Parser {
 public:
  Parser(const std::vector<Token>& tokens, const PlaceOf& place_of,
         std::vector<Diagnostic>& diagnostics)
      : tokens_(tokens), place_of_(place_of), diagnostics_(diagnostics) {}

  std::unique_ptr<Syntax> Run() {
    std::unique_ptr<Syntax> root = ParseBinary(1);
    if (root == nullptr || Next().kind == Token::Kind::kEnd) return root;
    if (Next().Is(")")) return Fail("this `)` closes nothing");
    return Fail("expected an operator, not " + Shown(Next()) + OperatorHint(Next()));
  }

 private:
  const Token& Next() const { return tokens_[at_]; }

  std::unique_ptr<Syntax> Fail(std::string message) { return FailAt(at_, std::move(message)); }
  std::unique_ptr<Syntax> FailAt(std::size_t token, std::string message) {
    diagnostics_.push_back({place_of_(tokens_[token].begin), std::move(message)});
    return nullptr;
  }

  std::unique_ptr<Syntax> Make(Syntax::Kind kind, std::size_t first_token) {
    if (++nodes_ > kMaxExpressionNodes) {
      return Fail("the expression has more than " + std::to_string(kMaxExpressionNodes) +
                  " operators and operands; split it into several rules");
    }
    auto node = std::make_unique<Syntax>();
    node->kind = kind;
    node->place = place_of_(tokens_[first_token].begin);
    node->first_token = node->last_token = first_token;
    return node;
  }

  std::unique_ptr<Syntax> ParseBinary(int lowest) {
    const std::size_t first = at_;
    std::unique_ptr<Syntax> left = ParseUnary();
    while (left != nullptr) {
      const std::optional<Operator> op = BinaryOperator(Next());
      if (!op || FormOf(*op).precedence < lowest) return left;
      const std::size_t op_token = at_++;
      std::unique_ptr<Syntax> right = ParseBinary(FormOf(*op).precedence + 1);
      if (right == nullptr) return nullptr;
      left = Join(*op, op_token, first, std::move(left), std::move(right));
      const std::optional<Operator> next = BinaryOperator(Next());
      if (left != nullptr && IsComparison(*op) && next && IsComparison(*next)) {
        return Fail("comparisons cannot be chained; write `a < b and b < c`");
      }
    }
    return nullptr;
  }

  std::unique_ptr<Syntax> Join(Operator op, std::size_t op_token, std::size_t first,
                               std::unique_ptr<Syntax> left, std::unique_ptr<Syntax> right) {
    std::unique_ptr<Syntax> node = Make(Syntax::Kind::kOperator, first);
    if (node == nullptr) return nullptr;
    node->op = op;
    node->text = FormOf(op).word;
    node->place = place_of_(tokens_[op_token].begin);
    node->last_token = at_ - 1;
    node->children.push_back(std::move(left));
    node->children.push_back(std::move(right));
    return node;
  }

  std::unique_ptr<Syntax> ParseUnary() {
    const bool minus = Next().Is("-");
    if (!minus && !Next().IsWord("not")) return ParsePrimary();
    const std::size_t first = at_++;
    if (!Enter()) return nullptr;
    std::unique_ptr<Syntax> operand = ParseUnary();
    --level_;
    if (operand == nullptr) return nullptr;
    if (minus &&
        (operand->kind == Syntax::Kind::kNumber || operand->kind == Syntax::Kind::kDuration) &&
        operand->first_token == first + 1) {
      operand->number = -operand->number;
      operand->duration_us = -operand->duration_us;
      operand->first_token = first;
      operand->place = place_of_(tokens_[first].begin);
      return operand;
    }
    std::unique_ptr<Syntax> node = Make(Syntax::Kind::kOperator, first);
    if (node == nullptr) return nullptr;
    node->op = minus ? Operator::kNegate : Operator::kNot;
    node->text = FormOf(node->op).word;
    node->last_token = at_ - 1;
    node->children.push_back(std::move(operand));
    return node;
  }

  bool Enter() {
    if (++level_ <= kMaxExpressionLevels) return true;
    Fail("the expression is nested deeper than " + std::to_string(kMaxExpressionLevels) +
         " levels");
    return false;
  }

  std::unique_ptr<Syntax> ParsePrimary() {
    const Token& token = Next();
    if (token.Is("(")) return ParseParentheses();
    if (token.kind == Token::Kind::kName && !BinaryOperator(token)) {
      return tokens_[at_ + 1].Is("(") ? ParseCall() : ParseLeaf(Syntax::Kind::kName);
    }
    if (token.kind == Token::Kind::kNumber) return ParseLeaf(Syntax::Kind::kNumber);
    if (token.kind == Token::Kind::kDuration) return ParseLeaf(Syntax::Kind::kDuration);
    if (token.kind == Token::Kind::kText) return ParseLeaf(Syntax::Kind::kText);
    if (tokens_.size() == 1)
      return Fail(
          "the expression is empty; write one such as "
          "temperature >= 50");
    return Fail("expected a number, a name or `(`, not " + Shown(token));
  }

  std::unique_ptr<Syntax> ParseLeaf(Syntax::Kind kind) {
    std::unique_ptr<Syntax> node = Make(kind, at_);
    if (node == nullptr) return nullptr;
    const Token& token = tokens_[at_++];
    node->text = token.text;
    node->number = token.number;
    node->duration_us = token.duration_us;
    return node;
  }

  std::unique_ptr<Syntax> ParseParentheses() {
    const std::size_t open = at_++;
    if (!Enter()) return nullptr;
    std::unique_ptr<Syntax> inner = ParseBinary(1);
    --level_;
    if (inner == nullptr) return nullptr;
    if (!Next().Is(")")) return Unclosed(open);
    ++at_;
    return inner;
  }

  std::unique_ptr<Syntax> Unclosed(std::size_t open) {
    if (Next().kind == Token::Kind::kEnd) return FailAt(open, "this `(` is never closed");
    return Fail("expected `)` or an operator, not " + Shown(Next()) + OperatorHint(Next()));
  }

  std::unique_ptr<Syntax> ParseCall() {
    std::unique_ptr<Syntax> call = Make(Syntax::Kind::kCall, at_);
    if (call == nullptr || !Enter()) return nullptr;
    call->text = tokens_[at_].text;
    const std::size_t open = at_ + 1;
    at_ += 2;
    while (!Next().Is(")")) {
      if (!call->children.empty()) {
        if (!Next().Is(",")) return Unclosed(open);
        ++at_;
      }
      std::unique_ptr<Syntax> argument = ParseArgument();
      if (argument == nullptr) return nullptr;
      call->children.push_back(std::move(argument));
    }
    call->last_token = at_++;
    --level_;
    return call;
  }

  std::unique_ptr<Syntax> ParseArgument() {
    const bool named = Next().kind == Token::Kind::kName && tokens_[at_ + 1].Is("=");
    if (!named) return ParseBinary(1);
    std::unique_ptr<Syntax> node = Make(Syntax::Kind::kNamed, at_);
    if (node == nullptr) return nullptr;
    node->text = Next().text;
    at_ += 2;
    std::unique_ptr<Syntax> value = ParseBinary(1);
    if (value == nullptr) return nullptr;
    node->last_token = at_ - 1;
    node->children.push_back(std::move(value));
    return node;
  }

  const std::vector<Token>& tokens_;
  const PlaceOf& place_of_;
  std::vector<Diagnostic>& diagnostics_;
  std::size_t at_ = 0;
  std::size_t level_ = 0;
  std::size_t nodes_ = 0;
};

}  // namespace

OperatorForm FormOf(Operator op) {
  return kForms[static_cast<std::size_t>(op)];
}

std::unique_ptr<Syntax> ParseSyntax(const std::vector<Token>& tokens, const PlaceOf& place_of,
                                    std::vector<Diagnostic>& diagnostics) {
  return Parser(tokens, place_of, diagnostics).Run();
}

}  // namespace tocsin
