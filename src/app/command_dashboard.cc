#include <CLI/CLI.hpp>
#include <cstdio>

#include "app/commands.h"
#include "app/desk.h"
#include "app/open_log.h"
#include "app/web_server.h"
#include "base/wait.h"

// `dashboard`: the HTTP server alone, on a log that may be another process's.
namespace tocsin {
namespace {

constexpr std::int64_t kLookUs = 1'000'000;

Result<int> Run(Session& session) {
  const Settings& settings = session.settings;
  if (settings.http_bind.empty()) {
    return Fail(Code::kConfiguration, "HTTP_BIND is empty: there is nothing to serve");
  }
  TOCSIN_TRY(CheckWebSettings(settings));
  TOCSIN_ASSIGN(OpenedLog opened,
                OpenLog(settings, session.clock, LogAccess::kShared, "dashboard", session.stop));
  WebBackend backend = WebBackendFor(session, *opened.log);
  TOCSIN_ASSIGN(const RouteConfig routes, RoutesFor(settings));
  if (HasChannels(routes)) {
    backend.desk = [&session](std::string_view name, std::string_view argument) {
      const bool changes = !name.ends_with(".list") && !name.ends_with(".show");
      return AskDesk(session, name, argument, changes);
    };
  }
  TOCSIN_ASSIGN(const auto server, WebServer::Start(session, *opened.log, std::move(backend)));
  std::string text = "tocsin dashboard on " + server->url() + "\n";
  if (!server->setup_token().empty()) {
    text += "  set-up token " + server->setup_token() + " (makes the first user, once)\n";
  }
  std::fputs(text.c_str(), stderr);
  std::fflush(stderr);
  while (WaitUs(kLookUs, session.stop)) continue;
  return 0;
}

}  // namespace

void AddDashboardCommand(CLI::App& root, Invocation& invocation) {
  CLI::App* command = root.add_subcommand(
      "dashboard", "The page, the API and the metrics alone, beside a running `up` or after it");
  AddSettingFlag(*command, invocation, "--port", "HTTP_PORT", "PORT",
                 "Port; 0 = any free one, shown at the start");
  AddSettingFlag(*command, invocation, "--bind", "HTTP_BIND", "ADDRESS", "Address to listen on");
  command->callback([&invocation] { invocation.run = Run; });
}

}  // namespace tocsin
