#include "ingest/input_files.h"

#include <glob.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>
#include <system_error>

namespace tocsin {
namespace {

namespace fs = std::filesystem;

bool IsJsonLinesName(std::string_view name) {
  constexpr std::array<std::string_view, 3> kExtensions = {".jsonl", ".ndjson", ".json"};
  return std::any_of(kExtensions.begin(), kExtensions.end(),
                     [&](std::string_view extension) { return name.ends_with(extension); });
}

Status AddDirectory(const std::string& directory, std::vector<std::string>& files) {
  std::error_code error;
  std::vector<std::string> found;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    std::error_code file_error;
    if (IsJsonLinesName(at->path().native()) && at->is_regular_file(file_error)) {
      found.push_back(at->path().string());
    }
  }
  if (error) {
    return Fail(Code::kNotFound,
                "input directory " + directory + " cannot be read: " + error.message());
  }
  if (found.empty()) {
    return Fail(Code::kNotFound,
                "input directory " + directory + " holds no *.jsonl, *.ndjson or *.json file");
  }
  std::sort(found.begin(), found.end());
  files.insert(files.end(), found.begin(), found.end());
  return {};
}

Status AddMatches(const std::string& pattern, std::vector<std::string>& files) {
  glob_t matches = {};
  const int answer = ::glob(pattern.c_str(), GLOB_NOSORT, nullptr, &matches);
  std::vector<std::string> found(matches.gl_pathv, matches.gl_pathv + matches.gl_pathc);
  ::globfree(&matches);
  std::erase_if(found, [](const std::string& path) {
    std::error_code error;
    return fs::is_directory(path, error);
  });
  if (answer != 0 || found.empty()) {
    return Fail(Code::kNotFound, "input pattern " + pattern + " matches no file");
  }
  std::sort(found.begin(), found.end());
  files.insert(files.end(), found.begin(), found.end());
  return {};
}

}  // namespace

Result<std::vector<std::string>> ExpandInputFiles(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    std::error_code error;
    if (path == "-") {
      files.push_back(path);
    } else if (const fs::file_status status = fs::status(path, error); fs::is_directory(status)) {
      TOCSIN_TRY(AddDirectory(path, files));
    } else if (fs::exists(status)) {
      files.push_back(path);
    } else if (path.find_first_of("*?[") != std::string::npos) {
      TOCSIN_TRY(AddMatches(path, files));
    } else {
      return Fail(Code::kNotFound, "input " + path + " does not exist");
    }
  }
  return files;
}

}  // namespace tocsin
