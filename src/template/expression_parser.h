#pragma once

#include <string_view>

#include "base/error.h"
#include "template/template_tree.h"

namespace tocsin {

// A Go-template pipeline over fields: `.Status | toUpper`, `eq .Status "firing"`,
// `gt (len .Alerts.Firing) 0`, `Alerts`. kInvalidArgument without a place.
Result<Expression> ParseExpression(std::string_view text, const NameScope& scope);

}  // namespace tocsin
