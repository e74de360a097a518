#include "web_api/request_lines.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

namespace tocsin {
namespace {

constexpr std::size_t kFirstBytes = 64 * 1024;

std::unexpected<Error> TooLong(std::size_t max_bytes) {
  return Fail(Code::kResourceExhausted,
              "the decompressed body is longer than " + std::to_string(max_bytes) +
                  " bytes; send it in parts (HTTP_MAX_BODY sets the limit)");
}

// Room for more output, at most one byte beyond the limit: that byte tells that there is too much.
void Grow(std::string& out, std::size_t used, std::size_t max_bytes) {
  if (used == out.size()) out.resize(std::min(std::max(kFirstBytes, 2 * used), max_bytes + 1));
}

Result<std::string> Gunzip(std::string_view body, std::size_t max_bytes) {
  z_stream stream{};
  if (::inflateInit2(&stream, 15 + 16) != Z_OK) return Fail(Code::kInternal, "zlib cannot start");
  const std::unique_ptr<z_stream, int (*)(z_stream*)> guard(&stream, &::inflateEnd);
  std::string out;
  std::size_t used = 0;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
  stream.avail_in = static_cast<uInt>(body.size());
  for (;;) {
    Grow(out, used, max_bytes);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + used);
    stream.avail_out = static_cast<uInt>(out.size() - used);
    const int result = ::inflate(&stream, Z_NO_FLUSH);
    used = out.size() - stream.avail_out;
    if (used > max_bytes) return TooLong(max_bytes);
    if (result == Z_STREAM_END && stream.avail_in == 0) break;
    // Several members in a row are one gzip file.
    if (result == Z_STREAM_END && ::inflateReset(&stream) == Z_OK) continue;
    if (result != Z_OK || (stream.avail_in == 0 && stream.avail_out > 0)) {
      return Fail(Code::kInvalidArgument, "the body is no whole gzip file");
    }
  }
  out.resize(used);
  return out;
}

Result<std::string> Unzstd(std::string_view body, std::size_t max_bytes) {
  const std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)> context(::ZSTD_createDCtx(),
                                                                        &::ZSTD_freeDCtx);
  // A window of 8 MiB, the format's recommendation: what a frame may make us allocate.
  ::ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, 23);
  std::string out;
  ZSTD_inBuffer input{.src = body.data(), .size = body.size(), .pos = 0};
  std::size_t used = 0;
  std::size_t result = 1;
  while (input.pos < input.size || result != 0) {
    Grow(out, used, max_bytes);
    ZSTD_outBuffer output{.dst = out.data(), .size = out.size(), .pos = used};
    const std::size_t before = input.pos;
    result = ::ZSTD_decompressStream(context.get(), &output, &input);
    if (::ZSTD_isError(result) != 0) {
      return Fail(Code::kInvalidArgument,
                  std::string("the body is no zstd frame: ") + ::ZSTD_getErrorName(result));
    }
    const bool stuck = input.pos == before && output.pos == used;
    used = output.pos;
    if (used > max_bytes) return TooLong(max_bytes);
    if (stuck) return Fail(Code::kInvalidArgument, "the body is no whole zstd frame");
  }
  out.resize(used);
  return out;
}

