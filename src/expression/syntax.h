#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "expression/diagnostic.h"
#include "expression/expression.h"
#include "expression/token.h"

namespace tocsin {

inline constexpr std::size_t kMaxExpressionBytes = 4096;
inline constexpr std::size_t kMaxExpressionLevels =
    64;  // of parentheses, calls and unary operators
inline constexpr std::size_t kMaxExpressionNodes = 256;

// An expression as it is written, before names, types and units are looked at.
struct Syntax {
  enum class Kind : std::uint8_t {
    kNumber,
    kDuration,
    kText,
    kName,
    kOperator,
    kCall,   // `text` is the function
    kNamed,  // min_samples=N in a call: `text` and one child
  };
  Kind kind = Kind::kNumber;
  std::string text;
  double number = 0;
  std::int64_t duration_us = 0;
  Operator op = Operator::kAdd;
  std::vector<std::unique_ptr<Syntax>> children;
  SourcePlace place;
  std::size_t first_token = 0;  // of those it was read from; parentheses around it left out
  std::size_t last_token = 0;
};

// An operator's word and how tightly it binds: larger is tighter.
struct OperatorForm {
  std::string_view word;
  int precedence = 0;
  bool unary = false;
};
inline constexpr int kComparisonPrecedence = 4;
OperatorForm FormOf(Operator op);

// Reads the whole of `tokens`. nullptr after the first mistake, which is in `diagnostics`.
std::unique_ptr<Syntax> ParseSyntax(const std::vector<Token>& tokens, const PlaceOf& place_of,
                                    std::vector<Diagnostic>& diagnostics);

// Turns it into the typed tree; all mistakes of names, types, units and constants go to
// `diagnostics`, and the result is then nullptr.
std::unique_ptr<Node> CheckSyntax(const Syntax& syntax, std::string_view text,
                                  const std::vector<Token>& tokens, ValueType wanted,
                                  const std::vector<MetricSpec>& metrics,
                                  std::vector<Diagnostic>& diagnostics);

}  // namespace tocsin
