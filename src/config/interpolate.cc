#include "config/interpolate.h"

#include <algorithm>

namespace tocsin {
namespace {

bool IsVariableName(std::string_view name) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  return !name.empty() && letter(name[0]) &&
         std::ranges::all_of(name, [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

// The value of what stands between the braces.
Result<std::string> Resolve(std::string_view inner, const VariableLookup& lookup) {
  const std::size_t separator = inner.find(":-");
  const std::string_view name = inner.substr(0, separator);
  if (!IsVariableName(name)) {
    return Fail(Code::kConfiguration,
                "'${" + std::string(inner) + "}' names no variable; write $$ for a dollar sign");
  }
  std::optional<std::string> value = lookup(name);
  if (value && (!value->empty() || separator == std::string_view::npos)) return std::move(*value);
  if (separator != std::string_view::npos) return std::string(inner.substr(separator + 2));
  return Fail(Code::kConfiguration, "the variable " + std::string(name) +
                                        " is not set; set it or write ${" + std::string(name) +
                                        ":-default}");
}

}  // namespace

Result<std::string> Interpolate(std::string_view text, const VariableLookup& lookup) {
  std::string out;
  while (!text.empty()) {
    const std::size_t dollar = text.find('$');
    out += text.substr(0, dollar);
    if (dollar == std::string_view::npos) break;
    text.remove_prefix(dollar + 1);
    if (text.starts_with('$')) {
      out += '$';
      text.remove_prefix(1);
    } else if (text.starts_with('{')) {
      const std::size_t end = text.find('}');
      if (end == std::string_view::npos) {
        return Fail(Code::kConfiguration, "'${' has no '}'; write $$ for a dollar sign");
      }
      TOCSIN_ASSIGN(const std::string value, Resolve(text.substr(1, end - 1), lookup));
      out += value;
      text.remove_prefix(end + 1);
    } else {
      out += '$';
    }
  }
  return out;
}

}  // namespace tocsin
