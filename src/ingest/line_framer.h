#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

namespace tocsin {

// One line of an input. Views are valid until the next call of the framer.
struct FramedLine {
  std::string_view bytes;        // without `\n` and one `\r`; of a too large line its head only
  std::uint64_t number = 0;      // from 1, blank lines included
  std::uint64_t size = 0;        // bytes of the whole line without its end
  std::uint64_t end_offset = 0;  // of the input, behind the line's end
  bool blank = false;            // nothing but white space
  bool too_large = false;        // more than the framer's limit
};

// Cuts a byte stream into lines in bounded memory: a longer line than the limit is passed over and
// only its head is kept.
//
// `bytes` of a line that is not too large is followed by kPadding readable bytes.
// Memory: about 1 MiB and twice the limit. Threads: none but the owner's.
class LineFramer {
 public:
  static constexpr std::size_t kHeadBytes = 64 * 1024;
  static constexpr std::size_t kPadding = 64;

  explicit LineFramer(std::size_t max_line_bytes);

  // Forgets everything read; the next byte has this offset and follows that many lines.
  void Reset(std::uint64_t offset, std::uint64_t lines);
  // Reads once from `fd`. Returns the number of bytes, 0 at the end of the input. Every complete
  // line must have been taken by Next() before. kDiskError when the read fails, naming `name`.
  Result<std::size_t> Fill(int fd, const std::string& name);
  // The next complete line, or false when more input is needed.
  bool Next(FramedLine& line);
  // At the end of the input: the last line when it has no line end.
  bool Finish(FramedLine& line);

  // The offset behind the last byte read.
  std::uint64_t read_offset() const { return offset_ + (end_ - begin_); }

 private:
  void Describe(std::string_view text, std::uint64_t consumed, FramedLine& line);
  void Skip(std::string_view text);
  bool EndSkipped(std::uint64_t consumed, FramedLine& line);

  const std::size_t max_line_bytes_;
  const std::size_t capacity_;
  std::unique_ptr<char[]> buffer_;
  std::size_t begin_ = 0;  // of the first byte not given out
  std::size_t end_ = 0;
  std::size_t searched_ = 0;  // no line end in [begin_, searched_)
  std::uint64_t offset_ = 0;  // of begin_ in the input
  std::uint64_t lines_ = 0;

  // A too large line in progress.
  bool skipping_ = false;
  bool skipped_blank_ = false;
  char skipped_last_ = 0;
  std::uint64_t skipped_size_ = 0;
  std::string head_;
};

}  // namespace tocsin
