#include "template/message_template.h"

#include "template/template_parser.h"
#include "template/template_tree.h"

namespace tocsin {
namespace {

// Nested loops over many alerts that print nothing end here.
constexpr std::size_t kMaxSteps = 200'000;

// Prints nodes until the message is long enough to be cut anyway.
class Printer {
 public:
  Printer(Escape escape, std::size_t max_bytes) : escape_(escape), max_bytes_(max_bytes) {}

  void Print(const std::vector<TemplateNode>& nodes, const TemplateScope& scope) {
    for (const TemplateNode& node : nodes) {
      if (out_.size() > max_bytes_ || ++steps_ > kMaxSteps) return;
      switch (node.kind) {
        case TemplateNode::Kind::kText:
          out_ += node.text;
          break;
        case TemplateNode::Kind::kValue:
          out_ += EscapeText(Evaluate(node.expression, scope).ToText(), escape_);
          break;
        case TemplateNode::Kind::kCondition:
          Print(Evaluate(node.expression, scope).truth() ? node.body : node.otherwise, scope);
          break;
        case TemplateNode::Kind::kLoop:
          Loop(node, scope);
          break;
      }
    }
  }
  const std::string& out() const { return out_; }

 private:
  void Loop(const TemplateNode& node, const TemplateScope& scope) {
    std::vector<std::pair<std::string, std::string>> pairs;
    const auto elements = ElementsOf(node.expression.field, scope, pairs);
    if (elements.empty()) Print(node.otherwise, scope);
    for (const TemplateScope& element : elements) {
      if (out_.size() > max_bytes_ || ++steps_ > kMaxSteps) return;
      Print(node.body, element);
    }
  }

  const Escape escape_;
  const std::size_t max_bytes_;
  std::string out_;
  std::size_t steps_ = 0;
};

}  // namespace

struct MessageTemplate::Parts {
  std::vector<TemplateNode> nodes;
  Escape escape = Escape::kNone;
};

Result<MessageTemplate> MessageTemplate::Parse(std::string_view text, Escape escape) {
  auto parts = std::make_shared<Parts>();
  // The author's own text may be in any bytes; what is sent must be UTF-8.
  TOCSIN_ASSIGN(parts->nodes, ParseTemplate(EscapeText(text, Escape::kNone)));
  parts->escape = escape;
  MessageTemplate made;
  made.parts_ = std::move(parts);
  return made;
}

std::string MessageTemplate::Expand(const Notification& notification, std::size_t max_chars,
                                    std::string_view external_url) const {
  const NotificationView view(notification, external_url);
  Printer printer(parts_->escape, 4 * max_chars);
  printer.Print(parts_->nodes, {&view, -1, nullptr});
  return CutText(printer.out(), max_chars);
}

}  // namespace tocsin
