#include <CLI/CLI.hpp>

#include "app/app.h"
#include "app/cli_tree.h"

// docs/reference/cli.md.
namespace tocsin {
namespace {

constexpr const char* kGlobalGroup = "Flags of every command";

std::string Escaped(std::string text) {
  for (std::size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2) {
    text.insert(at, "\\");
  }
  return text;
}

// The type name of an option without what CLI11's checks add to it: "N:NONNEGATIVE" is N.
std::string ValueName(const CLI::Option& option) {
  std::string name = option.get_type_name();
  for (const char* check : {":NONNEGATIVE", ":POSITIVE", ":INT in ", ":{"}) {
    name = name.substr(0, name.find(check));
  }
  return name;
}

std::string FlagCell(const CLI::Option& option) {
  std::string cell = "`";
  const bool positional = option.get_positional();
  cell += positional ? option.get_name(true) : "--" + option.get_lnames().front();
  const std::string type = ValueName(option);
  if (!positional && option.get_items_expected_max() > 0 && !type.empty()) cell += " " + type;
  return Escaped(cell + "`");
}

void AppendRows(std::string& out, const CLI::App& command, bool global) {
  for (const CLI::Option* option : command.get_options()) {
    if ((option->get_group() == kGlobalGroup) != global) continue;
    if (!option->get_positional() && option->get_lnames().empty()) continue;
    std::string text = option->get_description();
    const std::string initial = option->get_default_str();
    if (!initial.empty()) text += " (default " + initial + ")";
    out += "| " + FlagCell(*option) + " | " + Escaped(text) + " |\n";
  }
}

void AppendCommand(std::string& out, const CLI::App& command, const std::string& path) {
  const auto children = CommandsOf(command);
  if (children.empty()) {
    out += "### `" + path + "`\n" + command.get_description() + ".\n";
    std::string rows;
    AppendRows(rows, command, false);
    if (!rows.empty()) out += "\n| flag | meaning |\n|---|---|\n" + rows;
    out += "\n";
    return;
  }
  for (const CLI::App* child : children) {
    AppendCommand(out, *child, path + " " + child->get_name());
  }
}

const CLI::App& FirstLeaf(const CLI::App& command) {
  const auto children = CommandsOf(command);
  return children.empty() ? command : FirstLeaf(*children.front());
}

}  // namespace

std::string CliMarkdown(const CLI::App& root) {
  std::string out =
      "# The command line\n"
      "<!-- Generated from the program's own command tree: `tocsin reference > "
      "docs/reference/cli.md`. -->\n\n" +
      root.get_description() + "\n\n" + root.get_footer() +
      "\n\nThe first Ctrl-C or SIGTERM finishes the batch in hand and commits; the second ends at "
      "once.\n\n## Flags of every command\n\n| flag | meaning |\n|---|---|\n";
  AppendRows(out, FirstLeaf(root), true);
  out += "\n## Commands\n\n";
  for (const CLI::App* command : CommandsOf(root)) {
    AppendCommand(out, *command, "tocsin " + command->get_name());
  }
  out.pop_back();
  return out;
}

std::string CliReferenceMarkdown() {
  Invocation invocation;
  return CliMarkdown(*MakeCliTree(invocation));
}

}  // namespace tocsin
