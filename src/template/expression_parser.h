#pragma once

#include <string_view>

#include "base/error.h"
#include "template/template_tree.h"

namespace tocsin {

// A Go-template pipeline: `.Status | toUpper`, `eq .Status "firing"`, `(index .Alerts 0).Labels.x`,
// `$alert.StartsAt.Format "15:04"`, `Alerts`. What its names mean is not looked at.
// kInvalidArgument without a place.
Result<Expression> ParseExpression(std::string_view text);

}  // namespace tocsin
