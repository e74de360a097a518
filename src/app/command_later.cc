#include <CLI/CLI.hpp>

#include "app/commands.h"

// Commands of the contract whose parts this build does not have: they say so.
namespace tocsin {
namespace {

void AddDashboard(CLI::App& root, Invocation& invocation) {
  CLI::App* command =
      root.add_subcommand("dashboard", "The web dashboard alone (not built in yet)");
  auto port = std::make_shared<int>(8501);
  auto bind = std::make_shared<std::string>("127.0.0.1");
  command->add_option("--port", *port, "Port")->type_name("PORT")->check(CLI::Range(1, 65535));
  command->add_option("--bind", *bind, "Address to listen on")->type_name("ADDRESS");
  command->callback([port, bind, &invocation] {
    invocation.run = [](Session&) -> Result<int> {
      return Fail(Code::kUsage,
                  "`tocsin dashboard` is not built in yet: it comes with the HTTP server");
    };
  });
}

}  // namespace

void AddLaterCommands(CLI::App& root, Invocation& invocation) {
  AddDashboard(root, invocation);
}

}  // namespace tocsin
