#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "functions/function.h"
#include "functions/shared_windows.h"
#include "model/event_batch.h"
#include "rule/column_loops.h"
#include "rule/program.h"
#include "rule/row_value.h"

namespace tocsin {

// The columns of a program's steps over one batch, and the state of its calls. The memory of the
// columns is reused from batch to batch.
//
// Threads: none but the owner's. `program` must outlive it.
class BatchColumns {
 public:
  explicit BatchColumns(const RuleProgram& program);
  ~BatchColumns();

  // Computes every needed step over the rows, which are good rows of `batch`. All three must stay
  // as they are while columns and rows of this call are read.
  void Compute(const EventBatch& batch, std::span<const std::uint32_t> batch_rows,
               const EventRows& rows);

  // One value per row, NaN where the metric is null.
  const double* Metric(std::size_t metric);
  // Of a needed step that is a truth.
  std::span<const std::uint8_t> Truth(std::uint32_t step) const { return columns_[step].truth; }

  // One row of the last Compute, as the steps see it.
  class Row final : public RowSource {
   public:
    Row(const BatchColumns& columns, std::size_t row) : columns_(columns), row_(row) {}
    RowValue Metric(std::size_t metric) const override;
    RowValue Call(std::size_t call) const override;
    std::uint8_t Text(std::size_t comparison) const override;
    EventTexts Texts() const { return columns_.TextsAt(row_); }

   private:
    const BatchColumns& columns_;
    std::size_t row_;
  };

  const FunctionState& StateOf(std::size_t call) const;

  // Keyed state, by ProgramState; otherwise as FunctionState has it.
  using Put = std::function<void(std::uint32_t state, std::uint32_t device, std::uint64_t part,
                                 std::string_view value)>;
  void Flush(bool everything, const Put& put);
  bool Restore(std::uint32_t state, std::uint32_t device, std::uint64_t part,
               std::string_view value);
  void FinishRestore();

  std::size_t bytes() const;

 private:
  struct Column {
    const double* values = nullptr;  // into the batch or `number`
    bool has_null = false;
    std::vector<double> number;
    std::vector<std::uint8_t> null;
    std::vector<std::uint8_t> truth;
  };
  // Of a ProgramStore.
  struct Store {
    std::unique_ptr<FunctionState> state;
    SharedWindows* windows = nullptr;  // the state, where it is one of windows
  };

  Store MakeStore(const ProgramStore& store) const;
  EventTexts TextsAt(std::size_t row) const;
  NumberOperand Number(std::uint32_t step) const;
  void ComputeStep(std::uint32_t index, const EventRows& rows);
  void ComputeOperator(const Step& step, Column& column);
  void ComputeText(std::size_t comparison, std::span<const std::uint32_t> device, Column& column);
  void ComputeCall(std::uint32_t call, const EventRows& rows);
  ArgumentColumn Argument(std::uint32_t step, std::size_t rows) const;
  ResultColumn Result(std::uint32_t call, std::size_t rows);

  const RuleProgram& program_;
  std::vector<Column> columns_;  // by step
  std::vector<Store> stores_;
  std::vector<ArgumentColumn> arguments_;                 // of the states of one store
  std::vector<ResultColumn> results_;                     // of the calls of one store
  std::vector<std::vector<std::uint8_t>> device_truths_;  // by text comparison, then device code
  std::vector<std::vector<double>> gathered_;             // by metric; empty = not this batch

  const EventBatch* batch_ = nullptr;
  std::span<const std::uint32_t> batch_rows_;
  bool contiguous_ = true;  // the rows stand one after the other in the batch
};

}  // namespace tocsin
