#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace tocsin {

// The files that `paths` name, in order: a file itself, the JSON lines files of a directory (sorted
// by name: *.jsonl, *.ndjson and *.json, without subdirectories), the matches of a glob
// pattern, and "-" for standard input. kNotFound naming the path when there is none.
Result<std::vector<std::string>> ExpandInputFiles(const std::vector<std::string>& paths);

}  // namespace tocsin
