#include <cstdint>
#include <string>
#include <string_view>

#include "base/json_text.h"
#include "template/message_template.h"

namespace tocsin {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD
constexpr std::string_view kEllipsis = "\xE2\x80\xA6";

// The length of the well-formed sequence that `text` begins with, 0 when it begins with none.
std::size_t SequenceSize(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return 1;
  const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  return size <= text.size() && IsUtf8(text.substr(0, size)) ? size : 0;
}

std::string_view HtmlEntity(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    default:
      return {};
  }
}

void AppendAscii(std::string& out, char c, Escape escape) {
  switch (escape) {
    case Escape::kHtml:
    case Escape::kSlack: {
      const std::string_view entity = HtmlEntity(c);
      const bool quote = c == '"' || c == '\'';
      if (entity.empty() || (quote && escape == Escape::kSlack)) break;
      out += entity;
      return;
    }
    case Escape::kJson: {
      std::string quoted;
      AppendJsonString(quoted, std::string_view(&c, 1));
      out.append(quoted, 1, quoted.size() - 2);
      return;
    }
    case Escape::kMarkdownTelegram:
      if (std::string_view("_*[]()~`>#+-=|{}.!\\").find(c) != std::string_view::npos) out += '\\';
      break;
    case Escape::kHeader:
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
      break;
    case Escape::kNone:
      break;
  }
  if (c == '\0') {
    out += kReplacement;
  } else {
    out += c;
  }
}

}  // namespace

std::string EscapeText(std::string_view text, Escape escape) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t size = SequenceSize(text);
    if (size == 1) {
      AppendAscii(out, text[0], escape);
    } else if (size == 0) {
      out += kReplacement;
    } else {
      out += text.substr(0, size);
    }
    text.remove_prefix(size == 0 ? 1 : size);
  }
  return out;
}

std::string CutText(std::string_view text, std::size_t max_chars) {
  if (max_chars == 0) return {};
  std::size_t count = 0;
  std::size_t kept = 0;  // bytes of the first max_chars - 1 code points
  for (std::size_t at = 0; at < text.size(); ++count) {
    if (count == max_chars) return std::string(text.substr(0, kept)).append(kEllipsis);
    if (count + 1 == max_chars) kept = at;
    const std::size_t size = SequenceSize(text.substr(at));
    at += size == 0 ? 1 : size;
  }
  return std::string(text);
}

}  // namespace tocsin
