#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "log/record_batch.h"

namespace tocsin {

// Some records of one input, in order, and the memory they lie in.
struct RecordChunk {
  struct Item {
    // Followed by EventParser::kPadding readable bytes. For a record that is too large only its
    // first kKeptBytes.
    std::string_view bytes;
    std::uint64_t line = 0;    // 1-based, blank lines counted; in a topic the offset + 1
    std::uint64_t offset = 0;  // byte offset of the line's start; in a topic the record's offset
    std::uint64_t size = 0;    // in bytes, without the line end
    bool too_large = false;
  };
  static constexpr std::size_t kKeptBytes = 64 * 1024;

  std::string_view input;  // its name; valid as long as the source
  std::vector<Item> items;
  std::uint64_t blank_lines = 0;

  // The memory behind `items`.
  std::vector<char> buffer;
  std::string head;  // of a line that was longer than the buffer
  std::shared_ptr<const RecordBatch> batch;

  void Clear() {
    items.clear();
    blank_lines = 0;
    batch.reset();
  }
};

// The records of one or more inputs, a chunk at a time. Not thread-safe.
class RecordSource {
 public:
  virtual ~RecordSource() = default;
  // Replaces the content of `chunk` by the next records (which may be none); false at the end.
  // A chunk belongs to one input. Errors as those of ByteSource and Log::Fetch.
  virtual Result<bool> Next(RecordChunk& chunk) = 0;
  // Stored bytes read so far, for progress.
  virtual std::uint64_t bytes_done() const = 0;
  // Lines of the input up to where it was read, blank ones too; 0 for a topic.
  virtual std::uint64_t lines_done() const { return 0; }
};

// True for text of nothing but the white space of JSON: space, tab, line feed, carriage return.
bool IsBlank(std::string_view text);

}  // namespace tocsin
