#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>

#include <unistd.h>

// What the tests of this module share.
namespace tocsin {

// A folder of its own for one test, removed with the object.
class OfflineScratch {
 public:
  OfflineScratch() {
    std::string path = (std::filesystem::temp_directory_path() / "tocsin-offline-XXXXXX").string();
    path_ = ::mkdtemp(path.data());
  }
  ~OfflineScratch() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  OfflineScratch(const OfflineScratch&) = delete;
  OfflineScratch& operator=(const OfflineScratch&) = delete;

  std::string Write(std::string_view name, std::string_view text) const {
    const std::string path = path_ + "/" + std::string(name);
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }

 private:
  std::string path_;
};

}  // namespace tocsin
