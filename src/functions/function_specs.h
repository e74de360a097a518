#pragma once

#include "functions/function.h"

// What each file of functions.def defines.
namespace tocsin::function_spec {

#define TOCSIN_FUNCTION(name) extern const FunctionSpec name;
#include "functions/functions.def"
#undef TOCSIN_FUNCTION

}  // namespace tocsin::function_spec
