#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "expression/expression.h"
#include "rule/rule_set.h"

// A second implementation of the rule language for tests, as plain as can be: a recursive
// interpreter, row by row, whose functions look through the whole history each time. Shares
// nothing with the compiled rules but the tree.
namespace tocsin {

struct NaiveEvent {
  std::uint32_t device = 0;
  std::string device_id = "";
  std::int64_t t_us = 0;
  bool in_order = true;
  std::vector<std::optional<double>> metrics = {};
  std::optional<std::string> status = {};
};

struct NaiveValue {
  std::optional<double> number = {};  // nullopt = null
  std::optional<bool> truth = {};     // nullopt = unknown
  bool rounded = false;               // the number depends on how sums are rounded
};

class NaiveRules {
 public:
  NaiveRules(const std::vector<NaiveEvent>& events, const LabelSource* labels)
      : events_(events), labels_(labels) {}

  NaiveValue At(const Node& node, std::size_t row);
  // Some comparison so far had sides that differ by no more than rounding: what it said is
  // arbitrary.
  bool doubtful() const { return doubtful_; }

 private:
  struct Reading {
    std::int64_t t_us;
    double value;
    std::size_t row;
  };
  NaiveValue Operation(const Node& node, std::size_t row);
  NaiveValue Comparison(const Node& node, std::size_t row);
  std::optional<std::string> Text(const Node& node, std::size_t row) const;

  NaiveValue Call(const Node& node, std::size_t row);
  std::vector<std::size_t> RowsOfDevice(std::size_t row) const;  // up to `row`, in log order
  bool Sees(const Node& node, std::size_t row, std::size_t other) const;
  std::vector<Reading> Window(const Node& node, std::size_t row) const;
  std::vector<Reading> InOrder(const Node& node, std::size_t row) const;
  std::int64_t Clock(std::size_t row) const;
  NaiveValue Windowed(const Node& node, std::size_t row) const;
  NaiveValue Score(const Node& node, std::size_t row) const;
  NaiveValue CountTrue(const Node& node, std::size_t row);
  NaiveValue Consecutive(const Node& node, std::size_t row);
  NaiveValue Stuck(const Node& node, std::size_t row) const;
  NaiveValue Spike(const Node& node, std::size_t row) const;
  NaiveValue Ewma(const Node& node, std::size_t row) const;
  NaiveValue Gap(const Node& node, std::size_t row) const;
  NaiveValue Tumbling(const Node& node, std::size_t row) const;

  const std::vector<NaiveEvent>& events_;
  const LabelSource* labels_;
  bool doubtful_ = false;
};

}  // namespace tocsin
