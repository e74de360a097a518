#include "batch/line_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "model/event_parser.h"

namespace tocsin {
namespace {

// Small enough that a chunk, its lines and its columns stay in the second-level cache.
constexpr std::size_t kReadBytes = 256 * 1024;

}  // namespace

bool IsBlank(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; });
}

LineReader::LineReader(std::unique_ptr<ByteSource> source, std::string name,
                       std::size_t max_line_bytes, std::uint64_t lines, std::uint64_t bytes)
    : source_(std::move(source)),
      name_(std::move(name)),
      max_line_bytes_(max_line_bytes),
      line_(lines),
      line_offset_(bytes) {}

Result<bool> LineReader::Next(RecordChunk& chunk) {
  chunk.Clear();
  chunk.input = name_;
  if (ended_) return false;
  const std::size_t kept = rest_.size();
  chunk.buffer.resize(kept + kReadBytes + EventParser::kPadding);
  if (kept > 0) std::memcpy(chunk.buffer.data(), rest_.data(), kept);
  TOCSIN_ASSIGN(const std::size_t count, source_->Read(chunk.buffer.data() + kept, kReadBytes));
  const std::size_t filled = kept + count;

  std::size_t at = 0;
  if (passing_over_) at = PassOver(chunk, filled);
  if (!passing_over_) at = FrameLines(chunk, at, std::max(at, kept), filled);
  if (count > 0) {
    KeepRest(chunk.buffer.data() + at, filled - at);
    return true;
  }
  ended_ = true;
  if (passing_over_) {
    EmitOversize(chunk);
  } else if (at < filled) {
    EmitLine(chunk, {chunk.buffer.data() + at, filled - at});
  }
  return true;
}

// Emits the lines from `first` on, with no `\n` before `scan_from`; returns the start of the line
// that has no end yet.
std::size_t LineReader::FrameLines(RecordChunk& chunk, std::size_t first, std::size_t scan_from,
                                   std::size_t filled) {
  const char* const begin = chunk.buffer.data();
  const char* const end = begin + filled;
  const char* line = begin + first;
  const char* scan = begin + scan_from;
  while (scan < end) {
    const auto* newline =
        static_cast<const char*>(std::memchr(scan, '\n', static_cast<std::size_t>(end - scan)));
    if (newline == nullptr) break;
    EmitLine(chunk, {line, static_cast<std::size_t>(newline - line)});
    line_offset_ += static_cast<std::uint64_t>(newline - line) + 1;
    line = scan = newline + 1;
  }
  return static_cast<std::size_t>(line - begin);
}

// Goes on with a line that is too long; returns where the next line begins.
std::size_t LineReader::PassOver(RecordChunk& chunk, std::size_t filled) {
  const char* const begin = chunk.buffer.data();
  const auto* newline = static_cast<const char*>(std::memchr(begin, '\n', filled));
  if (newline == nullptr) {
    AddToOversize({begin, filled});
    return filled;
  }
  const auto length = static_cast<std::size_t>(newline - begin);
  AddToOversize({begin, length});
  const std::uint64_t size = oversize_.size;
  EmitOversize(chunk);
  line_offset_ += size + 1;
  passing_over_ = false;
  return length + 1;
}

void LineReader::KeepRest(const char* rest, std::size_t size) {
  rest_.clear();
  if (passing_over_) return;
  // One byte more may still be the `\r` of a line that just fits.
  if (size <= max_line_bytes_ + 1) {
    rest_.assign(rest, size);
    return;
  }
  passing_over_ = true;
  oversize_ = {};
  AddToOversize({rest, size});
}

void LineReader::AddToOversize(std::string_view bytes) {
  if (bytes.empty()) return;
  const std::size_t room = RecordChunk::kKeptBytes - oversize_.head.size();
  oversize_.head.append(bytes.substr(0, room));
  oversize_.size += bytes.size();
  oversize_.blank = oversize_.blank && IsBlank(bytes);
  oversize_.last = bytes.back();
}

void LineReader::EmitLine(RecordChunk& chunk, std::string_view line) {
  ++line_;
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (IsBlank(line)) {
    ++chunk.blank_lines;
    return;
  }
  const bool too_large = line.size() > max_line_bytes_;
  chunk.items.push_back({too_large ? line.substr(0, RecordChunk::kKeptBytes) : line, line_,
                         line_offset_, line.size(), too_large});
}

void LineReader::EmitOversize(RecordChunk& chunk) {
  ++line_;
  if (oversize_.blank) {
    ++chunk.blank_lines;
    return;
  }
  const std::uint64_t size = oversize_.size - (oversize_.last == '\r' ? 1 : 0);
  chunk.head = std::move(oversize_.head);
  if (chunk.head.size() > size) chunk.head.resize(static_cast<std::size_t>(size));
  chunk.items.push_back({chunk.head, line_, line_offset_, size, size > max_line_bytes_});
}

}  // namespace tocsin
