#include "template/template_parser.h"

#include <utility>

#include "template/default_texts.h"
#include "template/expression_parser.h"
#include "template/tag_scanner.h"

namespace tocsin {
namespace {

constexpr std::size_t kMaxDepth = 16;

// A section that was begun and not yet ended.
struct Open {
  std::string name;  // of a mustache section, "if" or "range"
  bool mustache = false;
  TemplateNode node;
  bool inverted = false;      // {{^x}}: the body is for the false case
  bool in_otherwise = false;  // after {{else}}
  std::size_t chained = 0;    // ends by one {{end}}: {{else if}} nests
  NameScope outer;
  int line = 1;
  int column = 1;
};

std::string_view TakeWord(std::string_view& text) {
  const std::size_t end = text.find_first_of(" \t\r\n");
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(word.size());
  const std::size_t next = text.find_first_not_of(" \t\r\n");
  text.remove_prefix(next == std::string_view::npos ? text.size() : next);
  return word;
}

class TreeBuilder {
 public:
  Result<std::vector<TemplateNode>> Build(const std::vector<TemplatePiece>& pieces) {
    for (const TemplatePiece& piece : pieces) {
      const Status status = piece.tag ? OnTag(piece) : OnText(piece);
      if (status) continue;
      return Fail(Code::kInvalidArgument,
                  PlaceText(piece.line, piece.column) + status.error().message());
    }
    if (open_.empty()) return std::move(top_);
    const Open& last = open_.back();
    return Fail(Code::kInvalidArgument,
                PlaceText(last.line, last.column) + "'" + last.name + "' is not ended" +
                    (last.mustache ? " by {{/" + last.name + "}}" : " by {{end}}"));
  }

 private:
  std::vector<TemplateNode>& Target() {
    if (open_.empty()) return top_;
    Open& last = open_.back();
    return last.inverted != last.in_otherwise ? last.node.otherwise : last.node.body;
  }

  Status OnText(const TemplatePiece& piece) {
    TemplateNode node;
    node.text = piece.text;
    Target().push_back(std::move(node));
    return {};
  }

  Status OnTag(const TemplatePiece& piece) {
    std::string_view text = piece.text;
    if (text.empty()) return Fail(Code::kInvalidArgument, "the tag is empty");
    if (text[0] == '!' || text.starts_with("/*")) return {};
    if (text[0] == '=' || text[0] == '>') {
      return Fail(Code::kInvalidArgument, "partials and other delimiters are not taken");
    }
    if (text[0] == '#' || text[0] == '^') return OnSection(text, piece);
    if (text[0] == '/') return OnSectionEnd(text.substr(1));
    std::string_view rest = text;
    const std::string_view word = TakeWord(rest);
    if (word == "if" || word == "range") return OnBlock(word, rest, piece);
    if (word == "else") return OnElse(rest, piece);
    if (word == "end" && rest.empty()) return OnEnd();
    if (word == "template") return OnTemplate(rest);
    TemplateNode node;
    node.kind = TemplateNode::Kind::kValue;
    TOCSIN_ASSIGN(node.expression, ParseExpression(text, scope_));
    Target().push_back(std::move(node));
    return {};
  }

  Status Begin(Open open, std::string_view expression, bool may_loop, bool must_loop) {
    if (open_.size() >= kMaxDepth) return Fail(Code::kInvalidArgument, "too many nested sections");
    TOCSIN_ASSIGN(open.node.expression, ParseExpression(expression, scope_));
    const Expression& parsed = open.node.expression;
    const bool list = parsed.kind == Expression::Kind::kField && IsList(parsed.field);
    if (must_loop && !list) {
      return Fail(Code::kInvalidArgument,
                  "range takes Alerts, Alerts.Firing, Alerts.Resolved, TopDevices or labels");
    }
    open.node.kind = may_loop && list ? TemplateNode::Kind::kLoop : TemplateNode::Kind::kCondition;
    open.outer = scope_;
    if (open.node.kind == TemplateNode::Kind::kLoop && !open.inverted) {
      const bool pairs = IsMap(parsed.field.field) || parsed.field.field == Field::kTopDevices;
      scope_ = pairs ? NameScope{scope_.alert, true} : NameScope{true, false};
    }
    open_.push_back(std::move(open));
    return {};
  }

