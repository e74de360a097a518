#include <cmath>
#include <cstdlib>

#include "base/json_text.h"
#include "config/units.h"
#include "expression/expression.h"
#include "expression/syntax.h"

namespace tocsin {
namespace {

void AppendText(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        out += c;
    }
  }
  out += '"';
}

void AppendNumber(std::string& out, const Node& node) {
  if (!node.duration) {
    AppendJsonNumber(out, node.number);
    return;
  }
  const std::int64_t us = std::llround(std::abs(node.number) * 1e6);
  if (std::signbit(node.number)) out += '-';
  out += us == 0 ? "0s" : FormatDurationUs(us);
}

void Append(std::string& out, const Node& node);

void AppendCall(std::string& out, const Node& node) {
  out += node.function->name;
  out += '(';
  std::size_t child = 0;
  std::string_view separator;
  for (const Parameter& parameter : node.function->parameters) {
    out += separator;
    separator = ", ";
    switch (parameter.kind) {
      case ParameterKind::kMetric:
      case ParameterKind::kTruth:
        Append(out, *node.children[child++]);
        break;
      case ParameterKind::kWindow:
        out += FormatDurationUs(node.call.window_us);
        break;
      case ParameterKind::kNumber:
      case ParameterKind::kCount:
        AppendJsonNumber(out, node.call.number);
        break;
    }
  }
  if (node.call.min_samples != node.function->min_samples) {
    out += separator;
    out += "min_samples=" + std::to_string(node.call.min_samples);
  }
  out += ')';
}

int PrecedenceOf(const Node& node) {
  return node.kind == Node::Kind::kOperator ? FormOf(node.op).precedence : 9;
}

void AppendOperand(std::string& out, const Node& node, int lowest) {
  const bool parentheses = PrecedenceOf(node) < lowest;
  if (parentheses) out += '(';
  Append(out, node);
  if (parentheses) out += ')';
}

void AppendOperator(std::string& out, const Node& node) {
  const OperatorForm form = FormOf(node.op);
  if (form.unary) {
    out += form.word;
    if (node.op == Operator::kNot) out += ' ';
    // A minus before a bare number would be read as part of it.
    const bool number = node.children[0]->kind == Node::Kind::kNumber;
    AppendOperand(out, *node.children[0], number ? 10 : form.precedence);
    return;
  }
  // Comparisons do not chain, so that both sides of one need parentheses.
  const int left = form.precedence + (form.precedence == kComparisonPrecedence ? 1 : 0);
  AppendOperand(out, *node.children[0], left);
  out += ' ';
  out += form.word;
  out += ' ';
  AppendOperand(out, *node.children[1], form.precedence + 1);
}

void Append(std::string& out, const Node& node) {
  switch (node.kind) {
    case Node::Kind::kNumber:
      AppendNumber(out, node);
      break;
    case Node::Kind::kText:
      AppendText(out, node.text);
      break;
    case Node::Kind::kMetric:
      out += node.text;
      break;
    case Node::Kind::kDeviceId:
      out += "device_id";
      break;
    case Node::Kind::kStatus:
      out += "status";
      break;
    case Node::Kind::kLabel:
      out += "labels.";
      out += node.text;
      break;
    case Node::Kind::kOperator:
      AppendOperator(out, node);
      break;
    case Node::Kind::kCall:
      AppendCall(out, node);
      break;
  }
}

}  // namespace

std::string CanonicalText(const Node& node) {
  std::string out;
  Append(out, node);
  return out;
}

}  // namespace tocsin
