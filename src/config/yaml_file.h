#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/metric_spec.h"

namespace tocsin {

inline constexpr std::size_t kMaxYamlBytes = 1 << 20;

struct YamlSetting {
  std::string key;    // of the settings table
  std::string value;  // interpolated; a sequence of two scalars becomes "low,high"
  std::size_t line = 0;
};

struct YamlFile {
  std::vector<YamlSetting> settings;
  std::vector<MetricSpec> metrics;  // empty when the file declares none
  std::size_t metrics_line = 0;
};

// The value of a variable, or nothing when it is not set.
using VariableLookup = std::function<std::optional<std::string>(std::string_view name)>;

// Reads the text of a configuration file: a mapping of lower-case setting names to scalars, and
// `metrics`. `${VAR}` and `${VAR:-default}` in a scalar are replaced after parsing, so that no
// value can change the structure; `$$` is a dollar sign. A null value is left out: not set.
//
// kConfiguration, "line N: …", for text that is no YAML or larger than kMaxYamlBytes, an unknown or
// repeated key (with the nearest known one), a value of the wrong shape, a variable that is not
// set and a wrong metric declaration. Settings are not checked here.
Result<YamlFile> ParseYamlFile(std::string_view text, const VariableLookup& lookup);

}  // namespace tocsin
