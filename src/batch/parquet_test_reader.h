#pragma once

#include <optional>
#include <string>
#include <vector>

namespace tocsin {

// A Parquet file as a reader sees it, each value as text (times in microseconds since 1970).
struct ReadBackTable {
  std::vector<std::string> columns;  // "name: type"
  std::vector<std::vector<std::optional<std::string>>> rows;
  int row_groups = 0;
};

// Fails the test when the file cannot be read.
ReadBackTable ReadParquet(const std::string& path);

}  // namespace tocsin
