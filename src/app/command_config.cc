#include <CLI/CLI.hpp>

#include "app/commands.h"
#include "app/desk.h"
#include "base/error_list.h"
#include "base/json_text.h"
#include "config/settings_output.h"
#include "process/rules_in_force.h"

// `config check`, `config print` and `config schema`.
namespace tocsin {
namespace {

// The files that the settings name: rules, fleet, routes with their channels.
Status CheckFiles(const Settings& settings) {
  ErrorList errors;
  errors.Check(RulesInForce::Load(settings));
  const Result<RouteConfig> routes = RoutesFor(settings);
  errors.Check(routes);
  if (routes) errors.Check(CheckChannelsOf(settings, *routes));
  return errors.Finish();
}

Result<int> RunCheck(Session& session) {
  TOCSIN_TRY(CheckBuilt(session.settings));
  TOCSIN_TRY(CheckFiles(session.settings));
  if (!session.json) {
    session.out.Line("the configuration is valid");
    return 0;
  }
  std::string json = "{\"valid\":true,\"warnings\":[";
  for (const std::string& warning : WarningsFor(session.settings)) {
    if (json.back() == '"') json += ',';
    AppendJsonString(json, warning);
  }
  session.out.Line(json + "]}");
  return 0;
}

}  // namespace

void AddConfigCommand(CLI::App& root, Invocation& invocation) {
  CLI::App* family = root.add_subcommand("config", "The configuration");
  family->require_subcommand(1);
  family->add_subcommand("check", "Check all sources of settings")->callback([&invocation] {
    invocation.run = RunCheck;
  });
  CLI::App* print = family->add_subcommand("print", "Print every setting");
  auto origin = std::make_shared<bool>(false);
  print->add_flag("--origin", *origin, "With where each value came from");
  print->callback([origin, &invocation] {
    invocation.run = [origin](Session& session) -> Result<int> {
      std::string text = PrintSettings(session.settings, session.json, *origin);
      if (!text.ends_with('\n')) text += '\n';
      session.out.Write(text);
      return 0;
    };
  });
  family->add_subcommand("schema", "The JSON Schema of tocsin.yaml")->callback([&invocation] {
    invocation.needs_settings = false;
    invocation.run = [](Session& session) -> Result<int> {
      std::string text = SettingsSchema();
      if (!text.ends_with('\n')) text += '\n';
      session.out.Write(text);
      return 0;
    };
  });
}

}  // namespace tocsin
