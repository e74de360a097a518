#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace tocsin {

// A piece of a template: text, or what stands between {{ and }}.
struct TemplatePiece {
  bool tag = false;
  std::string text;  // of a tag without braces, trim marks and outer spaces
  int line = 1;      // of its first character
  int column = 1;
};

// Cuts a template into pieces. {{{x}}} and {{&x}} are {{x}}. `{{-` and `-}}` take the white space
// before and behind away, as Go's; a section tag or a comment that stands alone in its line takes
// the line away, as mustache's. kInvalidArgument with the place of a tag that does not end.
Result<std::vector<TemplatePiece>> ScanTags(std::string_view text);

// "line 3, column 7: "
std::string PlaceText(int line, int column);

}  // namespace tocsin
