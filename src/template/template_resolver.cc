#include "template/template_resolver.h"

#include <algorithm>

#include "base/text.h"
#include "template/default_texts.h"
#include "template/tag_scanner.h"
#include "template/template_parser.h"
#include "template/text_pattern.h"

namespace tocsin {
namespace {

constexpr int kMaxInvocations = 16;  // within each other, of different templates or types

std::unexpected<Error> Wrong(std::string message) {
  return Fail(Code::kInvalidArgument, std::move(message));
}

std::string Joined(const std::vector<std::string>& names, std::size_t from = 0) {
  std::string path;
  for (std::size_t i = from; i < names.size(); ++i) path += (i == from ? "" : ".") + names[i];
  return path;
}

// The innermost dot that has the name. A dot that is labels has every name.
std::size_t DotWith(const std::vector<ValueType>& dots, std::string_view name) {
  FoundField found;
  for (std::size_t i = dots.size(); i-- > 0;) {
    if (FindField(dots[i], name, found)) return i;
  }
  return dots.size();
}

std::unexpected<Error> UnknownField(const std::vector<ValueType>& dots,
                                    const std::vector<std::string>& names) {
  std::vector<std::string_view> known;
  for (std::size_t i = dots.size(); i-- > 0;) {
    for (const std::string_view name : FieldNames(dots[i])) {
      if (std::ranges::find(known, name) == known.end()) known.push_back(name);
    }
  }
  const std::string path = Joined(names);
  std::string message = "unknown field '" + path + "'";
  std::string_view nearest = Nearest(path, known);
  if (nearest.empty()) nearest = Nearest(names[0], known);
  FoundField found;
  const bool of_alert = FindField(ValueType::kAlert, names[0], found);
  if (!nearest.empty()) return Wrong(message + "; did you mean " + std::string(nearest) + "?");
  if (of_alert && std::ranges::find(dots, ValueType::kAlert) == dots.end()) {
    return Wrong(message + "; it is a field of an alert: use it within {{#Alerts}}…{{/Alerts}}");
  }
  message += "; known are";
  for (const std::string_view name : known) message.append(" ").append(name);
  return Wrong(message);
}

// What a name is of a value, or why it is nothing.
Result<FoundField> FieldOf(ValueType type, std::string_view name) {
  FoundField found;
  if (FindField(type, name, found)) return found;
  const std::vector<std::string_view> known = FieldNames(type);
  std::string message = "'" + std::string(name) + "' is no field of " + std::string(TypeName(type));
  if (const auto nearest = Nearest(name, known); !nearest.empty()) {
    message += "; did you mean " + std::string(nearest) + "?";
  } else if (!known.empty()) {
    message += "; known are";
    for (const std::string_view each : known) message.append(" ").append(each);
  }
  return Wrong(message);
}

Expression MemberOf(Expression of, const FoundField& found, std::string key) {
  Expression member;
  member.kind = Expression::Kind::kMember;
  member.type = found.type;
  member.field = found.field;
  if (found.field == Field::kEntry) member.text = std::move(key);
  member.arguments.push_back(std::move(of));
  return member;
}

}  // namespace

Status TemplateResolver::ResolveMain(const std::vector<TemplateNode>& nodes) {
  resolved_.push_back(std::make_unique<ResolvedTemplate>());
  Scope scope{.dots = {ValueType::kRoot}, .root = 0, .variables = {}, .slots = 0};
  TOCSIN_ASSIGN(resolved_[0]->nodes, Nodes(nodes, scope));
  resolved_[0]->slots = scope.slots;
  return {};
}

std::vector<ResolvedTemplate> TemplateResolver::Take() {
  std::vector<ResolvedTemplate> all;
  for (auto& resolved : resolved_) all.push_back(std::move(*resolved));
  return all;
}

Result<std::vector<TemplateNode>> TemplateResolver::Nodes(const std::vector<TemplateNode>& nodes,
                                                          Scope& scope) {
  // A variable lives to the end of the section that declares it.
  const std::size_t variables = scope.variables.size();
  std::vector<TemplateNode> resolved;
  for (const TemplateNode& parsed : nodes) {
    TemplateNode node = parsed;
    if (const Status status = Node(node, scope); !status) {
      const std::string& message = status.error().message();
      if (message.starts_with("line ")) return std::unexpected(status.error());
      return Wrong(PlaceText(node.line, node.column) + message);
    }
    resolved.push_back(std::move(node));
  }
  scope.variables.resize(variables);
  return resolved;
}

Status TemplateResolver::Node(TemplateNode& node, Scope& scope) {
  if (node.kind == TemplateNode::Kind::kText) return {};
  if (node.has_expression) {
    TOCSIN_ASSIGN(node.expression, Resolve(node.expression, scope));
  }
  ValueType element = ValueType::kScalar;
  switch (node.kind) {
    case TemplateNode::Kind::kText:
      return {};
    case TemplateNode::Kind::kValue:
      return Value(node);
    case TemplateNode::Kind::kSet:
      return Set(node, scope);
    case TemplateNode::Kind::kInvoke:
      return Invoke(node);
    case TemplateNode::Kind::kSection:
      node.kind = ElementOf(node.expression.type, element) ? TemplateNode::Kind::kRange
                                                           : TemplateNode::Kind::kIf;
      break;
    default:
      break;
  }
  if (node.kind == TemplateNode::Kind::kRange) return Loop(node, scope);
  // The variable of `if` and `with` is known in their else, too.
  const std::size_t variables = scope.variables.size();
  if (!node.value_name.empty()) TOCSIN_TRY(Set(node, scope));
  TOCSIN_TRY(Bodies(node, scope));
  scope.variables.resize(variables);
  return {};
}

Status TemplateResolver::Bodies(TemplateNode& node, Scope& scope) {
  const bool dot = node.kind == TemplateNode::Kind::kWith;
  if (dot) scope.dots.push_back(node.expression.type);
  TOCSIN_ASSIGN(node.body, Nodes(node.body, scope));
  if (dot) scope.dots.pop_back();
  TOCSIN_ASSIGN(node.otherwise, Nodes(node.otherwise, scope));
  return {};
}

Status TemplateResolver::Value(const TemplateNode& node) const {
  const ValueType type = node.expression.type;
  if (type == ValueType::kAlerts || type == ValueType::kAlert || type == ValueType::kRoot) {
    return Wrong("this is " + std::string(TypeName(type)) +
                 ", which has no text; name one of its fields" +
                 (type == ValueType::kAlerts ? " within {{ range .Alerts }}…{{ end }}" : ""));
  }
  return {};
}

Status TemplateResolver::Set(TemplateNode& node, Scope& scope) {
  const ValueType type = node.expression.type;
  if (node.declares) {
    node.value_slot = scope.slots++;
    scope.variables.push_back({node.value_name, type, node.value_slot});
    return {};
  }
  for (std::size_t i = scope.variables.size(); i-- > 0;) {
    const Variable& variable = scope.variables[i];
    if (variable.name != node.value_name) continue;
    if (variable.type != type) {
      return Wrong("$" + variable.name + " is " + std::string(TypeName(variable.type)) +
                   " and cannot become " + std::string(TypeName(type)));
    }
    node.value_slot = variable.slot;
    return {};
  }
  return Wrong("$" + node.value_name + " = sets a variable that does not exist; declare it: {{ $" +
               node.value_name + " := … }}");
}

Status TemplateResolver::Loop(TemplateNode& node, Scope& scope) {
  ValueType element = ValueType::kScalar;
  if (!ElementOf(node.expression.type, element)) {
    return Wrong(
        "range takes Alerts, Alerts.Firing, Alerts.Resolved, TopDevices, labels or a "
        "list, not " +
        std::string(TypeName(node.expression.type)));
  }
  const std::size_t variables = scope.variables.size();
  if (!node.key_name.empty()) {
    node.key_slot = scope.slots++;
    scope.variables.push_back({node.key_name, ValueType::kScalar, node.key_slot});
  }
  if (!node.value_name.empty()) {
    node.value_slot = scope.slots++;
    // Of labels a variable is the value alone, as in Go; the dot is the pair.
    const bool labels = node.expression.type == ValueType::kMap;
    scope.variables.push_back(
        {node.value_name, labels ? ValueType::kScalar : element, node.value_slot});
  }
  scope.dots.push_back(element);
  TOCSIN_ASSIGN(node.body, Nodes(node.body, scope));
  scope.dots.pop_back();
  scope.variables.resize(variables);
  TOCSIN_ASSIGN(node.otherwise, Nodes(node.otherwise, scope));
  return {};
}

Status TemplateResolver::ReadFiles() {
  if (files_read_) return {};
  files_read_ = true;
  for (const TemplateFile& file : files_) {
    Defines defines;
    if (const auto nodes =
            ParseTemplate(EscapeText(file.text, Escape::kNone), kMaxTemplateFileBytes, defines);
        !nodes) {
      return Wrong("the file " + file.path + ", " + nodes.error().message());
    }
    for (auto& [name, defined] : defines) {
      defined.file = file.path;
      of_files_[name] = std::move(defined);
    }
  }
  return {};
}

Result<const DefinedTemplate*> TemplateResolver::Find(std::string_view name) {
  if (const auto own = own_.find(name); own != own_.end()) return &own->second;
  TOCSIN_TRY(ReadFiles());
  if (const auto found = of_files_.find(name); found != of_files_.end()) return &found->second;
  if (const auto found = built_in_.find(name); found != built_in_.end()) return &found->second;
  const auto text = DefaultText(name);
  if (text) {
    DefinedTemplate& defined = built_in_[std::string(name)];
    Defines none;
    TOCSIN_ASSIGN(defined.nodes, ParseTemplate(*text, kMaxTemplateBytes, none));
    defined.built_in = true;
    return &defined;
  }
  std::vector<std::string_view> names;
  for (const auto& [known, defined] : own_) names.push_back(known);
  for (const auto& [known, defined] : of_files_) names.push_back(known);
  const std::string_view nearest = Nearest(name, names);
  return Wrong("template \"" + std::string(name) + "\" is not defined" +
               (nearest.empty() ? "; define it here, or in a file that `templates:` names"
                                : "; did you mean \"" + std::string(nearest) + "\"?"));
}

Status TemplateResolver::Invoke(TemplateNode& node) {
  TOCSIN_ASSIGN(const DefinedTemplate* const defined, Find(node.text));
  ValueType type = node.has_expression ? node.expression.type : ValueType::kRoot;
  if (defined->built_in) {
    type = ValueType::kRoot;
    node.has_expression = false;
  }
  const auto known = known_.find({node.text, type});
  if (known != known_.end()) {
    node.callee = known->second;
    return {};
  }
  if (++depth_ > kMaxInvocations) return Wrong("templates invoke each other too deeply");
  node.callee = resolved_.size();
  known_[{node.text, type}] = node.callee;
  resolved_.push_back(std::make_unique<ResolvedTemplate>());
  Scope inner{.dots = {ValueType::kRoot, type}, .root = 1, .variables = {}, .slots = 0};
  auto nodes = Nodes(defined->nodes, inner);
  if (!nodes) {
    return Wrong("in template \"" + node.text + "\"" +
                 (defined->file.empty() ? "" : " of " + defined->file) + ", " +
                 nodes.error().message());
  }
  resolved_[node.callee]->nodes = std::move(*nodes);
  resolved_[node.callee]->slots = inner.slots;
  --depth_;
  return {};
}

Result<Expression> TemplateResolver::Resolve(const Expression& parsed, const Scope& scope) {
  if (parsed.kind == Expression::Kind::kPath) return ResolvePath(parsed, scope);
  if (parsed.kind == Expression::Kind::kCall) return ResolveCall(parsed, scope);
  return parsed;
}

Result<Expression> TemplateResolver::ResolveCall(const Expression& parsed, const Scope& scope) {
  Expression call = parsed;
  for (Expression& argument : call.arguments) {
    TOCSIN_ASSIGN(argument, Resolve(argument, scope));
  }
  TOCSIN_ASSIGN(call.type, CheckCall(call.text, call.function, call.arguments));
  if (call.function == Function::kMatch || call.function == Function::kReReplaceAll) {
    TOCSIN_ASSIGN(call.pattern, TextPattern::Compile(call.arguments[0].text));
  }
  return call;
}

// What a path begins with: a dot, a variable, parentheses.
Result<Expression> TemplateResolver::Begin(const Expression& parsed, const Scope& scope) {
  Expression begin;
  begin.kind = Expression::Kind::kDot;
  if (parsed.base == Expression::Base::kOperand) return Resolve(parsed.operand[0], scope);
  if (parsed.base == Expression::Base::kVariable) {
    std::vector<std::string_view> names;
    for (std::size_t i = scope.variables.size(); i-- > 0;) {
      const Variable& variable = scope.variables[i];
      names.push_back(variable.name);
      if (variable.name != parsed.text) continue;
      begin.kind = Expression::Kind::kVariable;
      begin.index = variable.slot;
      begin.type = variable.type;
      return begin;
    }
    const std::string_view nearest = Nearest(parsed.text, names);
    return Wrong("there is no variable $" + parsed.text +
                 (nearest.empty() ? "; declare it before: {{ $" + parsed.text + " := … }}"
                                  : "; did you mean $" + std::string(nearest) + "?"));
  }
  begin.index = scope.dots.size() - 1;
  if (parsed.base == Expression::Base::kRoot) begin.index = scope.root;
  if (parsed.base == Expression::Base::kDot && !parsed.names.empty()) {
    begin.index = DotWith(scope.dots, parsed.names[0]);
    const bool method = !parsed.arguments.empty() && parsed.names.size() == 1;
    if (method) begin.index = scope.dots.size() - 1;
    if (begin.index == scope.dots.size()) return UnknownField(scope.dots, parsed.names);
  }
  begin.type = scope.dots[begin.index];
  return begin;
}

Result<Expression> TemplateResolver::ResolvePath(const Expression& parsed, const Scope& scope) {
  TOCSIN_ASSIGN(Expression at, Begin(parsed, scope));
  const bool method = !parsed.arguments.empty();
  const std::size_t fields = parsed.names.size() - (method ? 1 : 0);
  for (std::size_t i = 0; i < fields; ++i) {
    TOCSIN_ASSIGN(const FoundField found, FieldOf(at.type, parsed.names[i]));
    if (found.field == Field::kEntry && !method) {
      // The name of a label may have dots.
      return MemberOf(std::move(at), found, Joined(parsed.names, i));
    }
    at = MemberOf(std::move(at), found, parsed.names[i]);
  }
  return method ? Method(std::move(at), parsed, scope) : Result<Expression>(std::move(at));
}

Result<Expression> TemplateResolver::Method(Expression on, const Expression& parsed,
                                            const Scope& scope) {
  Expression call;
  call.kind = Expression::Kind::kCall;
  call.text = "." + parsed.names.back();
  if (!FindFunction(call.text, call.function)) {
    return Wrong("'" + call.text + "' takes no values; those that do are .Format and .Remove");
  }
  call.arguments.push_back(std::move(on));
  for (const Expression& argument : parsed.arguments) {
    TOCSIN_ASSIGN(Expression resolved, Resolve(argument, scope));
    call.arguments.push_back(std::move(resolved));
  }
  TOCSIN_ASSIGN(call.type, CheckCall(call.text, call.function, call.arguments));
  return call;
}

}  // namespace tocsin
