#include <CLI/CLI.hpp>

#include "app/commands.h"

// Commands of the contract whose parts this build does not have: they say so.
namespace tocsin {
namespace {

// Sets the command's body to the refusal; its arguments are accepted, so that the answer is about
// the command and not about them.
void Refuse(CLI::App& command, Invocation& invocation, const std::string& name,
            const std::string& what) {
  command.callback([&invocation, name, what] {
    invocation.run = [name, what](Session&) -> Result<int> {
      return Fail(Code::kUsage, "`tocsin " + name + "` is not built in yet: " + what);
    };
  });
}

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

struct Part {
  const char* name;
  const char* help;
  const char* argument;  // nullptr = none
};

void AddFamily(CLI::App& root, Invocation& invocation, const std::string& name,
               const std::string& help, const std::string& what,
               std::initializer_list<Part> parts) {
  CLI::App* family = root.add_subcommand(name, help + " (not built in yet)");
  family->require_subcommand(1);
  for (const Part& part : parts) {
    CLI::App* command = family->add_subcommand(part.name, part.help);
    if (part.argument != nullptr) {
      command
          ->add_option_function<std::vector<std::string>>(
              part.argument, [](const std::vector<std::string>&) {}, part.help)
          ->type_name("");
    }
    Refuse(*command, invocation, name + " " + part.name, what);
  }
}

}  // namespace

void AddLaterCommands(CLI::App& root, Invocation& invocation) {
  AddDashboard(root, invocation);
  AddFamily(root, invocation, "rules", "Rule files", "it comes with the rule language",
            {{"check", "Check a rule file", "FILE"},
             {"test", "Run the tests of a rule file", "FILE"},
             {"backtest", "Run rules over past events", "FILE"}});
  CLI::App* backtest = root.get_subcommand("rules")->get_subcommand("backtest");
  backtest
      ->add_option_function<std::vector<std::string>>(
          "--input", [](const std::vector<std::string>&) {}, "Events to run over")
      ->type_name("PATH");
  AddFamily(root, invocation, "deliveries", "The delivery desk",
            "it comes with the delivery channels; alerts go to the alert log until then",
            {{"ls", "List deliveries", nullptr}, {"redeliver", "Deliver again", "ID"}});
  AddFamily(root, invocation, "silence", "Silences of notifications",
            "it comes with the delivery channels",
            {{"add", "Add a silence", "MATCHER"},
             {"ls", "List silences", nullptr},
             {"expire", "End a silence", "ID"}});
}

}  // namespace tocsin
