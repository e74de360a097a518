#include <CLI/CLI.hpp>

#include "app/build_info.h"
#include "app/commands.h"

namespace tocsin {

void AddVersionCommand(CLI::App& root, Invocation& invocation) {
  root.add_subcommand("version", "Version, compiler, features, libraries")->callback([&invocation] {
    invocation.needs_settings = false;
    invocation.run = [](Session& session) -> Result<int> {
      session.out.Write(session.json ? BuildInfoJson() + "\n" : BuildInfoText());
      return 0;
    };
  });
}

}  // namespace tocsin
