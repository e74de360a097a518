#include "template/message_template.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/error_list.h"
#include "template/template_parser.h"
#include "template/template_resolver.h"
#include "template/template_tree.h"
#include "template/template_value.h"

namespace tocsin {
namespace {

// Nested loops over many alerts that print nothing end here.
constexpr std::size_t kMaxSteps = 200'000;
// Bytes of values that an expansion may make on its way.
constexpr std::size_t kMaxWork = 32 << 20;
// Templates that invoke each other, or themselves.
constexpr std::size_t kMaxInvocations = 16;

// Prints nodes until the message is long enough to be cut anyway.
class Printer {
 public:
  Printer(const std::vector<ResolvedTemplate>& templates, const NotificationView& view,
          Escape escape, std::size_t max_bytes)
      : templates_(templates), run_{view, kMaxWork}, escape_(escape), max_bytes_(max_bytes) {}

  void Run() {
    TemplateFrame frame;
    frame.dots.push_back({TemplateValue::Root{}});
    frame.variables.resize(templates_[0].slots);
    Print(templates_[0].nodes, frame);
  }
  const std::string& out() const { return out_; }

 private:
  bool Enough() { return out_.size() > max_bytes_ || run_.work_left == 0 || ++steps_ > kMaxSteps; }

  void Print(const std::vector<TemplateNode>& nodes, TemplateFrame& frame) {
    for (const TemplateNode& node : nodes) {
      if (Enough()) return;
      switch (node.kind) {
        case TemplateNode::Kind::kText:
          out_ += node.text;
          break;
        case TemplateNode::Kind::kValue:
          out_ += EscapeText(Evaluate(node.expression, frame, run_).ToText(), escape_);
          break;
        case TemplateNode::Kind::kSet:
          frame.variables[node.value_slot] = Evaluate(node.expression, frame, run_);
          break;
        case TemplateNode::Kind::kRange:
          Loop(node, frame);
          break;
        case TemplateNode::Kind::kInvoke:
          Invoke(node, frame);
          break;
        default:
          Choose(node, frame);
      }
    }
  }

  void Choose(const TemplateNode& node, TemplateFrame& frame) {
    TemplateValue value = Evaluate(node.expression, frame, run_);
    if (node.value_slot != TemplateNode::kNoSlot) frame.variables[node.value_slot] = value;
    if (!value.truth()) return Print(node.otherwise, frame);
    const bool dot = node.kind == TemplateNode::Kind::kWith;
    if (dot) frame.dots.push_back(std::move(value));
    Print(node.body, frame);
    if (dot) frame.dots.pop_back();
  }

  void Loop(const TemplateNode& node, TemplateFrame& frame) {
    const TemplateValue list = Evaluate(node.expression, frame, run_);
    auto elements = ElementsOf(list);
    if (elements.empty()) return Print(node.otherwise, frame);
    const bool labels = node.expression.type == ValueType::kMap;
    for (auto& [key, element] : elements) {
      if (Enough()) return;
      if (node.key_slot != TemplateNode::kNoSlot) frame.variables[node.key_slot] = key;
      if (node.value_slot != TemplateNode::kNoSlot) {
        TemplateValue& variable = frame.variables[node.value_slot];
        variable = labels ? TemplateValue{element.ToText()} : element;
      }
      frame.dots.push_back(std::move(element));
      Print(node.body, frame);
      frame.dots.pop_back();
    }
  }

  void Invoke(const TemplateNode& node, const TemplateFrame& frame) {
    if (depth_ >= kMaxInvocations) return;
    const ResolvedTemplate& callee = templates_[node.callee];
    TemplateFrame inner;
    inner.dots.push_back({TemplateValue::Root{}});
    inner.dots.push_back(node.has_expression ? Evaluate(node.expression, frame, run_)
                                             : TemplateValue{TemplateValue::Root{}});
    inner.variables.resize(callee.slots);
    ++depth_;
    Print(callee.nodes, inner);
    --depth_;
  }

  const std::vector<ResolvedTemplate>& templates_;
  TemplateRun run_;
  const Escape escape_;
  const std::size_t max_bytes_;
  std::string out_;
  std::size_t steps_ = 0;
  std::size_t depth_ = 0;
};

}  // namespace

struct MessageTemplate::Parts {
  std::vector<ResolvedTemplate> templates;
  Escape escape = Escape::kNone;
};

Result<MessageTemplate> MessageTemplate::Parse(std::string_view text, Escape escape,
                                               const TemplateFiles& files) {
  Defines own;
  // The author's own text may be in any bytes; what is sent must be UTF-8.
  TOCSIN_ASSIGN(const std::vector<TemplateNode> nodes,
                ParseTemplate(EscapeText(text, Escape::kNone), kMaxTemplateBytes, own));
  TemplateResolver resolver(own, files);
  TOCSIN_TRY(resolver.ResolveMain(nodes));
  auto parts = std::make_shared<Parts>();
  parts->templates = resolver.Take();
  parts->escape = escape;
  MessageTemplate made;
  made.parts_ = std::move(parts);
  return made;
}

std::string MessageTemplate::Expand(const Notification& notification, std::size_t max_chars,
                                    std::string_view external_url) const {
  const NotificationView view(notification, external_url);
  Printer printer(parts_->templates, view, parts_->escape, 4 * max_chars);
  printer.Run();
  return CutText(printer.out(), max_chars);
}

Status CheckTemplateFiles(const TemplateFiles& files) {
  ErrorList errors;
  for (const TemplateFile& file : files) {
    Defines defines;
    const auto nodes =
        ParseTemplate(EscapeText(file.text, Escape::kNone), kMaxTemplateFileBytes, defines);
    if (nodes) continue;
    errors.Add(Error(Code::kInvalidArgument,
                     "template file " + file.path + ", " + nodes.error().message()));
  }
  return errors.Finish();
}

bool DefinesTemplate(const TemplateFiles& files, std::string_view name) {
  return std::ranges::any_of(files, [name](const TemplateFile& file) {
    // Most files are not read twice for it.
    if (file.text.find(name) == std::string::npos) return false;
    Defines defines;
    static_cast<void>(
        ParseTemplate(EscapeText(file.text, Escape::kNone), kMaxTemplateFileBytes, defines));
    return defines.contains(name);
  });
}

}  // namespace tocsin
