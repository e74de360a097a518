#include "rule/batch_columns.h"

#include <algorithm>
#include <utility>

#include "functions/shared_windows.h"
#include "rule/operation.h"

namespace tocsin {
namespace {

constexpr std::uint8_t kNotAsked = 0xff;

bool IsContiguous(std::span<const std::uint32_t> rows) {
  std::uint32_t difference = 0;
  for (std::uint32_t i = 0; i < rows.size(); ++i) difference |= (rows[i] - rows[0]) ^ i;
  return difference == 0;
}

std::unique_ptr<FunctionState> MakeState(const RuleProgram& program, const ProgramState& state) {
  const ProgramCall& first = program.calls()[state.calls[0]];
  if (first.function->window == nullptr) return first.function->make(first.constants);
  std::vector<WindowCall> calls;
  for (const std::uint32_t index : state.calls) {
    const ProgramCall& call = program.calls()[index];
    calls.push_back(MakeWindowCall(*call.function, call.constants));
  }
  return std::make_unique<SharedWindows>(SamplesOf(*first.function), std::move(calls));
}

}  // namespace

BatchColumns::BatchColumns(const RuleProgram& program)
    : program_(program), columns_(program.steps().size()), device_truths_(program.texts().size()) {
  for (const ProgramState& state : program.states()) states_.push_back(MakeState(program, state));
}

BatchColumns::~BatchColumns() = default;

void BatchColumns::Compute(const EventBatch& batch, std::span<const std::uint32_t> batch_rows,
                           const EventRows& rows) {
  batch_ = &batch;
  batch_rows_ = batch_rows;
  contiguous_ = IsContiguous(batch_rows);
  gathered_.resize(batch.metrics.size());
  for (std::vector<double>& column : gathered_) column.clear();
  if (batch_rows.empty()) return;
  const std::span<const Step> steps = program_.steps();
  for (std::uint32_t i = 0; i < steps.size(); ++i) {
    if (steps[i].needed) ComputeStep(i, rows);
  }
}

const double* BatchColumns::Metric(std::size_t metric) {
  const std::vector<double>& values = batch_->metrics[metric];
  if (batch_rows_.empty()) return values.data();
  if (contiguous_) return values.data() + batch_rows_[0];
  std::vector<double>& gathered = gathered_[metric];
  if (gathered.empty()) {
    gathered.resize(batch_rows_.size());
    for (std::size_t i = 0; i < gathered.size(); ++i) gathered[i] = values[batch_rows_[i]];
  }
  return gathered.data();
}

void BatchColumns::ComputeStep(std::uint32_t index, const EventRows& rows) {
  const Step& step = program_.steps()[index];
  Column& column = columns_[index];
  const std::size_t n = rows.size();
  switch (step.kind) {
    case Step::Kind::kNumber:
      break;
    case Step::Kind::kTruth:
      column.truth.assign(n, step.truth);
      break;
    case Step::Kind::kMetric:
      column.values = Metric(step.index);
      column.null.resize(n);
      column.has_null = FindNulls(column.values, column.null);
      break;
    case Step::Kind::kOperator:
      ComputeOperator(step, column);
      break;
    case Step::Kind::kText:
      ComputeText(step.index, rows.device, column);
      break;
    case Step::Kind::kCall:
      ComputeCall(step.index, rows);
      break;
  }
}

NumberOperand BatchColumns::Number(std::uint32_t step) const {
  if (step == Step::kNone) return {};
  if (program_.steps()[step].kind == Step::Kind::kNumber) {
    return {.constant = program_.steps()[step].number};
  }
  const Column& column = columns_[step];
  return {.values = column.values, .null = column.has_null ? column.null.data() : nullptr};
}

void BatchColumns::ComputeOperator(const Step& step, Column& column) {
  const std::size_t n = batch_rows_.size();
  if (!IsArithmetic(step.op) && !IsComparison(step.op)) {
    column.truth.resize(n);
    const std::uint8_t* b = step.b == Step::kNone ? nullptr : columns_[step.b].truth.data();
    Combine(step.op, columns_[step.a].truth.data(), b, column.truth);
    return;
  }
  const NumberOperand a = Number(step.a);
  const NumberOperand b = Number(step.b);
  if (IsComparison(step.op)) {
    column.truth.resize(n);
    Compare(step.op, a, b, column.truth);
    return;
  }
  column.number.resize(n);
  column.values = column.number.data();
  Calculate(step.op, a, b, column.number);
  column.has_null = a.null != nullptr || b.null != nullptr;
  if (!column.has_null) return;
  column.null.resize(n);
  UniteNulls(a, b, column.null);
}

EventTexts BatchColumns::TextsAt(std::size_t row) const {
  const std::uint32_t at = batch_rows_[row];
  return {batch_->device_id[at], batch_->status[at], program_.labels()};
}

void BatchColumns::ComputeText(std::size_t index, std::span<const std::uint32_t> device,
                               Column& column) {
  const TextComparison& comparison = program_.texts()[index];
  const std::size_t n = device.size();
  column.truth.resize(n);
  if (comparison.device_only()) {
    std::vector<std::uint8_t>& known = device_truths_[index];
    const std::size_t devices = *std::ranges::max_element(device) + std::size_t{1};
    if (known.size() < devices) known.resize(std::max(devices, 2 * known.size()), kNotAsked);
    for (std::size_t i = 0; i < n; ++i) {
      std::uint8_t& truth = known[device[i]];
      if (truth == kNotAsked) truth = comparison.Evaluate(TextsAt(i));
      column.truth[i] = truth;
    }
    return;
  }
  // Neighbours mostly have the same status.
  const bool reuse = comparison.status_only();
  for (std::size_t i = 0; i < n; ++i) {
    const bool same = reuse && i > 0 && batch_->status[batch_rows_[i]].data() != nullptr &&
                      batch_->status[batch_rows_[i - 1]].data() != nullptr &&
                      batch_->status[batch_rows_[i]] == batch_->status[batch_rows_[i - 1]];
    column.truth[i] = same ? column.truth[i - 1] : comparison.Evaluate(TextsAt(i));
  }
}

ArgumentColumn BatchColumns::Argument(std::uint32_t step, std::size_t rows) const {
  ArgumentColumn argument;
  if (step == Step::kNone) return argument;
  const Column& from = columns_[step];
  if (program_.steps()[step].type == ValueType::kTruth) {
    argument.truth = from.truth;
    return argument;
  }
  argument.number = {from.values, rows};
  if (from.has_null) argument.null = from.null;
  return argument;
}

// The first call of a state works out all of them.
void BatchColumns::ComputeCall(std::uint32_t call, const EventRows& rows) {
  const std::uint32_t state = program_.calls()[call].state;
  const std::vector<std::uint32_t>& calls = program_.states()[state].calls;
  if (calls[0] != call) return;
  const std::size_t n = rows.size();
  const std::span<const Step> steps = program_.steps();
  results_.clear();
  for (const std::uint32_t index : calls) {
    const std::uint32_t step = program_.calls()[index].step;
    Column& column = columns_[step];
    ResultColumn result;
    if (steps[step].type == ValueType::kNumber) {
      column.number.resize(n);
      column.null.resize(n);
      result.number = column.number;
      result.null = column.null;
    } else {
      column.truth.resize(n);
      result.truth = column.truth;
    }
    results_.push_back(result);
  }
  states_[state]->EvaluateAll(rows, Argument(steps[program_.calls()[call].step].a, n), results_);
  for (const std::uint32_t index : calls) {
    const std::uint32_t step = program_.calls()[index].step;
    Column& column = columns_[step];
    column.values = column.number.data();
    column.has_null = steps[step].type == ValueType::kNumber && AnySet(column.null);
  }
}

RowValue BatchColumns::Row::Metric(std::size_t metric) const {
  const double value = columns_.batch_->metrics[metric][columns_.batch_rows_[row_]];
  return {.number = value, .null = EventBatch::IsNull(value)};
}

RowValue BatchColumns::Row::Call(std::size_t call) const {
  const std::uint32_t step = columns_.program_.calls()[call].step;
  const Column& column = columns_.columns_[step];
  if (columns_.program_.steps()[step].type == ValueType::kTruth) {
    return {.truth = column.truth[row_]};
  }
  return {.number = column.number[row_], .null = column.null[row_] != 0};
}

std::uint8_t BatchColumns::Row::Text(std::size_t comparison) const {
  return columns_.program_.texts()[comparison].Evaluate(Texts());
}

std::size_t BatchColumns::bytes() const {
  std::size_t bytes = 0;
  for (const Column& column : columns_) {
    bytes += column.number.capacity() * sizeof(double) + column.null.capacity() +
             column.truth.capacity();
  }
  for (const auto& column : gathered_) bytes += column.capacity() * sizeof(double);
  for (const auto& truths : device_truths_) bytes += truths.capacity();
  for (const auto& state : states_) bytes += state->bytes();
  return bytes;
}

}  // namespace tocsin
