#include "template/tag_scanner.h"

namespace tocsin {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

std::string_view Trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

// The end of the tag whose content begins at `at`: braces within quotes are none.
std::size_t FindEnd(std::string_view text, std::size_t at) {
  const bool comment = at < text.size() && (text[at] == '!' || text[at] == '/');
  char quote = '\0';
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (quote != '\0') {
      if (c == '\\' && quote == '"') {
        ++at;
      } else if (c == quote) {
        quote = '\0';
      }
    } else if (!comment && (c == '"' || c == '`')) {
      quote = c;
    } else if (text.substr(at, 2) == "}}") {
      return at;
    }
  }
  return std::string_view::npos;
}

struct Place {
  int line = 1;
  int column = 1;
  void Pass(std::string_view text) {
    for (const char c : text) {
      if (c == '\n') {
        ++line;
        column = 1;
      } else if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) {
        ++column;
      }
    }
  }
};

bool MayStandAlone(std::string_view tag) {
  return !tag.empty() && std::string_view("#^/!").find(tag[0]) != std::string_view::npos;
}

// Takes the line away that holds nothing but the tag between `before` and `rest`.
void TakeLine(std::string& before, bool line_start, std::string_view& rest, Place& place) {
  const std::size_t blank = before.find_last_not_of(" \t");
  const bool begins = blank == std::string::npos ? line_start : before[blank] == '\n';
  const std::size_t next = rest.find_first_not_of(" \t\r");
  const bool ends = next == std::string_view::npos || rest[next] == '\n';
  if (!begins || !ends) return;
  before.resize(blank == std::string::npos ? 0 : blank + 1);
  const std::size_t taken = next == std::string_view::npos ? rest.size() : next + 1;
  place.Pass(rest.substr(0, taken));
  rest.remove_prefix(taken);
}

}  // namespace

std::string PlaceText(int line, int column) {
  return "line " + std::to_string(line) + ", column " + std::to_string(column) + ": ";
}

Result<std::vector<TemplatePiece>> ScanTags(std::string_view rest) {
  std::vector<TemplatePiece> pieces;
  Place place;
  bool line_start = true;  // what is behind the last tag begins a line
  bool trim_next = false;
  for (;;) {
    const std::size_t open = rest.find("{{");
    TemplatePiece before{false, std::string(rest.substr(0, open)), place.line, place.column};
    if (trim_next) before.text.erase(0, before.text.find_first_not_of(kSpace));
    if (open == std::string_view::npos) {
      if (!before.text.empty()) pieces.push_back(std::move(before));
      return pieces;
    }
    place.Pass(rest.substr(0, open));
    const Place at = place;
    const bool triple = rest.substr(open, 3) == "{{{";
    const std::size_t begin = open + (triple ? 3 : 2);
    const std::size_t end = FindEnd(rest, begin);
    if (end == std::string_view::npos || (triple && rest.substr(end, 3) != "}}}")) {
      return Fail(Code::kInvalidArgument, PlaceText(at.line, at.column) + "the tag " +
                                              (triple ? "{{{ has no }}}" : "{{ has no }}"));
    }
    std::string_view tag = rest.substr(begin, end - begin);
    const std::size_t after = end + (triple ? 3 : 2);
    place.Pass(rest.substr(open, after - open));
    rest.remove_prefix(after);
    const bool trim_before =
        tag.starts_with('-') && tag.size() > 1 && kSpace.find(tag[1]) != std::string_view::npos;
    if (trim_before) {
      tag.remove_prefix(1);
      const std::size_t last = before.text.find_last_not_of(kSpace);
      before.text.resize(last == std::string::npos ? 0 : last + 1);
    }
    trim_next = tag.ends_with('-') && tag.size() > 1 &&
                kSpace.find(tag[tag.size() - 2]) != std::string_view::npos;
    if (trim_next) tag.remove_suffix(1);
    tag = Trim(tag);
    if (tag.starts_with('&')) tag = Trim(tag.substr(1));
    if (MayStandAlone(tag)) {
      const int line = place.line;
      TakeLine(before.text, line_start, rest, place);
      line_start = place.line != line;
    } else {
      line_start = false;
    }
    if (!before.text.empty()) pieces.push_back(std::move(before));
    pieces.push_back({true, std::string(tag), at.line, at.column});
  }
}

}  // namespace tocsin