bool IsSpace(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// Finds the ends of JSON values by brackets and strings alone: the parser judges what is inside.
class ValueScanner {
 public:
  explicit ValueScanner(std::string_view text) : text_(text) {}

  std::size_t SkipSpace(std::size_t at) const {
    while (at < text_.size() && IsSpace(text_[at])) ++at;
    return at;
  }
  // The end of the value that begins at `at`: before a comma or bracket of the level around it.
  // npos when it does not end.
  std::size_t EndOf(std::size_t at) const {
    std::size_t depth = 0;
    bool in_string = false;
    for (; at < text_.size(); ++at) {
      const char c = text_[at];
      if (in_string) {
        if (c == '\\') {
          ++at;
        } else if (c == '"') {
          in_string = false;
        }
        continue;
      }
      if (c == '"') {
        in_string = true;
      } else if (c == '{' || c == '[') {
        ++depth;
      } else if (c == '}' || c == ']') {
        if (depth == 0) return at;
        if (--depth == 0) return at + 1;
      } else if (c == ',' && depth == 0) {
        return at;
      }
    }
    return depth == 0 && !in_string ? at : std::string_view::npos;
  }

 private:
  std::string_view text_;
};

using Spans = std::vector<std::pair<std::size_t, std::size_t>>;

Status ScanArray(std::string_view text, std::size_t at, Spans& spans) {
  const ValueScanner scanner(text);
  at = scanner.SkipSpace(at + 1);
  if (at < text.size() && text[at] == ']') {
    ++at;
  } else {
    for (;;) {
      std::size_t end = scanner.EndOf(at);
      if (end == std::string_view::npos) break;
      std::size_t last = end;
      while (last > at && IsSpace(text[last - 1])) --last;
      spans.emplace_back(at, last);
      end = scanner.SkipSpace(end);
      if (end < text.size() && text[end] == ',') {
        at = scanner.SkipSpace(end + 1);
        continue;
      }
      at = end < text.size() && text[end] == ']' ? end + 1 : std::string_view::npos;
      break;
    }
    if (at == std::string_view::npos || text[at - 1] != ']') {
      return Fail(Code::kInvalidArgument, "the array of readings does not end");
    }
  }
  if (scanner.SkipSpace(at) != text.size()) {
    return Fail(Code::kInvalidArgument, "there is something behind the array of readings");
  }
  return {};
}

// Line ends outside of strings; inside they are for the parser to refuse.
void JoinLines(char* begin, char* end) {
  bool in_string = false;
  for (char* at = begin; at != end; ++at) {
    if (in_string && *at == '\\' && at + 1 != end) {
      ++at;
    } else if (*at == '"') {
      in_string = !in_string;
    } else if (!in_string && (*at == '\n' || *at == '\r')) {
      *at = ' ';
    }
  }
}

}  // namespace

Result<std::string> DecodeBody(std::string_view body, std::string_view encoding,
                               std::size_t max_bytes, std::size_t padding) {
  Result<std::string> decoded = std::string();
  if (encoding.empty() || encoding == "identity") {
    decoded->reserve(body.size() + padding);
    decoded->append(body);
  } else if (encoding == "gzip" || encoding == "x-gzip") {
    decoded = Gunzip(body, max_bytes);
  } else if (encoding == "zstd") {
    decoded = Unzstd(body, max_bytes);
  } else {
    return Fail(Code::kUsage, "Content-Encoding '" + std::string(encoding.substr(0, 40)) +
                                  "' is not taken; gzip and zstd are");
  }
  if (decoded) decoded->append(padding, ' ');
  return decoded;
}

Status ForEachReading(std::string& body, std::size_t size, bool lines_only,
                      const VisitReading& visit) {
  const std::string_view text(body.data(), size);
  const ValueScanner scanner(text);
  const std::size_t first = scanner.SkipSpace(0);
  Spans spans;
  bool lines = lines_only || first == size;
  if (!lines && text[first] == '[') {
    TOCSIN_TRY(ScanArray(text, first, spans));
  } else if (!lines) {
    const std::size_t end = scanner.EndOf(first);
    lines = end == std::string_view::npos || scanner.SkipSpace(end) != size;
    if (!lines) spans.emplace_back(first, end);
  }
  if (!lines) {
    for (std::size_t i = 0; i < spans.size(); ++i) {
      const auto [begin, end] = spans[i];
      JoinLines(body.data() + begin, body.data() + end);
      visit(text.substr(begin, end - begin), i + 1);
    }
    return {};
  }
  std::size_t number = 0;
  for (std::size_t at = 0; at < size;) {
    const std::size_t end = std::min(text.find('\n', at), size);
    std::string_view line = text.substr(at, end - at);
    if (line.ends_with('\r')) line.remove_suffix(1);
    visit(std::ranges::all_of(line, IsSpace) ? std::string_view() : line, ++number);
    at = end + 1;
  }
  return {};
}

}  // namespace tocsin
