#include "rule/program.h"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <bit>
#include <map>
#include <utility>

#include "functions/sample.h"
#include "functions/shared_windows.h"
#include "rule/operation.h"
#include "rule/row_value.h"

namespace tocsin {

// Turns trees into steps. Lives only while a program is made.
class RuleCompiler {
 public:
  explicit RuleCompiler(RuleProgram& program) : program_(program) {}

  // The arguments of windows that need no call stand before every call, so that windows of
  // different arguments can be worked out together.
  void AddWindowArguments(const Node& node) {
    if (node.kind == Node::Kind::kCall && node.function->window != nullptr &&
        !HasCall(*node.children[0])) {
      Add(*node.children[0]);
    }
    for (const auto& child : node.children) AddWindowArguments(*child);
  }
  ProgramRule Compile(const RuleDefinition& definition) {
    ProgramRule rule;
    for (const RuleLevel& level : definition.levels) {
      rule.levels.push_back(Expression(*level.condition, rule));
    }
    if (definition.clear) rule.clear = Expression(*definition.clear, rule);
    if (rule.levels.size() == 1) rule.threshold = ThresholdOf(rule.levels[0].root);
    return rule;
  }

 private:
  // Kind with operator, operands, and what else tells two steps apart.
  using Identity = std::array<std::uint64_t, 6>;

  static bool HasCall(const Node& node) {
    return node.kind == Node::Kind::kCall ||
           std::ranges::any_of(node.children, [](const auto& child) { return HasCall(*child); });
  }

  ProgramExpression Expression(const Node& node, ProgramRule& rule) {
    ProgramExpression expression;
    expression.root = Add(node);
    Visit(node, expression, rule);
    return expression;
  }

  std::uint32_t Add(const Node& node) {
    Step step;
    step.type = node.type;
    switch (node.kind) {
      case Node::Kind::kNumber:
        return Constant(node.number);
      case Node::Kind::kMetric:
        step.kind = Step::Kind::kMetric;
        step.index = static_cast<std::uint32_t>(node.metric);
        return Intern(step);
      case Node::Kind::kCall:
        return AddCall(node);
      default:
        break;
    }
    if (node.op == Operator::kMatch || node.op == Operator::kNotMatch ||
        node.children[0]->type == ValueType::kText) {
      return AddText(node);
    }
    step.kind = Step::Kind::kOperator;
    step.op = node.op;
    step.a = Add(*node.children[0]);
    if (node.children.size() > 1) step.b = Add(*node.children[1]);
    return Folded(step);
  }

  std::uint32_t AddCall(const Node& node) {
    std::string text = CanonicalText(node);
    if (const auto found = call_steps_.find(text); found != call_steps_.end()) {
      return found->second;
    }
    Step step;
    step.kind = Step::Kind::kCall;
    step.type = node.type;
    if (!node.children.empty()) step.a = Add(*node.children[0]);
    step.index = static_cast<std::uint32_t>(program_.calls_.size());
    const std::uint32_t index = Intern(step);
    const std::uint32_t state = StateOf(node, text);
    program_.calls_.push_back({node.function, node.call, index, state});
    program_.states_[state].calls.push_back(step.index);
    call_steps_.emplace(std::move(text), index);
    return index;
  }

  std::uint32_t StateOf(const Node& node, const std::string& call) {
    const std::string text = node.function->window == nullptr
                                 ? call
                                 : "readings(" + CanonicalText(*node.children[0]) + ")";
    const auto [found, is_new] =
        states_.try_emplace(text, static_cast<std::uint32_t>(program_.states_.size()));
    if (is_new) {
      program_.states_.push_back(
          {.key = XXH3_64bits(text.data(), text.size()), .store = 0, .calls = {}});
    }
    return found->second;
  }

  std::uint32_t AddText(const Node& node) {
    const auto [found, is_new] =
        texts_.try_emplace(CanonicalText(node), static_cast<std::uint32_t>(texts_.size()));
    if (is_new) program_.texts_.emplace_back(node);
    const TextComparison& comparison = program_.texts_[found->second];
    Step step;
    step.type = ValueType::kTruth;
    step.kind = Step::Kind::kText;
    step.index = found->second;
    if (!comparison.is_constant()) return Intern(step);
    step.kind = Step::Kind::kTruth;
    step.truth = comparison.Evaluate({});
    step.index = 0;
    return Intern(step);
  }

