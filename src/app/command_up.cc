#include <CLI/CLI.hpp>

#include "app/commands.h"
#include "app/up.h"
#include "config/units.h"

namespace tocsin {

void AddUpCommand(CLI::App& root, Invocation& invocation) {
  CLI::App* command = root.add_subcommand(
      "up",
      "The whole pipeline in one process: ingest, process, deliver, periodic batch, page and API");
  struct Flags {
    UpOptions options;
    std::string run_for;
  };
  auto flags = std::make_shared<Flags>();
  command->add_flag("--demo", flags->options.demo, "Generate events of synthetic devices");
  command->add_option("--rate", flags->options.rate, "Events a second of --demo")
      ->type_name("N")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option("--faults", flags->options.faults, "Faults of --demo, as in generate")
      ->type_name("SPEC")
      ->capture_default_str();
  command->add_option("--run-for", flags->run_for, "Stop after this time")
      ->type_name("DURATION")
      ->check(CheckDuration, "", "");
  AddSettingFlag(*command, invocation, "--port", "HTTP_PORT", "PORT",
                 "Port of the page and the API; 0 = any free one, shown at the start");
  AddSettingFlag(*command, invocation, "--bind", "HTTP_BIND", "ADDRESS",
                 "Address of the page and the API");
  AddSettingFlag(*command, invocation, "--rules", "RULES_FILE", "FILE", "Rule file");
  command->callback([flags, &invocation] {
    invocation.run = [flags](Session& session) {
      if (!flags->run_for.empty()) {
        flags->options.run_for_us = ParseDurationUs(flags->run_for).value_or(0);
      }
      return RunUp(session, flags->options);
    };
  });
}

}  // namespace tocsin
