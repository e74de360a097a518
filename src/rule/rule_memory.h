#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "functions/function.h"
#include "model/event_batch.h"
#include "rule/rule_set.h"

namespace tocsin {

// What the rules say at the rows that were evaluated last. Row numbers are positions in the
// EventRows of that call, not rows of the batch.
struct RuleOutcome {
  std::size_t words = 1;
  std::vector<std::uint64_t>
      conditions;  // row * words + rule / 64: bit set where some level is true
  // By rule: the level at each row, 0 = none, else the position in RuleDefinition::levels + 1.
  // Empty for a rule with one level (its level is its condition bit).
  std::vector<std::vector<std::uint8_t>> level;
  // By rule: 1 where `clear` is true. Empty for a rule without one.
  std::vector<std::vector<std::uint8_t>> clear;

  std::span<const std::uint64_t> Row(std::size_t row) const {
    return std::span(conditions).subspan(row * words, words);
  }
};

// Evaluates the rules over batches and keeps what their functions remember of the devices of one
// partition. Vectorised: one operation over all rows of the batch at a time.
//
// Threads: none but the owner's. `rules` must outlive it.
class RuleMemory {
 public:
  explicit RuleMemory(const RuleSet& rules);
  ~RuleMemory();

  // `batch_rows[i]` is the row in `batch` of element i of `rows`. The outcome is valid until the
  // next call; so are Value and Explain for its rows, as long as `batch` and `batch_rows` stay as
  // they are. Allocates nothing once the batches have had their largest size.
  const RuleOutcome& Evaluate(const EventBatch& batch, std::span<const std::uint32_t> batch_rows,
                              const EventRows& rows);
  // The left side of the first true comparison of the rule's level (of its first comparison when
  // `level` is 0); NaN = null.
  double Value(std::size_t rule, std::size_t row, std::size_t level) const;
  // Appends a JSON object of what decided: the operands of the rule's comparisons that are not
  // constants, by their text: {"avg(temperature, 5m)":51.2}. At most 16 of them.
  void Explain(std::size_t rule, std::size_t row, std::string& json) const;

  // Time-driven rules at a device for which no event came: metrics and status are null.
  // Level as above; `clear` likewise.
  struct AtTime {
    std::uint8_t level = 0;
    bool clear = false;
    double value = 0;  // NaN = null
  };
  AtTime EvaluateAt(std::size_t rule, std::uint32_t device, std::string_view device_id,
                    std::int64_t t_us) const;
  // The first time after `t_us` at which a time-driven rule may change at this device if no event
  // comes; FunctionState::kNever when none can.
  std::int64_t NextChange(std::uint32_t device, std::int64_t t_us) const;

  // Keyed state. `key` identifies ProgramState and part (stable over restarts and over changes of
  // other rules); device codes are the caller's business.
  using Put =
      std::function<void(std::uint32_t device, std::string_view key, std::string_view value)>;
  void Flush(bool everything, const Put& put);
  // False when it cannot be read. A key of a state that no rule has any more is passed over (and
  // counted, so that the owner writes the state anew): see stale().
  bool Restore(std::uint32_t device, std::string_view key, std::string_view value);
  void FinishRestore();
  bool stale() const;

  std::size_t bytes() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace tocsin
