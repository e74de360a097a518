#pragma once

#include <string>
#include <vector>

namespace tocsin {

// A file of message templates that `templates:` of the routes names; src/template reads it.
struct TemplateFile {
  std::string path;
  std::string text;
  bool operator==(const TemplateFile&) const = default;
};
using TemplateFiles = std::vector<TemplateFile>;

}  // namespace tocsin
