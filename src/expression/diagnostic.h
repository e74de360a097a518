#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tocsin {

// A place in a text file, counted from 1; columns count bytes. 0 = unknown.
struct SourcePlace {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  bool operator==(const SourcePlace&) const = default;
};

// One mistake in a file, for the person who wrote it: `message` names the thing, the value and
// what is allowed, with the nearest known name where there is one.
struct Diagnostic {
  SourcePlace place;
  std::string message;
};

// "rules.yaml:12:9: unknown function `avgg`; did you mean `avg`?", one line each, in order of
// place.
std::string FormatDiagnostics(const std::string& path, const std::vector<Diagnostic>& diagnostics);

}  // namespace tocsin
