#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <unistd.h>

#include "base/file.h"
#include "batch/byte_source.h"

// What the tests of this module share.
namespace tocsin {

// A folder of its own for one test, removed with the object.
class ScratchDirectory {
 public:
  ScratchDirectory() {
    std::string path = (std::filesystem::temp_directory_path() / "tocsin-batch-XXXXXX").string();
    path_ = ::mkdtemp(path.data());
  }
  ~ScratchDirectory() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;

  std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }
  const std::string& path() const { return path_; }

  std::string Write(std::string_view name, std::string_view bytes) const {
    const std::string path = *this / name;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
      names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

 private:
  std::string path_;
};

// Gives `bytes` in pieces of at most `piece` bytes, `repeat` times over.
class TextSource final : public ByteSource {
 public:
  TextSource(std::string bytes, std::size_t piece, std::uint64_t repeat = 1)
      : bytes_(std::move(bytes)), piece_(piece), left_(bytes_.size() * repeat) {}
  Result<std::size_t> Read(char* into, std::size_t capacity) override {
    std::size_t count = 0;
    const std::size_t most = std::min(capacity, piece_);
    while (count < most && left_ > 0) {
      const std::size_t at = static_cast<std::size_t>(done_ % bytes_.size());
      const std::size_t part = std::min(most - count, bytes_.size() - at);
      bytes_.copy(into + count, part, at);
      count += part;
      done_ += part;
      left_ -= part;
    }
    return count;
  }
  std::uint64_t stored_bytes_done() const override { return done_; }

 private:
  std::string bytes_;
  std::size_t piece_;
  std::uint64_t left_;
  std::uint64_t done_ = 0;
};

}  // namespace tocsin
