#include "template/template_parser.h"

#include <utility>

#include "template/expression_parser.h"
#include "template/tag_scanner.h"

namespace tocsin {
namespace {

constexpr std::size_t kMaxDepth = 16;
constexpr std::string_view kSpace = " \t\r\n";

// A section that was begun and not yet ended.
struct Open {
  std::string name;  // of a mustache section; "if", "range", "with", "define", "block"
  bool mustache = false;
  TemplateNode node;
  bool inverted = false;      // {{^x}}: the body is for the false case
  bool in_otherwise = false;  // after {{else}}
  std::size_t chained = 0;    // ends by one {{end}}: {{else if}} nests
};

void SkipSpace(std::string_view& text) {
  const std::size_t next = text.find_first_not_of(kSpace);
  text.remove_prefix(next == std::string_view::npos ? text.size() : next);
}

std::string_view TakeWord(std::string_view& text) {
  const std::size_t end = text.find_first_of(" \t\r\n");
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(word.size());
  SkipSpace(text);
  return word;
}

// $name at the begin of `text`, taken away with the space behind it; "" when there is none.
std::string_view TakeVariable(std::string_view& text) {
  if (text.size() < 2 || text[0] != '$') return {};
  std::size_t size = 1;
  const auto word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  while (size < text.size() && word(text[size])) ++size;
  if (size == 1) return {};
  const std::string_view name = text.substr(1, size - 1);
  text.remove_prefix(size);
  SkipSpace(text);
  return name;
}

// `$x :=`, `$x =` or `$key, $value :=` before a pipeline, taken away.
void TakeVariables(std::string_view& text, TemplateNode& node) {
  std::string_view rest = text;
  std::string_view value = TakeVariable(rest);
  std::string_view key;
  if (!value.empty() && rest.starts_with(',')) {
    rest.remove_prefix(1);
    SkipSpace(rest);
    key = std::exchange(value, TakeVariable(rest));
  }
  const bool declares = rest.starts_with(":=");
  if (value.empty() || !(declares || rest.starts_with('='))) return;
  rest.remove_prefix(declares ? 2 : 1);
  SkipSpace(rest);
  node.key_name = key;
  node.value_name = value;
  node.declares = declares;
  text = rest;
}

// "name" at the begin of `text`, taken away.
Result<std::string> TakeName(std::string_view& text, std::string_view what) {
  const char quote = text.empty() ? '\0' : text[0];
  const std::size_t end = text.size() > 1 ? text.find(quote, 1) : std::string_view::npos;
  if ((quote != '"' && quote != '`') || end == std::string_view::npos) {
    return Fail(Code::kInvalidArgument, std::string(what) + " takes a name in quotes");
  }
  std::string name(text.substr(1, end - 1));
  text.remove_prefix(end + 1);
  SkipSpace(text);
  return name;
}

class TreeBuilder {
 public:
  explicit TreeBuilder(Defines& defines) : defines_(defines) {}

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
                PlaceText(last.node.line, last.node.column) + "'" + last.name + "' is not ended" +
                    (last.mustache ? " by {{/" + last.name + "}}" : " by {{end}}"));
  }

 private:
  std::vector<TemplateNode>& Target() {
    if (open_.empty()) return top_;
    Open& last = open_.back();
    return last.inverted != last.in_otherwise ? last.node.otherwise : last.node.body;
  }

  static TemplateNode NodeAt(const TemplatePiece& piece, TemplateNode::Kind kind) {
    TemplateNode node;
    node.kind = kind;
    node.line = piece.line;
    node.column = piece.column;
    return node;
  }

  Status OnText(const TemplatePiece& piece) {
    TemplateNode node = NodeAt(piece, TemplateNode::Kind::kText);
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
    if (word == "if" || word == "range" || word == "with") return OnBlock(word, rest, piece);
    if (word == "else") return OnElse(rest, piece);
    if (word == "end" && rest.empty()) return OnEnd();
    if (word == "template") return OnTemplate(rest, piece);
    if (word == "define" || word == "block") return OnDefine(word, rest, piece);
    return OnValue(text, piece);
  }

  Status OnValue(std::string_view text, const TemplatePiece& piece) {
    TemplateNode node = NodeAt(piece, TemplateNode::Kind::kValue);
    TakeVariables(text, node);
    if (!node.key_name.empty()) {
      return Fail(Code::kInvalidArgument, "two variables are set by range only");
    }
    if (!node.value_name.empty()) node.kind = TemplateNode::Kind::kSet;
    TOCSIN_ASSIGN(node.expression, ParseExpression(text));
    Target().push_back(std::move(node));
    return {};
  }

  Status Begin(Open open) {
    if (open_.size() >= kMaxDepth) return Fail(Code::kInvalidArgument, "too many nested sections");
    open_.push_back(std::move(open));
    return {};
  }

