#pragma once

#include <string_view>

// Planted bugs and forced crashes, for the tests that prove that our checks can catch them.
// Compiled in only with -DTOCSIN_TEST_SWITCHES=ON (presets dev, tsan, coverage); in a release
// build every switch is constant false and costs nothing.
//
// The environment variable TOCSIN_TEST_SWITCH lists the active ones, comma-separated, each as
// name or name=value.
namespace tocsin {

#ifdef TOCSIN_TEST_SWITCHES
// True when the switch is listed. Read once at first use.
bool TestSwitch(std::string_view name);
// The text after "name=", or empty.
std::string_view TestSwitchValue(std::string_view name);
#else
constexpr bool TestSwitch(std::string_view /*name*/) {
  return false;
}
constexpr std::string_view TestSwitchValue(std::string_view /*name*/) {
  return {};
}
#endif

}  // namespace tocsin
