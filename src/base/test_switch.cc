#include "base/test_switch.h"

#ifdef TOCSIN_TEST_SWITCHES

#include <cstdlib>
#include <map>
#include <string>

namespace tocsin {
namespace {

const std::map<std::string, std::string, std::less<>>& Switches() {
  static const auto switches = [] {
    std::map<std::string, std::string, std::less<>> parsed;
    const char* text = std::getenv("TOCSIN_TEST_SWITCH");
    std::string_view rest = text == nullptr ? "" : text;
    while (!rest.empty()) {
      const std::string_view item = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(rest.size(), item.size() + 1));
      const std::size_t equals = item.find('=');
      parsed[std::string(item.substr(0, equals))] =
          equals == std::string_view::npos ? "" : item.substr(equals + 1);
    }
    return parsed;
  }();
  return switches;
}

}  // namespace

bool TestSwitch(std::string_view name) {
  return Switches().contains(name);
}

std::string_view TestSwitchValue(std::string_view name) {
  const auto found = Switches().find(name);
  return found == Switches().end() ? std::string_view() : std::string_view(found->second);
}

}  // namespace tocsin

#endif
