// Writes the pages that come from tables: .env.example and docs/reference/settings.md, metrics.md,
// rule_functions.md and channels.md.
//
//   generate_docs [--check] ROOT      ROOT is the top of the source tree
//
// With --check nothing is written; it exits 1 and names the pages that differ.
#include <cstdio>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/file.h"
#include "channels/channel.h"
#include "config/settings_output.h"
#include "expression/function_reference.h"
#include "metrics/metrics.h"

namespace tocsin {
namespace {

struct Page {
  const char* path;
  std::string (*make)();
};

constexpr Page kPages[] = {
    {".env.example", EnvExample},
    {"docs/reference/settings.md", SettingsReferenceMarkdown},
    {"docs/reference/metrics.md", MetricsReferenceMarkdown},
    {"docs/reference/rule_functions.md", RuleFunctionsMarkdown},
    {"docs/reference/channels.md", ChannelsReferenceMarkdown},
};

// The number of pages that are not as they should be.
int Run(const std::string& root, bool check) {
  int failures = 0;
  for (const Page& page : kPages) {
    const std::string path = root + "/" + page.path;
    const std::string wanted = page.make();
    const Result<std::string> present = ReadWholeFile(path);
    if (present && *present == wanted) continue;
    if (check) {
      std::fprintf(stderr, "%s is not what its table says; run generate_docs\n", page.path);
      ++failures;
      continue;
    }
    Status written = MakeDirectories(DirectoryOf(path));
    if (written) written = ReplaceFile(path, wanted);
    if (written) continue;
    std::fprintf(stderr, "%s\n", written.error().message().c_str());
    ++failures;
  }
  return failures;
}

}  // namespace
}  // namespace tocsin

int main(int argc, char** argv) {
  const std::span<char*> arguments(argv, static_cast<std::size_t>(argc));
  const bool check = argc == 3 && std::string_view(arguments[1]) == "--check";
  if (!check && argc != 2) {
    std::fprintf(stderr, "usage: generate_docs [--check] ROOT\n");
    return 64;
  }
  return tocsin::Run(arguments.back(), check) == 0 ? 0 : 1;
}
