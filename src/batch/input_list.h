#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"

namespace tocsin {

// One input of the job after directories and globs are resolved.
struct BatchInput {
  std::string name;                // a path, "-" for standard input, or "topic:NAME"
  std::string topic;               // NAME, or empty
  std::uint64_t stored_bytes = 0;  // 0 when unknown
  // The part of a file that is read: bytes [from_bytes, to_bytes) from the line after from_line on.
  std::uint64_t from_bytes = 0;
  std::uint64_t from_line = 0;
  std::uint64_t to_bytes = kToTheEnd;
  static constexpr std::uint64_t kToTheEnd = UINT64_MAX;
};

// Resolves inputs in their order. A directory stands for its files *.jsonl, *.ndjson and *.json,
// plain or .gz or .zst, by name, without its subdirectories; a text with `*`, `?` or `[` that is
// no file for the paths it matches, by name. `left_out` (the job's own rejects file) is skipped in
// both. kNotFound for a missing input and for a directory or glob without a file, naming it.
Result<std::vector<BatchInput>> ExpandInputs(const std::vector<std::string>& inputs,
                                             const std::string& left_out);

}  // namespace tocsin