  std::uint32_t Constant(double number) {
    Step step;
    step.number = number;
    return Intern(step);
  }

  // An operator over constants is a constant.
  std::uint32_t Folded(Step step) {
    const auto constant = [this](std::uint32_t operand) {
      return operand == Step::kNone || program_.steps_[operand].kind == Step::Kind::kNumber ||
             program_.steps_[operand].kind == Step::Kind::kTruth;
    };
    if (!constant(step.a) || !constant(step.b)) return Intern(step);
    const auto value = [this](std::uint32_t operand) {
      if (operand == Step::kNone) return RowValue{};
      const Step& from = program_.steps_[operand];
      return RowValue{.number = from.number, .truth = from.truth};
    };
    const RowValue folded = Apply(step.op, value(step.a), value(step.b));
    if (step.type == ValueType::kNumber) return Constant(folded.number);
    Step truth;
    truth.kind = Step::Kind::kTruth;
    truth.type = ValueType::kTruth;
    truth.truth = folded.truth;
    return Intern(truth);
  }

  std::uint32_t Intern(const Step& step) {
    const Identity identity = {std::to_underlying(step.kind) * 256u + std::to_underlying(step.op),
                               step.a,
                               step.b,
                               step.index,
                               std::bit_cast<std::uint64_t>(step.number),
                               step.truth};
    const auto [found, is_new] =
        identities_.try_emplace(identity, static_cast<std::uint32_t>(program_.steps_.size()));
    if (is_new) program_.steps_.push_back(step);
    return found->second;
  }

  // What the tree says beyond its value: comparisons, operands, and whether it has a memory.
  void Visit(const Node& node, ProgramExpression& expression, ProgramRule& rule) {
    if (node.kind == Node::Kind::kCall) {
      rule.stateful = true;
      rule.time_driven |= node.function->time_driven;
    }
    const bool tests =
        node.kind == Node::Kind::kOperator &&
        (IsComparison(node.op) || node.op == Operator::kMatch || node.op == Operator::kNotMatch);
    if (tests) {
      if (node.children[0]->type == ValueType::kNumber) {
        expression.comparisons.push_back({Add(node), Add(*node.children[0])});
      }
      for (const auto& child : node.children) Explain(*child, rule);
    }
    for (const auto& child : node.children) Visit(*child, expression, rule);
  }

  void Explain(const Node& node, ProgramRule& rule) {
    if (rule.explained.size() == ProgramRule::kMaxExplained) return;
    ExplainedOperand explained{.text = CanonicalText(node), .step = Step::kNone, .operand = {}};
    if (node.type == ValueType::kText) {
      explained.operand.emplace(node);
      if (explained.operand->is_constant()) return;
    } else {
      explained.step = Add(node);
      if (program_.steps_[explained.step].kind == Step::Kind::kNumber) return;
    }
    if (std::ranges::find(rule.explained, explained.text, &ExplainedOperand::text) !=
        rule.explained.end()) {
      return;
    }
    rule.explained.push_back(std::move(explained));
  }

  std::optional<MetricThreshold> ThresholdOf(std::uint32_t root) const {
    const Step& step = program_.steps_[root];
    if (step.kind != Step::Kind::kOperator || !IsComparison(step.op)) return std::nullopt;
    const Step& a = program_.steps_[step.a];
    const Step& b = program_.steps_[step.b];
    if (a.kind == Step::Kind::kMetric && b.kind == Step::Kind::kNumber) {
      return MetricThreshold{a.index, step.op, b.number};
    }
    if (a.kind == Step::Kind::kNumber && b.kind == Step::Kind::kMetric) {
      return MetricThreshold{b.index, Mirrored(step.op), a.number};
    }
    return std::nullopt;
  }

