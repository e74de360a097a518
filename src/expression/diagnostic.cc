#include "expression/diagnostic.h"

#include <algorithm>

namespace tocsin {

std::string FormatDiagnostics(const std::string& path, const std::vector<Diagnostic>& diagnostics) {
  std::vector<const Diagnostic*> ordered;
  ordered.reserve(diagnostics.size());
  for (const Diagnostic& diagnostic : diagnostics) ordered.push_back(&diagnostic);
  std::ranges::stable_sort(ordered, [](const Diagnostic* a, const Diagnostic* b) {
    return a->place.line != b->place.line ? a->place.line < b->place.line
                                          : a->place.column < b->place.column;
  });
  std::string text;
  for (const Diagnostic* diagnostic : ordered) {
    if (!text.empty()) text += '\n';
    text += path;
    if (diagnostic->place.line > 0) text += ':' + std::to_string(diagnostic->place.line);
    if (diagnostic->place.column > 0) text += ':' + std::to_string(diagnostic->place.column);
    text += ": ";
    text += diagnostic->message;
  }
  return text;
}

}  // namespace tocsin