  Status OnSection(std::string_view text, const TemplatePiece& piece) {
    std::string_view name = text.substr(1);
    const std::size_t begin = name.find_first_not_of(" \t\r\n");
    name.remove_prefix(begin == std::string_view::npos ? name.size() : begin);
    Open open{.name = std::string(name),
              .mustache = true,
              .node = {},
              .inverted = text[0] == '^',
              .outer = {},
              .line = piece.line,
              .column = piece.column};
    return Begin(std::move(open), name, true, false);
  }

  Status OnSectionEnd(std::string_view name) {
    const std::size_t begin = name.find_first_not_of(" \t\r\n");
    name.remove_prefix(begin == std::string_view::npos ? name.size() : begin);
    if (open_.empty() || !open_.back().mustache || open_.back().name != name) {
      return Fail(Code::kInvalidArgument,
                  "{{/" + std::string(name) + "}} ends no section" +
                      (open_.empty() ? "" : "; '" + open_.back().name + "' is open"));
    }
    Close();
    return {};
  }

  Status OnBlock(std::string_view word, std::string_view rest, const TemplatePiece& piece) {
    const bool loop = word == "range";
    Open open{.name = std::string(word),
              .node = {},
              .outer = {},
              .line = piece.line,
              .column = piece.column};
    return Begin(std::move(open), rest, loop, loop);
  }

  Status OnElse(std::string_view rest, const TemplatePiece& piece) {
    if (open_.empty() || open_.back().mustache || open_.back().in_otherwise) {
      return Fail(Code::kInvalidArgument, "else is within no if or range");
    }
    open_.back().in_otherwise = true;
    scope_ = open_.back().outer;
    if (rest.empty()) return {};
    if (TakeWord(rest) != "if") return Fail(Code::kInvalidArgument, "only 'if' may follow else");
    const std::size_t chained = open_.back().chained + 1;
    TOCSIN_TRY(OnBlock("if", rest, piece));
    open_.back().chained = chained;
    return {};
  }

  Status OnEnd() {
    if (open_.empty() || open_.back().mustache) {
      return Fail(Code::kInvalidArgument, "end ends no if or range");
    }
    for (std::size_t blocks = open_.back().chained + 1; blocks > 0; --blocks) Close();
    return {};
  }

  void Close() {
    scope_ = open_.back().outer;
    TemplateNode node = std::move(open_.back().node);
    open_.pop_back();
    Target().push_back(std::move(node));
  }

  Status OnTemplate(std::string_view rest) {
    const std::size_t end = rest.size() > 1 ? rest.find('"', 1) : std::string_view::npos;
    if (!rest.starts_with('"') || end == std::string_view::npos) {
      return Fail(Code::kInvalidArgument, "template takes a name in quotes");
    }
    const std::string_view name = rest.substr(1, end - 1);
    const auto text = DefaultText(name);
    if (!text) {
      return Fail(Code::kInvalidArgument,
                  "template \"" + std::string(name) +
                      "\" is none of the built-in ones; write its text in place");
    }
    TOCSIN_ASSIGN(std::vector<TemplateNode> nodes, ParseTemplate(*text));
    for (TemplateNode& node : nodes) Target().push_back(std::move(node));
    return {};
  }

  std::vector<TemplateNode> top_;
  std::vector<Open> open_;
  NameScope scope_;
};

}  // namespace

Result<std::vector<TemplateNode>> ParseTemplate(std::string_view text) {
  if (text.size() > kMaxTemplateBytes) {
    return Fail(Code::kInvalidArgument, "the template is above 64 KiB");
  }
  TOCSIN_ASSIGN(const std::vector<TemplatePiece> pieces, ScanTags(text));
  return TreeBuilder().Build(pieces);
}

}  // namespace tocsin