  Status OnSection(std::string_view text, const TemplatePiece& piece) {
    std::string_view name = text.substr(1);
    SkipSpace(name);
    Open open{.name = std::string(name),
              .mustache = true,
              .node = NodeAt(piece, TemplateNode::Kind::kSection),
              .inverted = text[0] == '^'};
    TOCSIN_ASSIGN(open.node.expression, ParseExpression(name));
    return Begin(std::move(open));
  }

  Status OnSectionEnd(std::string_view name) {
    SkipSpace(name);
    if (open_.empty() || !open_.back().mustache || open_.back().name != name) {
      return Fail(Code::kInvalidArgument,
                  "{{/" + std::string(name) + "}} ends no section" +
                      (open_.empty() ? "" : "; '" + open_.back().name + "' is open"));
    }
    Close();
    return {};
  }

  Status OnBlock(std::string_view word, std::string_view rest, const TemplatePiece& piece) {
    const auto kind = word == "range"  ? TemplateNode::Kind::kRange
                      : word == "with" ? TemplateNode::Kind::kWith
                                       : TemplateNode::Kind::kIf;
    Open open{.name = std::string(word), .node = NodeAt(piece, kind)};
    TakeVariables(rest, open.node);
    if (!open.node.key_name.empty() && kind != TemplateNode::Kind::kRange) {
      return Fail(Code::kInvalidArgument, "two variables are set by range only");
    }
    TOCSIN_ASSIGN(open.node.expression, ParseExpression(rest));
    return Begin(std::move(open));
  }

  Status OnElse(std::string_view rest, const TemplatePiece& piece) {
    const bool in_block = !open_.empty() && !open_.back().mustache &&
                          open_.back().name != "define" && open_.back().name != "block";
    if (!in_block || open_.back().in_otherwise) {
      return Fail(Code::kInvalidArgument, "else is within no if, range or with");
    }
    open_.back().in_otherwise = true;
    if (rest.empty()) return {};
    const std::string_view word = TakeWord(rest);
    if (word != "if" && word != "with") {
      return Fail(Code::kInvalidArgument, "only 'if' or 'with' may follow else");
    }
    const std::size_t chained = open_.back().chained + 1;
    TOCSIN_TRY(OnBlock(word, rest, piece));
    open_.back().chained = chained;
    return {};
  }

  Status OnEnd() {
    if (open_.empty() || open_.back().mustache) {
      return Fail(Code::kInvalidArgument, "end ends no if, range, with or define");
    }
    for (std::size_t blocks = open_.back().chained + 1; blocks > 0; --blocks) Close();
    return {};
  }

  void Close() {
    Open closed = std::move(open_.back());
    open_.pop_back();
    if (closed.name == "define" || closed.name == "block") {
      defines_[closed.node.text] = {.nodes = std::move(closed.node.body), .file = {}};
      if (closed.name == "define") return;
      closed.node.body.clear();
    }
    Target().push_back(std::move(closed.node));
  }

  // {{ template "name" }}, {{ template "name" . }}
  Status OnTemplate(std::string_view rest, const TemplatePiece& piece) {
    TemplateNode node = NodeAt(piece, TemplateNode::Kind::kInvoke);
    TOCSIN_TRY(ReadInvocation("template", rest, node));
    Target().push_back(std::move(node));
    return {};
  }

  static Status ReadInvocation(std::string_view word, std::string_view rest, TemplateNode& node) {
    TOCSIN_ASSIGN(node.text, TakeName(rest, word));
    node.has_expression = !rest.empty();
    if (node.has_expression) {
      TOCSIN_ASSIGN(node.expression, ParseExpression(rest));
    }
    return {};
  }

  // A block is a definition that is invoked where it stands.
  Status OnDefine(std::string_view word, std::string_view rest, const TemplatePiece& piece) {
    if (word == "define" && !open_.empty()) {
      return Fail(Code::kInvalidArgument, "define stands within nothing else");
    }
    Open open{.name = std::string(word), .node = NodeAt(piece, TemplateNode::Kind::kInvoke)};
    TOCSIN_TRY(ReadInvocation(word, rest, open.node));
    if (word == "define" && open.node.has_expression) {
      return Fail(Code::kInvalidArgument, "define takes a name and nothing else");
    }
    return Begin(std::move(open));
  }

  Defines& defines_;
  std::vector<TemplateNode> top_;
  std::vector<Open> open_;
};

}  // namespace

Result<std::vector<TemplateNode>> ParseTemplate(std::string_view text, std::size_t max_bytes,
                                                Defines& defines) {
  if (text.size() > max_bytes) {
    return Fail(Code::kInvalidArgument, "line 1, column 1: the template is above " +
                                            std::to_string(max_bytes / 1024) + " KiB");
  }
  TOCSIN_ASSIGN(const std::vector<TemplatePiece> pieces, ScanTags(text));
  return TreeBuilder(defines).Build(pieces);
}

}  // namespace tocsin
