#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/error.h"

namespace tocsin {

struct DotenvEntry {
  std::string value;
  std::size_t line = 0;  // 1-based, where the entry begins
};

// Reads the text of a .env file: lines KEY=VALUE, an optional `export ` in front, comments from #
// at the start of a line or after white space, values bare, in 'single quotes' (as they are) or in
// "double quotes" (\n, \t, \r, \", \\, \$ unescaped); quoted values may run over several lines.
// Nothing is interpolated. The last line of a key wins.
//
// `is_known` tells the keys of ours. A line that cannot be read is kConfiguration, "line N: …",
// when it begins with such a key, and is passed over otherwise: the file also serves other
// programs.
Result<std::map<std::string, DotenvEntry>> ParseDotenv(
    std::string_view text, const std::function<bool(std::string_view key)>& is_known);

}  // namespace tocsin
