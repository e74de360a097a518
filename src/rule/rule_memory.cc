#include "rule/rule_memory.h"

#include <algorithm>
#include <limits>
#include <unordered_map>

#include "base/bytes.h"
#include "base/json_text.h"
#include "rule/batch_columns.h"
#include "rule/program.h"
#include "rule/row_value.h"

namespace tocsin {
namespace {

// A device for which no event came.
class MomentOfDevice final : public RowSource {
 public:
  MomentOfDevice(const RuleProgram& program, const BatchColumns& columns, std::uint32_t device,
                 std::string_view device_id, std::int64_t t_us)
      : program_(program), columns_(columns), device_(device), device_id_(device_id), t_us_(t_us) {}

  RowValue Metric(std::size_t) const override { return {.null = true}; }
  RowValue Call(std::size_t call) const override {
    const FunctionState::ValueAt value = columns_.StateOf(call).At(device_, t_us_);
    return {.number = value.number, .null = value.null, .truth = value.truth};
  }
  std::uint8_t Text(std::size_t comparison) const override {
    return program_.texts()[comparison].Evaluate({device_id_, {}, program_.labels()});
  }

 private:
  const RuleProgram& program_;
  const BatchColumns& columns_;
  const std::uint32_t device_;
  const std::string_view device_id_;
  const std::int64_t t_us_;
};

// Keys: 8 bytes of ProgramState::key, then the part as a varint.
constexpr std::size_t kKeyBytes = 8;

}  // namespace

struct RuleMemory::Parts {
  explicit Parts(const RuleSet& rules) : program(rules.program()), columns(program) {
    outcome.words = rules.words();
    outcome.level.resize(program.rules().size());
    outcome.clear.resize(program.rules().size());
    for (std::uint32_t i = 0; i < program.states().size(); ++i) {
      state_of_key.emplace(program.states()[i].key, i);
    }
    for (std::uint32_t i = 0; i < program.calls().size(); ++i) {
      if (program.calls()[i].function->time_driven) time_driven.push_back(i);
    }
  }

  void Judge(std::size_t index, std::size_t rows) {
    const ProgramRule& rule = program.rule(index);
    const ConditionBits bits = {.words = outcome.conditions.data() + index / 64,
                                .stride = outcome.words,
                                .rows = rows,
                                .bit = static_cast<unsigned>(index % 64)};
    if (rule.threshold) {
      SetWhere(rule.threshold->op, columns.Metric(rule.threshold->metric),
               rule.threshold->threshold, bits);
    } else if (rule.levels.size() == 1) {
      SetWhereTrue(columns.Truth(rule.levels[0].root).data(), bits);
    } else {
      JudgeLevels(rule, outcome.level[index], bits);
    }
    if (!rule.clear) return;
    std::vector<std::uint8_t>& clear = outcome.clear[index];
    clear.resize(rows);
    const std::uint8_t* truth = columns.Truth(rule.clear->root).data();
    for (std::size_t i = 0; i < rows; ++i) clear[i] = truth[i] & 1;
  }

  void JudgeLevels(const ProgramRule& rule, std::vector<std::uint8_t>& level,
                   const ConditionBits& bits) {
    level.assign(bits.rows, 0);
    for (std::size_t l = 0; l < rule.levels.size(); ++l) {
      const auto number = static_cast<std::uint8_t>(l + 1);
      const std::uint8_t* truth = columns.Truth(rule.levels[l].root).data();
      for (std::size_t i = 0; i < bits.rows; ++i) {
        level[i] = truth[i] == kTrue ? number : level[i];
      }
      SetWhereTrue(truth, bits);
    }
  }

