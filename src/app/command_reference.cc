#include <CLI/CLI.hpp>

#include "app/cli_tree.h"
#include "app/commands.h"

namespace tocsin {

void AddReferenceCommand(CLI::App& root, Invocation& invocation) {
  CLI::App* command = root.add_subcommand("reference", "The reference page of the command line");
  command->group("");  // for the build of the documentation, not for users
  command->callback([&root, &invocation] {
    invocation.needs_settings = false;
    invocation.run = [&root](Session& session) -> Result<int> {
      session.out.Write(CliMarkdown(root));
      return 0;
    };
  });
}

}  // namespace tocsin
