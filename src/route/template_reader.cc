#include "route/template_reader.h"

#include <glob.h>
#include <sys/stat.h>

#include <utility>

#include "base/file.h"

namespace tocsin {
namespace {

constexpr std::size_t kMaxFiles = 100;
constexpr std::int64_t kMaxFileBytes = 1 << 20;
constexpr std::size_t kMaxBytes = 4 << 20;

// The files that the pattern matches, by name.
std::vector<std::string> Matching(const std::string& pattern) {
  std::vector<std::string> paths;
  glob_t found{};
  if (::glob(pattern.c_str(), 0, nullptr, &found) == 0) {
    for (std::size_t i = 0; i < found.gl_pathc; ++i) paths.emplace_back(found.gl_pathv[i]);
  }
  ::globfree(&found);
  return paths;
}

Result<std::string> ReadTemplateFile(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) == 0) {
    if (!S_ISREG(info.st_mode)) {
      return Fail(Code::kConfiguration,
                  path + " is no file; name the files in it, like " + path + "/*.tmpl");
    }
    if (info.st_size > kMaxFileBytes) {
      return Fail(Code::kConfiguration, path + " is above 1 MiB");
    }
  }
  return ReadWholeFile(path);
}

}  // namespace

void ReadTemplates(const ConfigFields& file, const std::string& folder, RouteConfig& config,
                   Diagnostics& diagnostics) {
  TemplateFiles files;
  std::size_t bytes = 0;
  for (const ConfigNode* item : file.List("templates")) {
    if (item->kind != ConfigNode::Kind::kScalar || item->text.empty()) {
      diagnostics.push_back({item->place, "templates takes names of files, like templates/*.tmpl"});
      continue;
    }
    const bool relative = item->text[0] != '/' && !folder.empty();
    const std::string pattern = relative ? folder + "/" + item->text : item->text;
    const std::vector<std::string> paths = Matching(pattern);
    if (paths.empty()) config.warnings.push_back("templates: '" + pattern + "' matches no file");
    for (const std::string& path : paths) {
      Result<std::string> text = ReadTemplateFile(path);
      if (!text) {
        diagnostics.push_back({item->place, "templates: " + text.error().message()});
        continue;
      }
      bytes += text->size();
      if (files.size() >= kMaxFiles || bytes > kMaxBytes) {
        diagnostics.push_back({item->place, "templates: more than 100 files or 4 MiB"});
        return;
      }
      files.push_back({path, std::move(*text)});
    }
  }
  if (!files.empty()) config.templates = std::make_shared<const TemplateFiles>(std::move(files));
}

}  // namespace tocsin
