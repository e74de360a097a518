#pragma once

#include <string>

namespace tocsin {

// docs/reference/rule_functions.md: every function with its arguments, definition and example.
std::string RuleFunctionsMarkdown();

}  // namespace tocsin
