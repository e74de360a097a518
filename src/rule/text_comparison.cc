#include "rule/text_comparison.h"

#include <re2/re2.h>

namespace tocsin {

std::string_view TextOperand::Of(const EventTexts& texts) const {
  switch (kind_) {
    case Node::Kind::kDeviceId:
      return texts.device_id;
    case Node::Kind::kStatus:
      return texts.status;
    case Node::Kind::kLabel:
      return texts.labels == nullptr ? std::string_view()
                                     : texts.labels->Label(texts.device_id, text_);
    default:
      return text_;
  }
}

TextComparison::TextComparison(const Node& node)
    : op_(node.op), left_(*node.children[0]), right_(*node.children[1]) {
  if (op_ != Operator::kMatch && op_ != Operator::kNotMatch) return;
  re2::RE2::Options options;
  options.set_log_errors(false);
  pattern_ = std::make_unique<const re2::RE2>(node.children[1]->text, options);
}

TextComparison::TextComparison(TextComparison&&) noexcept = default;
TextComparison::~TextComparison() = default;

std::uint8_t TextComparison::Evaluate(const EventTexts& texts) const {
  const std::string_view left = left_.Of(texts);
  const std::string_view right = right_.Of(texts);
  if (left.data() == nullptr || right.data() == nullptr) return kUnknown;
  const bool same = pattern_ != nullptr
                        ? re2::RE2::FullMatch(re2::StringPiece(left.data(), left.size()), *pattern_)
                        : left == right;
  const bool negated = op_ == Operator::kNotEqual || op_ == Operator::kNotMatch;
  return same != negated ? kTrue : kFalse;
}

}  // namespace tocsin
