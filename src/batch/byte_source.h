#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/error.h"

namespace tocsin {

// The bytes of one input, decompressed. Not thread-safe.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // At most `capacity` bytes to `into`; returns their number, 0 at the end of the input.
  // kInvalidArgument when it cannot be read, and for compressed bytes that are damaged or end too
  // soon, naming the input and the position in it.
  virtual Result<std::size_t> Read(char* into, std::size_t capacity) = 0;
  // Bytes of the stored (compressed) form read so far, for progress.
  virtual std::uint64_t stored_bytes_done() const = 0;
};

struct OpenOptions {
  // Compressed bytes that end too soon are an input that ends there, with a warning.
  bool accept_truncated = false;
  // The stored bytes of a file that are read.
  std::uint64_t from = 0;
  std::uint64_t to = UINT64_MAX;
};

// Opens `path`, or standard input for "-". A file is decompressed by its name: .gz (members may
// be concatenated) or .zst; standard input by its first bytes. kNotFound for a missing file,
// kInvalidArgument for one that cannot be read.
Result<std::unique_ptr<ByteSource>> OpenByteSource(const std::string& path,
                                                   OpenOptions options = {});

}  // namespace tocsin
