#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// The functions of the rule language: what the checker, the evaluation and the reference page know
// of each. One file a function; the list is functions.def.
namespace tocsin {

enum class ValueType : std::uint8_t { kNumber, kTruth, kText };

// Truth in three values, as a byte of a column.
enum Truth : std::uint8_t { kFalse = 0, kTrue = 1, kUnknown = 2 };

enum class ParameterKind : std::uint8_t {
  kMetric,  // a declared metric by name
  kTruth,   // any expression that is true or false
  kWindow,  // a constant duration above 0, like 5m: at most 31 days
  kNumber,  // a constant number
  kCount,   // a constant whole number, at least 1
};

struct Parameter {
  std::string_view name;  // for messages and the reference page
  ParameterKind kind = ParameterKind::kMetric;
  double min = 0, max = 0;  // of kNumber and kCount, both included; 0, 0 = no bound
};

// The constant arguments of one call.
struct CallConstants {
  std::int64_t window_us = 0;     // the kWindow argument; half-life, gap
  double number = 0;              // the kNumber or kCount argument
  std::uint32_t min_samples = 0;  // readings below which the value is null
  bool operator==(const CallConstants&) const = default;
};

// How the unit of the result follows from the metric's.
enum class ResultUnit : std::uint8_t { kNone, kSame, kPerSecond };

class FunctionState;
class WindowFunction;

struct FunctionSpec {
  std::string_view name;
  std::span<const Parameter> parameters;
  ValueType result = ValueType::kNumber;
  ResultUnit unit = ResultUnit::kNone;
  std::uint32_t min_samples = 1;  // default; `min_samples=N` as last argument where windowed
  bool windowed = false;          // reads the device's past readings in (t - window, t]
  bool time_driven = false;       // can become true though no event comes (absent, tumbling_*)
  std::string_view summary;       // one sentence
  std::string_view details;       // more sentences; exact definition
  std::string_view example;       // a complete truth expression over the default metrics
  // State of one call for the devices of one partition.
  std::unique_ptr<FunctionState> (*make)(const CallConstants& constants) = nullptr;
  // Where windowed: the function alone, for a state that calls of the same argument share
  // (shared_windows.h). min_samples is that of the call.
  std::unique_ptr<WindowFunction> (*window)(const CallConstants& constants) = nullptr;
};

// All functions, by name. FindFunction gives nullptr for an unknown name.
std::span<const FunctionSpec* const> Functions();
const FunctionSpec* FindFunction(std::string_view name);

// Accepted rows of one batch, in log order; row i of every column belongs to element i of these.
struct EventRows {
  std::span<const std::uint32_t> device;  // dense code of the device
  std::span<const std::int64_t> time_us;  // event time t
  // 1 when t >= the device's clock as of this row: t moves its state on. 0: out of order; it takes
  // its place in windows by its own t, its value is of the window up to t, and functions without a
  // window (lag, changed, ewma, consecutive, gap, stuck) do not move and are null (truths unknown).
  std::span<const std::uint8_t> in_order;
  std::size_t size() const { return device.size(); }
};

// One argument as a column. Numbers: `null` is empty when no row is null. Truths: `truth`.
struct ArgumentColumn {
  std::span<const double> number;
  std::span<const std::uint8_t> null;
  std::span<const std::uint8_t> truth;
};

// Where a call writes its result: `number` with `null` (every byte set), or `truth`.
struct ResultColumn {
  std::span<double> number;
  std::span<std::uint8_t> null;
  std::span<std::uint8_t> truth;
};

// The state of one call for all devices of a partition, by dense device code. A value is a pure
// function of the device's events so far in log order: the same after a restart, in a replay and in
// a backtest, bit for bit; never of the history of the data structure.
//
// Cost: amortised O(log n) per event in the readings n of the window, no allocation per event.
// Threads: none but the owner's.
class FunctionState {
 public:
  virtual ~FunctionState() = default;

  // Takes in the rows and writes the value at each. Codes new to this state may appear.
  virtual void Evaluate(const EventRows& rows, const ArgumentColumn& argument,
                        ResultColumn result) = 0;

  // Time-driven functions: the value at time `t_us` if no further event came (t_us is not before
  // the device's clock). A number writes `number` (NaN = null), a truth returns in `truth`.
  struct ValueAt {
    double number = 0;
    bool null = true;
    std::uint8_t truth = kUnknown;
  };
  virtual ValueAt At(std::uint32_t device, std::int64_t t_us) const = 0;
  // The first time after `t_us` at which At() may differ from its value at `t_us`, if no further
  // event comes; kNever when it cannot.
  static constexpr std::int64_t kNever = INT64_MAX;
  virtual std::int64_t NextChange(std::uint32_t device, std::int64_t t_us) const = 0;

  // Keyed state. Put is called for every device whose state changed since the last Flush (or for
  // all with `everything`), with one or more parts: a part is a small number chosen by the function
  // (0 for state that is rewritten whole; chunks of a window have numbers of their own, so that one
  // new reading rewrites few bytes). An empty value deletes the part.
  using Put = std::function<void(std::uint32_t device, std::uint64_t part, std::string_view value)>;
  virtual void Flush(bool everything, const Put& put) = 0;
  // Takes back a part. False when it cannot be read. Finish() after the last one.
  virtual bool Restore(std::uint32_t device, std::uint64_t part, std::string_view value) = 0;
  virtual void Finish() {}

  virtual std::size_t bytes() const = 0;  // memory held
};

}  // namespace tocsin
