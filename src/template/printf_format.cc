#include "template/printf_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "base/json_text.h"

namespace tocsin {
namespace {

constexpr std::string_view kVerbs = "svqdfeEgGtxX%";
constexpr std::string_view kFlags = "-+ 0#";
constexpr int kMaxWidth = 200;
constexpr int kMaxPrecision = 20;

// One directive, or the text before it.
struct Directive {
  std::string flags;
  int width = 0;
  int precision = -1;
  char verb = '%';
};

// A number at the begin of `text`, taken away; 0 when there is none, -1 when it is too large.
int TakeNumber(std::string_view& text, int most) {
  int number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  text.remove_prefix(static_cast<std::size_t>(read.ptr - text.data()));
  if (read.ec == std::errc::result_out_of_range || number > most) return -1;
  return read.ec == std::errc() ? number : 0;
}

// What follows a '%', taken away. Nothing for what is no directive.
std::optional<Directive> TakeDirective(std::string_view& text) {
  Directive directive;
  while (!text.empty() && kFlags.find(text[0]) != std::string_view::npos) {
    directive.flags += text[0];
    text.remove_prefix(1);
  }
  // from_chars reads a minus sign; the flags have taken every one.
  directive.width = TakeNumber(text, kMaxWidth);
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
    directive.precision = TakeNumber(text, kMaxPrecision);
    if (directive.precision < 0) return std::nullopt;
  }
  if (directive.width < 0 || text.empty() || kVerbs.find(text[0]) == std::string_view::npos) {
    return std::nullopt;
  }
  directive.verb = text[0];
  text.remove_prefix(1);
  return directive;
}

std::size_t Characters(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string FirstCharacters(const std::string& text, std::size_t count) {
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    const bool begins = (static_cast<unsigned char>(text[at]) & 0xC0) != 0x80;
    if (begins && count-- == 0) break;
  }
  return text.substr(0, at);
}

std::string Padded(std::string text, const Directive& directive) {
  const std::size_t size = Characters(text);
  const auto width = static_cast<std::size_t>(directive.width);
  if (size >= width) return text;
  if (directive.flags.find('-') != std::string::npos) return text.append(width - size, ' ');
  return std::string(width - size, ' ') + text;
}

std::optional<double> NumberOf(const TemplateValue& value) {
  if (const auto* number = std::get_if<double>(&value.data)) return *number;
  return std::nullopt;
}

// The same directive in the words of fmt, which has the rules of C for numbers.
std::string NumberText(const Directive& directive, double number) {
  const auto has = [&](char flag) { return directive.flags.find(flag) != std::string::npos; };
  std::string spec = "{:";
  if (has('-')) spec += '<';
  if (has('+') || has(' ')) spec += has('+') ? '+' : ' ';
  if (has('#')) spec += '#';
  if (has('0') && !has('-')) spec += '0';
  if (directive.width > 0) spec += std::to_string(directive.width);
  const bool whole = directive.verb == 'd' || directive.verb == 'x' || directive.verb == 'X';
  if (whole) {
    const auto integer = static_cast<long long>(std::clamp(std::trunc(number), -9e18, 9e18));
    return fmt::format(fmt::runtime(spec + directive.verb + "}"), integer);
  }
  if (directive.precision >= 0) spec += "." + std::to_string(directive.precision);
  // Without a precision Go's %g has as many digits as the number needs, as no letter has here.
  const bool shortest = directive.precision < 0 && (directive.verb == 'g' || directive.verb == 'G');
  if (!shortest) spec += directive.verb;
  return fmt::format(fmt::runtime(spec + "}"), number);
}

std::string ValueText(const Directive& directive, const TemplateValue& value) {
  const std::optional<double> number = NumberOf(value);
  const bool numeric = std::string_view("dfeEgGxX").find(directive.verb) != std::string_view::npos;
  if (numeric && number && std::isfinite(*number)) return NumberText(directive, *number);
  std::string text = value.ToText();
  if (directive.precision >= 0 && !number) {
    text = FirstCharacters(text, static_cast<std::size_t>(directive.precision));
  }
  if (directive.verb == 'q') {
    std::string quoted;
    AppendJsonString(quoted, text);
    text = std::move(quoted);
  }
  return Padded(std::move(text), directive);
}

}  // namespace

Status CheckPrintf(std::string_view format, std::size_t arguments) {
  std::size_t verbs = 0;
  for (std::size_t at = format.find('%'); at != std::string_view::npos; at = format.find('%')) {
    std::string_view rest = format.substr(at + 1);
    const std::string_view directive = format.substr(at, 8);
    const auto taken = TakeDirective(rest);
    if (!taken) {
      return Fail(Code::kInvalidArgument, "printf: '" + std::string(directive) +
                                              "' is no verb that is known here; there are %s %v "
                                              "%q %d %f %e %g %t %x %%");
    }
    if (taken->verb != '%') ++verbs;
    format = rest;
  }
  if (verbs == arguments) return {};
  return Fail(Code::kInvalidArgument, "printf: the format has " + std::to_string(verbs) +
                                          " verbs for " + std::to_string(arguments) + " values");
}

std::string Printf(std::string_view format, const std::vector<TemplateValue>& arguments) {
  std::string out;
  std::size_t next = 0;
  while (!format.empty()) {
    const std::size_t at = std::min(format.find('%'), format.size());
    out += format.substr(0, at);
    format.remove_prefix(at);
    if (format.empty()) break;
    format.remove_prefix(1);
    const auto directive = TakeDirective(format);
    if (!directive) break;
    if (directive->verb == '%') {
      out += '%';
    } else if (next < arguments.size()) {
      out += ValueText(*directive, arguments[next++]);
    }
  }
  return out;
}

}  // namespace tocsin
