#include "app/cli_tree.h"

#include <CLI/CLI.hpp>

#include "app/build_info.h"
#include "app/commands.h"

namespace tocsin {
namespace {

constexpr const char* kFooter =
    "Results go to standard output, messages to standard error. Values: flag > environment > .env "
    ">\n"
    "configuration file > default; `tocsin config print --origin` says where each one came from.\n"
    "Exit codes: 0 ok, 1 failed, 64 usage, 69 a dependency is down, 74 disk error, 78 "
    "configuration,\n"
    "130 interrupted.";

void FinishCommands(CLI::App& command, Invocation& invocation) {
  const auto children = command.get_subcommands([](CLI::App*) { return true; });
  if (children.empty()) AddGlobalFlags(command, invocation);
  for (CLI::App* child : children) FinishCommands(*child, invocation);
}

}  // namespace

std::unique_ptr<CLI::App> MakeCliTree(Invocation& invocation) {
  auto root = std::make_unique<CLI::App>(
      "Tocsin: readings of devices in, clean data, alerts, dead letters and tables out.", "tocsin");
  root->require_subcommand(1);
  root->footer(kFooter);
  for (const AddCommand add : kCommands) add(*root, invocation);
  FinishCommands(*root, invocation);
  root->set_version_flag("--version", VersionText(), "The same as `tocsin version`");
  return root;
}

std::vector<const CLI::App*> CommandsOf(const CLI::App& command) {
  std::vector<const CLI::App*> commands;
  for (const CLI::App* child : command.get_subcommands([](const CLI::App*) { return true; })) {
    if (!child->get_group().empty()) commands.push_back(child);
  }
  return commands;
}

std::vector<std::string> FlagsOf(const CLI::App& command) {
  std::vector<std::string> flags;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
  }
  return flags;
}

}  // namespace tocsin
