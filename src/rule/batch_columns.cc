#include "rule/batch_columns.h"

#include <algorithm>
#include <utility>

#include "rule/operation.h"

namespace tocsin {
namespace {

constexpr std::uint8_t kNotAsked = 0xff;

bool IsContiguous(std::span<const std::uint32_t> rows) {
  std::uint32_t difference = 0;
  for (std::uint32_t i = 0; i < rows.size(); ++i) difference |= (rows[i] - rows[0]) ^ i;
  return difference == 0;
}

}  // namespace

BatchColumns::BatchColumns(const RuleProgram& program)
    : program_(program), columns_(program.steps().size()), device_truths_(program.texts().size()) {
  for (const ProgramStore& store : program.stores()) stores_.push_back(MakeStore(store));
}

BatchColumns::Store BatchColumns::MakeStore(const ProgramStore& store) const {
  const ProgramCall& first = program_.calls()[store.first_call];
  if (first.function->window == nullptr) {
    return {.state = first.function->make(first.constants), .windows = nullptr};
  }
  std::vector<WindowArgument> arguments;
  for (const std::uint32_t state : store.states) {
    WindowArgument& argument = arguments.emplace_back();
    for (const std::uint32_t index : program_.states()[state].calls) {
      const ProgramCall& call = program_.calls()[index];
      argument.samples = SamplesOf(*call.function);
      argument.calls.push_back(MakeWindowCall(*call.function, call.constants));
    }
  }
  auto windows = std::make_unique<SharedWindows>(std::move(arguments));
  SharedWindows* const shared = windows.get();
  return {.state = std::move(windows), .windows = shared};
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

ResultColumn BatchColumns::Result(std::uint32_t call, std::size_t rows) {
  const std::uint32_t step = program_.calls()[call].step;
  Column& column = columns_[step];
  if (program_.steps()[step].type == ValueType::kTruth) {
    column.truth.resize(rows);
    return {.number = {}, .null = {}, .truth = column.truth};
  }
  column.number.resize(rows);
  column.null.resize(rows);
  return {.number = column.number, .null = column.null, .truth = {}};
}

// The first call of a store works out all of them.
void BatchColumns::ComputeCall(std::uint32_t call, const EventRows& rows) {
  const std::uint32_t index = program_.states()[program_.calls()[call].state].store;
  const ProgramStore& store = program_.stores()[index];
  if (store.first_call != call) return;
  arguments_.clear();
  results_.clear();
  for (const std::uint32_t state : store.states) {
    const std::vector<std::uint32_t>& calls = program_.states()[state].calls;
    const Step& step = program_.steps()[program_.calls()[calls[0]].step];
    arguments_.push_back(Argument(step.a, rows.size()));
    for (const std::uint32_t of_state : calls) results_.push_back(Result(of_state, rows.size()));
  }
  if (stores_[index].windows != nullptr) {
    stores_[index].windows->EvaluateAll(rows, arguments_, results_);
  } else {
    stores_[index].state->Evaluate(rows, arguments_[0], results_[0]);
  }
  for (const std::uint32_t state : store.states) {
    for (const std::uint32_t of_state : program_.states()[state].calls) {
      const std::uint32_t step = program_.calls()[of_state].step;
      Column& column = columns_[step];
      column.values = column.number.data();
      column.has_null = program_.steps()[step].type == ValueType::kNumber && AnySet(column.null);
    }
  }
}

const FunctionState& BatchColumns::StateOf(std::size_t call) const {
  return *stores_[program_.states()[program_.calls()[call].state].store].state;
}

void BatchColumns::Flush(bool everything, const Put& put) {
  for (std::size_t i = 0; i < stores_.size(); ++i) {
    const std::vector<std::uint32_t>& states = program_.stores()[i].states;
    if (stores_[i].windows != nullptr) {
      stores_[i].windows->FlushAll(
          everything, [&](std::uint32_t argument, std::uint32_t device, std::uint64_t part,
                          std::string_view value) { put(states[argument], device, part, value); });
    } else {
      stores_[i].state->Flush(
          everything, [&](std::uint32_t device, std::uint64_t part, std::string_view value) {
            put(states[0], device, part, value);
          });
    }
  }
}

bool BatchColumns::Restore(std::uint32_t state, std::uint32_t device, std::uint64_t part,
                           std::string_view value) {
  const std::uint32_t index = program_.states()[state].store;
  if (stores_[index].windows == nullptr) return stores_[index].state->Restore(device, part, value);
  const std::vector<std::uint32_t>& states = program_.stores()[index].states;
  const auto argument = std::ranges::find(states, state) - states.begin();
  return stores_[index].windows->RestorePart(static_cast<std::uint32_t>(argument), device, part,
                                             value);
}

void BatchColumns::FinishRestore() {
  for (const Store& store : stores_) store.state->Finish();
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
  for (const Store& store : stores_) bytes += store.state->bytes();
  return bytes;
}

}  // namespace tocsin
