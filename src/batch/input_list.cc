#include "batch/input_list.h"

#include <glob.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>
#include <system_error>

namespace tocsin {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTopicPrefix = "topic:";

bool IsJsonLinesName(std::string_view name) {
  for (const std::string_view packed : {".gz", ".zst"}) {
    if (name.ends_with(packed)) name.remove_suffix(packed.size());
  }
  constexpr std::array<std::string_view, 3> kExtensions = {".jsonl", ".ndjson", ".json"};
  return std::any_of(kExtensions.begin(), kExtensions.end(),
                     [&](std::string_view extension) { return name.ends_with(extension); });
}

class Expansion {
 public:
  explicit Expansion(const std::string& left_out) : left_out_(left_out) {}

  Status Add(const std::string& input) {
    if (input.starts_with(kTopicPrefix)) {
      std::string topic = input.substr(kTopicPrefix.size());
      if (topic.empty()) return Fail(Code::kUsage, "input topic: names no topic; write topic:NAME");
      found_.push_back({input, std::move(topic), 0});
      return {};
    }
    if (input == "-") {
      found_.push_back({input, "", 0});
      return {};
    }
    std::error_code error;
    const fs::file_status status = fs::status(input, error);
    if (fs::is_directory(status)) return AddDirectory(input);
    if (fs::exists(status)) {
      AddFile(input);
      return {};
    }
    if (status.type() == fs::file_type::not_found) {
      if (input.find_first_of("*?[") != std::string::npos) return AddGlob(input);
      return Fail(Code::kNotFound, "input " + input + " does not exist");
    }
    return Fail(Code::kInvalidArgument, "input " + input + " cannot be read: " + error.message());
  }

  std::vector<BatchInput> Take() { return std::move(found_); }

 private:
  void AddFile(const std::string& path) {
    std::error_code error;
    const std::uintmax_t bytes = fs::file_size(path, error);
    found_.push_back({path, "", error ? 0 : bytes});
  }

  bool IsLeftOut(const std::string& path) const {
    std::error_code error;
    return !left_out_.empty() && fs::equivalent(path, left_out_, error) && !error;
  }

  Status AddDirectory(const std::string& directory) {
    std::error_code error;
    std::vector<std::string> paths;
    for (fs::directory_iterator at(directory, error), end; !error && at != end;
         at.increment(error)) {
      const std::string path = at->path().string();
      std::error_code file_error;
      if (IsJsonLinesName(path) && at->is_regular_file(file_error)) paths.push_back(path);
    }
    if (error) {
      return Fail(Code::kInvalidArgument,
                  "input directory " + directory + " cannot be read: " + error.message());
    }
    return AddSorted(std::move(paths), "input directory " + directory +
                                           " holds no *.jsonl, *.ndjson or *.json file (plain, "
                                           ".gz or .zst)");
  }

  Status AddGlob(const std::string& pattern) {
    glob_t matches = {};
    const int answer = ::glob(pattern.c_str(), GLOB_NOSORT, nullptr, &matches);
    std::vector<std::string> paths(matches.gl_pathv, matches.gl_pathv + matches.gl_pathc);
    ::globfree(&matches);
    if (answer != 0 && answer != GLOB_NOMATCH) {
      return Fail(Code::kInvalidArgument, "input pattern " + pattern + " cannot be resolved");
    }
    std::sort(paths.begin(), paths.end());
    const auto first_directory =
        std::stable_partition(paths.begin(), paths.end(),
                              [](const std::string& path) { return !fs::is_directory(path); });
    std::vector<std::string> directories(first_directory, paths.end());
    paths.erase(first_directory, paths.end());
    if (paths.empty() && !directories.empty()) {
      for (const std::string& directory : directories) TOCSIN_TRY(AddDirectory(directory));
      return {};
    }
    return AddSorted(std::move(paths), "input pattern " + pattern + " matches no file");
  }

  Status AddSorted(std::vector<std::string> paths, const std::string& when_empty) {
    std::erase_if(paths, [&](const std::string& path) { return IsLeftOut(path); });
    if (paths.empty()) return Fail(Code::kNotFound, when_empty);
    std::sort(paths.begin(), paths.end());
    for (const std::string& path : paths) AddFile(path);
    return {};
  }

  std::string left_out_;
  std::vector<BatchInput> found_;
};

}  // namespace

Result<std::vector<BatchInput>> ExpandInputs(const std::vector<std::string>& inputs,
                                             const std::string& left_out) {
  Expansion expansion(left_out);
  for (const std::string& input : inputs) TOCSIN_TRY(expansion.Add(input));
  return expansion.Take();
}

}  // namespace tocsin
