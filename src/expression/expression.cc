#include "expression/expression.h"

#include "base/json_text.h"
#include "expression/syntax.h"
#include "expression/token.h"

namespace tocsin {

std::unique_ptr<const Node> ParseExpression(std::string_view text, const PlaceOf& place_of,
                                            ValueType wanted,
                                            const std::vector<MetricSpec>& metrics,
                                            std::vector<Diagnostic>& diagnostics) {
  const auto fail = [&](std::size_t offset, std::string message) {
    diagnostics.push_back({place_of(offset), std::move(message)});
    return nullptr;
  };
  if (text.size() > kMaxExpressionBytes) {
    return fail(0, "the expression has " + std::to_string(text.size()) + " bytes; at most " +
                       std::to_string(kMaxExpressionBytes) + " are read");
  }
  if (!IsUtf8(text)) return fail(0, "the expression is not UTF-8");
  std::vector<Token> tokens;
  if (auto mistake = Tokenize(text, tokens)) {
    return fail(mistake->offset, std::move(mistake->message));
  }
  const std::size_t before = diagnostics.size();
  const std::unique_ptr<Syntax> syntax = ParseSyntax(tokens, place_of, diagnostics);
  if (syntax == nullptr) return nullptr;
  std::unique_ptr<Node> node = CheckSyntax(*syntax, text, tokens, wanted, metrics, diagnostics);
  return diagnostics.size() == before ? std::move(node) : nullptr;
}

std::unique_ptr<const Node> ParseExpression(std::string_view text, SourcePlace place,
                                            ValueType wanted,
                                            const std::vector<MetricSpec>& metrics,
                                            std::vector<Diagnostic>& diagnostics) {
  const PlaceOf place_of = [text, place](std::size_t offset) {
    SourcePlace at = place;
    for (const char c : text.substr(0, offset)) {
      ++at.column;
      if (c == '\n') at = {at.line + 1, 1};
    }
    return at;
  };
  return ParseExpression(text, place_of, wanted, metrics, diagnostics);
}

}  // namespace tocsin
