// Arbitrary bytes as a file of routes, as matchers, as a silence, as an alert record and as keyed
// state. What is accepted must read back as itself.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "model/alert_message.h"
#include "route/notifier.h"

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

void CheckMatchers(std::string_view text) {
  const auto matchers = tocsin::ParseMatchers(text);
  if (!matchers) return;
  for (const tocsin::Matcher& matcher : *matchers) {
    const auto back = tocsin::ParseMatchers(matcher.ToText());
    Require(back && back->size() == 1);
    Require(back->front().name() == matcher.name() && back->front().value() == matcher.value());
    matcher.Matches({{"a", "b"}});
  }
}

void CheckState(std::string_view text, const tocsin::RouteConfig& config) {
  tocsin::Notifier notifier(config, {});
  for (const char* key : {"a/1", "g/{}:{}", "r/a", "s/1"}) notifier.Load(key, text);
  notifier.Flush(1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<tocsin::Diagnostic> diagnostics;
  auto config = tocsin::ParseRouteConfig(text, "routes.yml", diagnostics);
  Require(config.has_value() == diagnostics.empty());
  CheckMatchers(text);
  if (const auto silence = tocsin::Silence::FromJson(text)) {
    Require(tocsin::Silence::FromJson(silence->ToJson()).has_value());
  }
  CheckState(text, tocsin::DefaultRouteConfig({}));
  if (auto alert = tocsin::ParseAlertMessage(text)) {
    tocsin::Notifier notifier(config ? *config : tocsin::DefaultRouteConfig({}), {});
    notifier.OnAlert(*alert, 1);
    notifier.Flush(2);
  }
  return 0;
}
