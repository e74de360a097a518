#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "expression/expression.h"
#include "rule/rule_set.h"

namespace re2 {
class RE2;
}

namespace tocsin {

// The texts of one event, or of a device for which no event came. data() nullptr = null.
struct EventTexts {
  std::string_view device_id;
  std::string_view status;
  const LabelSource* labels = nullptr;
};

// A text of an expression: a constant, device_id, status or a label.
class TextOperand {
 public:
  explicit TextOperand(const Node& node) : kind_(node.kind), text_(node.text) {}
  std::string_view Of(const EventTexts& texts) const;
  bool is_constant() const { return kind_ == Node::Kind::kText; }
  bool reads_device() const {
    return kind_ == Node::Kind::kDeviceId || kind_ == Node::Kind::kLabel;
  }
  bool reads_label() const { return kind_ == Node::Kind::kLabel; }
  bool reads_status() const { return kind_ == Node::Kind::kStatus; }

 private:
  Node::Kind kind_;
  std::string text_;  // the constant, or the name of the label
};

// One comparison or match of two texts: kEqual, kNotEqual, kMatch, kNotMatch. Immutable.
class TextComparison {
 public:
  // `node` is such an operator over two texts, checked by the parser: the right side of a match is
  // a constant and a valid RE2.
  explicit TextComparison(const Node& node);
  TextComparison(TextComparison&&) noexcept;
  ~TextComparison();

  // A Truth; unknown when a text is null.
  std::uint8_t Evaluate(const EventTexts& texts) const;
  // True when the result depends on the device alone.
  bool device_only() const { return !left_.reads_status() && !right_.reads_status(); }
  // True when it depends on the status alone.
  bool status_only() const { return !left_.reads_device() && !right_.reads_device(); }
  bool reads_label() const { return left_.reads_label() || right_.reads_label(); }
  bool is_constant() const { return left_.is_constant() && right_.is_constant(); }

 private:
  Operator op_;
  TextOperand left_;
  TextOperand right_;
  std::unique_ptr<const re2::RE2> pattern_;
};

}  // namespace tocsin
