#pragma once

#include <string>

namespace tocsin {

// The program: reads the command line, runs the command, returns the exit code of the contract.
int RunApp(int argc, const char* const* argv);

// docs/reference/cli.md, made from the same tree that parses the command line.
std::string CliReferenceMarkdown();

}  // namespace tocsin
