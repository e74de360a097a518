#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/session.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace tocsin {

// The whole tree of commands and flags; parsing it fills `invocation`, which must outlive it.
std::unique_ptr<CLI::App> MakeCliTree(Invocation& invocation);

// The visible commands of a family or the root, in the order of the help.
std::vector<const CLI::App*> CommandsOf(const CLI::App& command);
// The long names of its flags: "--json".
std::vector<std::string> FlagsOf(const CLI::App& command);

// Completion scripts for the shells, from the tree. `shell`: bash, zsh or fish.
std::string CompletionScript(const CLI::App& root, const std::string& shell);

// The reference page, from the tree.
std::string CliMarkdown(const CLI::App& root);

}  // namespace tocsin
