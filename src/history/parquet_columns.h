#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace tocsin {

// Columns of a Parquet file in plain vectors. Rows that a column does not have are NaN, 0 or "".
struct ParquetColumns {
  std::vector<std::uint32_t> text_codes;  // of the text column, into `texts`
  std::vector<std::string> texts;
  std::vector<std::int64_t> times_us;
  std::vector<std::vector<std::int64_t>> integers;
  std::vector<std::vector<double>> doubles;
  std::size_t rows() const { return times_us.size(); }
};

struct ParquetRequest {
  std::string text_column = {};
  std::string time_column = {};
  std::vector<std::string> integers = {};
  std::vector<std::string> doubles = {};
  // Only row groups that may hold such rows are read, and only such rows kept.
  std::string text_equals = {};  // "" = all
  std::int64_t from_us = INT64_MIN;
  std::int64_t to_us = INT64_MAX;
  std::int64_t max_rows = INT64_MAX;  // of the row groups that are read
};

// kNotFound for a missing file, kDataLoss for one that cannot be read or lacks the text or the time
// column, kResourceExhausted beyond `max_rows`. A double column that is missing is all NaN.
Result<ParquetColumns> ReadParquetColumns(const std::string& path, const ParquetRequest& request);

}  // namespace tocsin