  const RuleProgram& program;
  BatchColumns columns;
  RuleOutcome outcome;
  std::unordered_map<std::uint64_t, std::uint32_t> state_of_key;
  std::vector<std::uint32_t> time_driven;  // calls
  std::string key;
  bool stale = false;
};

RuleMemory::RuleMemory(const RuleSet& rules) : parts_(std::make_unique<Parts>(rules)) {}
RuleMemory::~RuleMemory() = default;

const RuleOutcome& RuleMemory::Evaluate(const EventBatch& batch,
                                        std::span<const std::uint32_t> batch_rows,
                                        const EventRows& rows) {
  Parts& parts = *parts_;
  parts.outcome.conditions.assign(rows.size() * parts.outcome.words, 0);
  parts.columns.Compute(batch, batch_rows, rows);
  for (std::size_t i = 0; i < parts.program.rules().size(); ++i) parts.Judge(i, rows.size());
  return parts.outcome;
}

double RuleMemory::Value(std::size_t rule, std::size_t row, std::size_t level) const {
  const ProgramRule& of = parts_->program.rule(rule);
  return DecidingValue(parts_->program, of.levels[level == 0 ? 0 : level - 1], level != 0,
                       BatchColumns::Row(parts_->columns, row));
}

void RuleMemory::Explain(std::size_t rule, std::size_t row, std::string& json) const {
  const BatchColumns::Row source(parts_->columns, row);
  char separator = '{';
  for (const ExplainedOperand& operand : parts_->program.rule(rule).explained) {
    json += separator;
    separator = ',';
    AppendJsonString(json, operand.text);
    json += ':';
    if (operand.operand) {
      const std::string_view text = operand.operand->Of(source.Texts());
      if (text.data() == nullptr) {
        json += "null";
      } else {
        AppendJsonString(json, text);
      }
    } else {
      const RowValue value = ValueOf(parts_->program, operand.step, source);
      AppendJsonNumber(json, value.null ? std::numeric_limits<double>::quiet_NaN() : value.number);
    }
  }
  if (separator == '{') json += '{';
  json += '}';
}

RuleMemory::AtTime RuleMemory::EvaluateAt(std::size_t rule, std::uint32_t device,
                                          std::string_view device_id, std::int64_t t_us) const {
  const RuleProgram& program = parts_->program;
  const ProgramRule& of = program.rule(rule);
  const MomentOfDevice source(program, parts_->columns, device, device_id, t_us);
  AtTime at;
  for (std::size_t level = of.levels.size(); level > 0 && at.level == 0; --level) {
    if (ValueOf(program, of.levels[level - 1].root, source).truth == kTrue) {
      at.level = static_cast<std::uint8_t>(level);
    }
  }
  at.clear = of.clear && ValueOf(program, of.clear->root, source).truth == kTrue;
  at.value =
      DecidingValue(program, of.levels[at.level == 0 ? 0 : at.level - 1u], at.level != 0, source);
  return at;
}

std::int64_t RuleMemory::NextChange(std::uint32_t device, std::int64_t t_us) const {
  std::int64_t next = FunctionState::kNever;
  for (const std::uint32_t call : parts_->time_driven) {
    next = std::min(next, parts_->columns.StateOf(call).NextChange(device, t_us));
  }
  return next;
}

void RuleMemory::Flush(bool everything, const Put& put) {
  Parts& parts = *parts_;
  parts.columns.Flush(everything, [&](std::uint32_t state, std::uint32_t device, std::uint64_t part,
                                      std::string_view value) {
    parts.key.clear();
    PutBigEndian64(parts.key, parts.program.states()[state].key);
    PutVarint(parts.key, part);
    put(device, parts.key, value);
  });
}

bool RuleMemory::Restore(std::uint32_t device, std::string_view key, std::string_view value) {
  if (key.size() <= kKeyBytes) return false;
  std::uint64_t part = 0;
  const char* end = key.data() + key.size();
  if (ReadVarint(key.data() + kKeyBytes, end, part) != end) return false;
  const auto state = parts_->state_of_key.find(GetBigEndian64(key.data()));
  if (state == parts_->state_of_key.end()) {
    parts_->stale = true;
    return true;
  }
  return parts_->columns.Restore(state->second, device, part, value);
}

void RuleMemory::FinishRestore() {
  parts_->columns.FinishRestore();
}

bool RuleMemory::stale() const {
  return parts_->stale;
}

std::size_t RuleMemory::bytes() const {
  const RuleOutcome& outcome = parts_->outcome;
  std::size_t bytes = sizeof(Parts) + outcome.conditions.capacity() * sizeof(std::uint64_t);
  for (const auto& level : outcome.level) bytes += level.capacity();
  for (const auto& clear : outcome.clear) bytes += clear.capacity();
  return bytes + parts_->columns.bytes();
}

}  // namespace tocsin
