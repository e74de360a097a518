#include <algorithm>
#include <array>

#include "functions/function_specs.h"

namespace tocsin {
namespace {

constexpr const FunctionSpec* kFunctions[] = {
#define TOCSIN_FUNCTION(name) &function_spec::name,
#include "functions/functions.def"
#undef TOCSIN_FUNCTION
};

}  // namespace

std::span<const FunctionSpec* const> Functions() {
  static const auto by_name = [] {
    auto sorted = std::to_array(kFunctions);
    std::ranges::sort(sorted, {}, [](const FunctionSpec* spec) { return spec->name; });
    return sorted;
  }();
  return by_name;
}

const FunctionSpec* FindFunction(std::string_view name) {
  const auto all = Functions();
  const auto found =
      std::ranges::lower_bound(all, name, {}, [](const FunctionSpec* spec) { return spec->name; });
  return found != all.end() && (*found)->name == name ? *found : nullptr;
}

}  // namespace tocsin
