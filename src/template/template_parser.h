#pragma once

#include <string_view>
#include <vector>

#include "base/error.h"
#include "template/template_tree.h"

namespace tocsin {

inline constexpr std::size_t kMaxTemplateBytes = 64 * 1024;

// kInvalidArgument: "line 1, column 9: …".
Result<std::vector<TemplateNode>> ParseTemplate(std::string_view text);

}  // namespace tocsin
