#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "batch/byte_source.h"
#include "batch/record_source.h"

namespace tocsin {

// Frames a byte source into lines. A line loses its `\n` and one `\r`; a last line needs no `\n`.
// Blank lines are counted, not handed out. A line longer than `max_line_bytes` is passed over to
// its end and handed out as too large with its head: memory is bounded by the limit, not by the
// line. Lines are not copied: they lie in the chunk's buffer, followed by readable bytes.
class LineReader final : public RecordSource {
 public:
  // The source begins after `lines` lines of `bytes` bytes.
  LineReader(std::unique_ptr<ByteSource> source, std::string name, std::size_t max_line_bytes,
             std::uint64_t lines = 0, std::uint64_t bytes = 0);
  Result<bool> Next(RecordChunk& chunk) override;
  std::uint64_t bytes_done() const override { return source_->stored_bytes_done(); }
  std::uint64_t lines_done() const override { return line_; }

 private:
  // The state of a line that is being passed over.
  struct Oversize {
    std::string head;
    std::uint64_t size = 0;
    bool blank = true;
    char last = '\0';
  };

  std::size_t FrameLines(RecordChunk& chunk, std::size_t first, std::size_t scan_from,
                         std::size_t filled);
  std::size_t PassOver(RecordChunk& chunk, std::size_t filled);
  void KeepRest(const char* rest, std::size_t size);
  void AddToOversize(std::string_view bytes);
  void EmitLine(RecordChunk& chunk, std::string_view line);
  void EmitOversize(RecordChunk& chunk);

  std::unique_ptr<ByteSource> source_;
  std::string name_;
  std::size_t max_line_bytes_;
  std::string rest_;  // the line that the last chunk broke off
  bool passing_over_ = false;
  Oversize oversize_;
  std::uint64_t line_;         // lines framed so far
  std::uint64_t line_offset_;  // byte offset of the next line's start
  bool ended_ = false;
};

}  // namespace tocsin
