#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "functions/function.h"
#include "functions/reading_ring.h"
#include "rule/rule_set.h"
#include "rule/text_comparison.h"

namespace tocsin {

// One operation of the compiled rules. Its operands are earlier steps, and equal operations are one
// step, whichever rules they stand in (static single assignment with value numbering).
struct Step {
  static constexpr std::uint32_t kNone = 0xffffffff;
  enum class Kind : std::uint8_t {
    kNumber,    // the constant `number`
    kTruth,     // the constant `truth`
    kMetric,    // metric `index`
    kOperator,  // `op` of `a` and `b`
    kText,      // text comparison `index`
    kCall,      // call `index` of the argument `a`
  };
  Kind kind = Kind::kNumber;
  ValueType type = ValueType::kNumber;
  Operator op = Operator::kAdd;
  std::uint8_t truth = kUnknown;
  bool needed = false;  // some step or rule reads it as a column
  std::uint32_t a = kNone;
  std::uint32_t b = kNone;
  std::uint32_t index = 0;
  double number = 0;
};

// One stateful call.
struct ProgramCall {
  const FunctionSpec* function = nullptr;
  CallConstants constants;
  std::uint32_t step = 0;
  std::uint32_t state = 0;
};

// What is remembered of the devices: for one call, or for all calls over windows of one argument.
// `key` is stable over restarts and over changes of other rules: XXH3-64 over the call's canonical
// text, or over `readings(ARGUMENT)`.
struct ProgramState {
  std::uint64_t key = 0;
  std::uint32_t store = 0;
  std::vector<std::uint32_t> calls;  // in the order of their steps
};

// States that are kept together in memory and worked out at once: one, or those over windows of
// arguments that have a value at every event and are looked at about as long.
struct ProgramStore {
  static constexpr std::size_t kMostStates = ReadingRow::kMostArguments;
  std::vector<std::uint32_t> states;
  std::uint32_t first_call = 0;  // of the calls of all of them: their arguments stand before it
};

// A comparison of numbers. The comparisons of an expression stand in the order of their text, one
// outside a call before those in its argument.
struct ProgramComparison {
  std::uint32_t step = 0;
  std::uint32_t left = 0;
};

struct ProgramExpression {
  std::uint32_t root = 0;
  std::vector<ProgramComparison> comparisons;
};

// An operand that explains: a number or a text.
struct ExplainedOperand {
  std::string text;  // canonical
  std::uint32_t step = Step::kNone;
  std::optional<TextOperand> operand;  // when step is kNone
};

// A rule that compares a metric with a constant: needs no column of its own.
struct MetricThreshold {
  std::size_t metric = 0;
  Operator op = Operator::kGreaterEqual;
  double threshold = 0;
};

struct ProgramRule {
  static constexpr std::size_t kMaxExplained = 16;
  std::vector<ProgramExpression> levels;
  std::optional<ProgramExpression> clear;
  std::optional<MetricThreshold> threshold;
  std::vector<ExplainedOperand> explained;
  bool stateful = false;
  bool time_driven = false;
};

// All rules of a set as one list of steps in the order of their dependencies. Immutable.
class RuleProgram {
 public:
  RuleProgram(const std::vector<RuleDefinition>& rules, std::span<const MetricSpec> metrics,
              const LabelSource* labels);

  std::span<const Step> steps() const { return steps_; }
  std::span<const ProgramCall> calls() const { return calls_; }
  std::span<const ProgramState> states() const { return states_; }
  std::span<const ProgramStore> stores() const { return stores_; }
  std::span<const TextComparison> texts() const { return texts_; }
  const ProgramRule& rule(std::size_t index) const { return rules_[index]; }
  std::span<const ProgramRule> rules() const { return rules_; }
  const LabelSource* labels() const { return labels_; }

 private:
  friend class RuleCompiler;
  void MarkNeeded();
  bool AlwaysHasValue(const ProgramState& state, std::span<const MetricSpec> metrics) const;
  void MakeStores(std::span<const MetricSpec> metrics);

  std::vector<Step> steps_;
  std::vector<ProgramCall> calls_;
  std::vector<ProgramState> states_;
  std::vector<ProgramStore> stores_;
  std::vector<TextComparison> texts_;
  std::vector<ProgramRule> rules_;
  const LabelSource* labels_;
};

}  // namespace tocsin
