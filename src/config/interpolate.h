#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "config/yaml_file.h"

namespace tocsin {

// `text` with `${VAR}` and `${VAR:-default}` replaced and `$$` made `$`. The default stands for a
// variable that is not set or empty, and is taken as it is. kConfiguration for a variable that is
// neither set nor has a default, and for `${` without a name or an end.
Result<std::string> Interpolate(std::string_view text, const VariableLookup& lookup);

}  // namespace tocsin
