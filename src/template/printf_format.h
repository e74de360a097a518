#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "template/template_value.h"

namespace tocsin {

// Go's printf for the values that templates have: %s %v %q %d %f %e %g %t %x %%, with the flags
// "-+ 0#", a width up to 200 and a precision up to 20.
//
// kInvalidArgument for a format that is none, or whose verbs are not as many as `arguments`.
Status CheckPrintf(std::string_view format, std::size_t arguments);
// For a format that was checked. A value that a verb does not take is written as its text.
std::string Printf(std::string_view format, const std::vector<TemplateValue>& arguments);

}  // namespace tocsin
