#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "expression/diagnostic.h"
#include "functions/function.h"
#include "model/metric_spec.h"

// The typed tree of one expression of a rule (docs/specs/rules.md). Immutable once parsed.
namespace tocsin {

enum class Operator : std::uint8_t {
  kNegate,
  kNot,  // one operand
  kMultiply,
  kDivide,
  kModulo,
  kAdd,
  kSubtract,  // numbers
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,  // numbers to truth
  kEqual,
  kNotEqual,  // two numbers or two texts
  kMatch,
  kNotMatch,  // text and a constant RE2, anchored
  kAnd,
  kUnless,
  kOr,  // truths
};

struct Node {
  enum class Kind : std::uint8_t {
    kNumber,  // `number`; a duration such as 5m is its seconds
    kText,    // `text`
    kMetric,  // `metric`, and `text` is its name
    kDeviceId,
    kStatus,
    kLabel,     // `text` is its name
    kOperator,  // `op` over `children`
    kCall,      // `function` over `children`, and the constants of `call`
  };
  Kind kind = Kind::kNumber;
  ValueType type = ValueType::kNumber;
  double number = 0;
  bool duration = false;  // a kNumber that was written as one
  std::string text;
  std::size_t metric = 0;  // index of the declaration
  Operator op = Operator::kAdd;
  const FunctionSpec* function = nullptr;
  CallConstants call;
  std::vector<std::unique_ptr<Node>> children;  // of a call: its metric or expression arguments
  SourcePlace place;
  std::string source;  // the text it was read from, with single spaces
  std::string unit;    // of a number, "" when unknown or none
};

// Parses and checks one expression that must be of type `wanted`. `place` is where its text begins
// in its file. All mistakes of names, types and units go to `diagnostics` (of syntax the first),
// and the result is then nullptr. Bounded: at most 4 KiB of text, 64 levels of parentheses, calls
// and unary operators, 256 nodes. A minus before a number is part of the number.
std::unique_ptr<const Node> ParseExpression(std::string_view text, SourcePlace place,
                                            ValueType wanted,
                                            const std::vector<MetricSpec>& metrics,
                                            std::vector<Diagnostic>& diagnostics);

// The place of the byte at `offset` of an expression's text; for texts whose lines are not those of
// the file (quoted and folded scalars). Called for offsets up to the text's size.
using PlaceOf = std::function<SourcePlace(std::size_t offset)>;
std::unique_ptr<const Node> ParseExpression(std::string_view text, const PlaceOf& place_of,
                                            ValueType wanted,
                                            const std::vector<MetricSpec>& metrics,
                                            std::vector<Diagnostic>& diagnostics);

// The expression written in one canonical way (spaces, parentheses only where precedence needs
// them): two rules of equal meaning of text have equal canonical texts. Round-trips.
std::string CanonicalText(const Node& node);

}  // namespace tocsin
