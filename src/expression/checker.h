#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "expression/syntax.h"

namespace tocsin {

// Gives every part of one expression its meaning, type and unit. A part with a mistake becomes
// nullptr, and what stands around it is not judged by it, so that each mistake is said once.
class Checker {
 public:
  // All must outlive it.
  Checker(std::string_view text, const std::vector<Token>& tokens,
          const std::vector<MetricSpec>& metrics, std::vector<Diagnostic>& diagnostics)
      : text_(text), tokens_(tokens), metrics_(metrics), diagnostics_(diagnostics) {}

  std::unique_ptr<Node> Check(const Syntax& syntax);
  bool Expect(const Node& node, ValueType wanted, const std::string& what);

 private:
  std::unique_ptr<Node> Make(const Syntax& syntax, Node::Kind kind, ValueType type) const;
  // The text of a part with single spaces.
  std::string SourceOf(const Syntax& syntax) const;
  std::nullptr_t Fail(const SourcePlace& place, std::string message);

  std::unique_ptr<Node> CheckName(const Syntax& syntax);
  std::unique_ptr<Node> CheckLabel(const Syntax& syntax);
  std::unique_ptr<Node> UnknownName(const Syntax& syntax);
  std::unique_ptr<Node> CheckOperator(const Syntax& syntax);
  bool CheckOperands(Node& node);
  bool CheckArithmetic(Node& node);
  bool CheckComparison(Node& node);
  bool CheckMatch(Node& node);
  bool CheckUnits(Node& node);

  // check_call.cc
  std::unique_ptr<Node> CheckCall(const Syntax& syntax);
  const FunctionSpec* FindCalled(const Syntax& syntax);
  bool CheckArity(const Syntax& syntax, const FunctionSpec& function, std::size_t given);
  bool CheckArgument(const Syntax& argument, const Parameter& parameter, Node& call);
  bool CheckMetricArgument(const Syntax& argument, const Parameter& parameter, Node& call);
  bool CheckWindow(const Syntax& argument, const Parameter& parameter, Node& call);
  bool CheckConstant(const Syntax& argument, const Parameter& parameter, Node& call);
  bool CheckNamedArgument(const Syntax& argument, Node& call);

  std::string_view text_;
  const std::vector<Token>& tokens_;
  const std::vector<MetricSpec>& metrics_;
  std::vector<Diagnostic>& diagnostics_;
};

// In lower case (ASCII).
std::string LowerCase(std::string_view text);
// "; did you mean `x`?", or nothing when no candidate is near.
std::string DidYouMean(std::string_view name, const std::vector<std::string_view>& candidates);

}  // namespace tocsin
