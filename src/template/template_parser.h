#pragma once

#include <string_view>
#include <vector>

#include "base/error.h"
#include "template/template_tree.h"

namespace tocsin {

inline constexpr std::size_t kMaxTemplateBytes = 64 * 1024;

// The nodes of a text, and in `defines` what it defines (the last of a name counts).
// kInvalidArgument: "line 1, column 9: …".
Result<std::vector<TemplateNode>> ParseTemplate(std::string_view text, std::size_t max_bytes,
                                                Defines& defines);

}  // namespace tocsin