  RuleProgram& program_;
  std::map<Identity, std::uint32_t> identities_;
  std::map<std::string, std::uint32_t> texts_;       // by canonical text
  std::map<std::string, std::uint32_t> call_steps_;  // likewise
  std::map<std::string, std::uint32_t> states_;      // by what their keys are made of
};

RuleProgram::RuleProgram(const std::vector<RuleDefinition>& rules,
                         std::span<const MetricSpec> metrics, const LabelSource* labels)
    : labels_(labels) {
  RuleCompiler compiler(*this);
  for (const RuleDefinition& rule : rules) {
    for (const RuleLevel& level : rule.levels) compiler.AddWindowArguments(*level.condition);
    if (rule.clear) compiler.AddWindowArguments(*rule.clear);
  }
  for (const RuleDefinition& rule : rules) rules_.push_back(compiler.Compile(rule));
  MarkNeeded();
  MakeStores(metrics);
}

void RuleProgram::MarkNeeded() {
  for (const ProgramRule& rule : rules_) {
    if (!rule.threshold) {
      for (const ProgramExpression& level : rule.levels) steps_[level.root].needed = true;
    }
    if (rule.clear) steps_[rule.clear->root].needed = true;
  }
  // A call's state must see every event.
  for (const ProgramCall& call : calls_) steps_[call.step].needed = true;
  for (std::size_t i = steps_.size(); i-- > 0;) {
    if (!steps_[i].needed) continue;
    if (steps_[i].a != Step::kNone) steps_[steps_[i].a].needed = true;
    if (steps_[i].b != Step::kNone) steps_[steps_[i].b].needed = true;
  }
}

// A truth does, and a metric without which an event is rejected, if its valid values are readings
// (functions/sample.h).
bool RuleProgram::AlwaysHasValue(const ProgramState& state,
                                 std::span<const MetricSpec> metrics) const {
  const ProgramCall& call = calls_[state.calls[0]];
  const Step& argument = steps_[steps_[call.step].a];
  if (SamplesOf(*call.function) == WindowArgument::Samples::kEveryEvent) return true;
  const MetricSpec& metric = metrics[argument.index];
  return metric.required && metric.min >= -kLargestReading && metric.max <= kLargestReading;
}

void RuleProgram::MakeStores(std::span<const MetricSpec> metrics) {
  std::vector<bool> has_call(steps_.size());
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const auto inside = [&](std::uint32_t step) { return step != Step::kNone && has_call[step]; };
    has_call[i] = steps_[i].kind == Step::Kind::kCall || inside(steps_[i].a) || inside(steps_[i].b);
  }
  const auto longest = [&](std::uint32_t state) {
    std::int64_t window_us = 0;
    for (const std::uint32_t call : states_[state].calls) {
      window_us = std::max(window_us, calls_[call].constants.window_us);
    }
    return window_us;
  };
  std::vector<std::uint32_t> together;
  for (std::uint32_t i = 0; i < states_.size(); ++i) {
    const ProgramCall& call = calls_[states_[i].calls[0]];
    if (call.function->window != nullptr && !has_call[steps_[call.step].a] &&
        AlwaysHasValue(states_[i], metrics)) {
      together.push_back(i);
    } else {
      stores_.push_back({.states = {i}});
    }
  }
  // A row of two arguments is as long as one and a half readings: those whose windows are at least
  // half as long as the longest take no more memory together than each by itself.
  std::ranges::stable_sort(together, std::ranges::greater(), longest);
  for (const std::uint32_t state : together) {
    ProgramStore* last = stores_.empty() ? nullptr : &stores_.back();
    if (state == together[0] || last->states.size() == ProgramStore::kMostStates ||
        2 * longest(state) < longest(last->states[0])) {
      last = &stores_.emplace_back();
    }
    last->states.push_back(state);
  }
  for (std::uint32_t store = 0; store < stores_.size(); ++store) {
    stores_[store].first_call = Step::kNone;
    for (const std::uint32_t state : stores_[store].states) {
      states_[state].store = store;
      stores_[store].first_call = std::min(stores_[store].first_call, states_[state].calls[0]);
    }
  }
}

}  // namespace tocsin
