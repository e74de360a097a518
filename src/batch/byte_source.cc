#include "batch/byte_source.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/logging.h"

namespace tocsin {
namespace {

constexpr std::size_t kInputBytes = 128 * 1024;
constexpr std::string_view kGzipMagic = "\x1f\x8b";
constexpr std::string_view kZstdMagic = "\x28\xb5\x2f\xfd";

class FileSource final : public ByteSource {
 public:
  // Borrows standard input, which stays open; owns every other descriptor.
  FileSource(FileDescriptor fd, std::string name, std::uint64_t most)
      : fd_(std::move(fd)), name_(std::move(name)), left_(most) {}

  Result<std::size_t> Read(char* into, std::size_t capacity) override {
    if (!peeked_.empty()) {
      const std::size_t count = peeked_.copy(into, capacity);
      peeked_.erase(0, count);
      return count;
    }
    return ReadMore(into, capacity);
  }

  // The first bytes without consuming them: up to `count`, fewer at the end of the input.
  Result<std::string_view> Peek(std::size_t count) {
    char buffer[16];
    while (peeked_.size() < count) {
      TOCSIN_ASSIGN(const std::size_t got, ReadMore(buffer, count - peeked_.size()));
      if (got == 0) break;
      peeked_.append(buffer, got);
    }
    return std::string_view(peeked_);
  }

  std::uint64_t stored_bytes_done() const override { return done_; }

 private:
  Result<std::size_t> ReadMore(char* into, std::size_t capacity) {
    capacity = static_cast<std::size_t>(std::min<std::uint64_t>(capacity, left_));
    for (;;) {
      const ssize_t count = ::read(fd_.valid() ? fd_.get() : STDIN_FILENO, into, capacity);
      if (count >= 0) {
        done_ += static_cast<std::uint64_t>(count);
        left_ -= static_cast<std::uint64_t>(count);
        return static_cast<std::size_t>(count);
      }
      if (errno == EINTR) continue;
      return Fail(Code::kInvalidArgument,
                  "input " + name_ + " cannot be read: " + std::strerror(errno));
    }
  }

  FileDescriptor fd_;
  std::string name_;
  std::string peeked_;
  std::uint64_t done_ = 0;
  std::uint64_t left_;
};

// What the two decompressors share: the stored bytes in a buffer and the words for damage.
class CompressedSource : public ByteSource {
 public:
  CompressedSource(std::unique_ptr<FileSource> file, std::string name, OpenOptions options)
      : file_(std::move(file)), name_(std::move(name)), options_(options), input_(kInputBytes) {}

  std::uint64_t stored_bytes_done() const override { return file_->stored_bytes_done(); }

 protected:
  // Refills an empty buffer; false at the end of the file.
  Result<bool> Refill() {
    if (begin_ < end_) return true;
    base_ += end_;
    begin_ = 0;
    TOCSIN_ASSIGN(end_, file_->Read(input_.data(), input_.size()));
    return end_ > 0;
  }

  std::unexpected<Error> Damage(std::string_view what) const {
    return Fail(Code::kInvalidArgument,
                "input " + name_ + " is damaged at its byte " + std::to_string(base_ + begin_) +
                    ": " + std::string(what) +
                    "; nothing was written. Fetch the file again or cut it there");
  }

  // The input ends within a `part` (a gzip member or a zstd frame): its end, or damage.
  Result<std::size_t> EndWithin(std::string_view part) const {
    if (!options_.accept_truncated) {
      return Damage("it ends in the middle of a " + std::string(part) +
                    " (--accept-truncated takes what is before)");
    }
    LogWarning("batch", "input is cut off: what is before was taken",
               {{"input", name_}, {"within", std::string(part)}});
    return std::size_t{0};
  }

  std::unique_ptr<FileSource> file_;
  std::string name_;
  const OpenOptions options_;
  std::vector<char> input_;
  std::size_t begin_ = 0;  // [begin_, end_) of input_ is not consumed yet
  std::size_t end_ = 0;
  std::uint64_t base_ = 0;  // position in the file of input_[0]
};

class GzipSource final : public CompressedSource {
 public:
  using CompressedSource::CompressedSource;
  ~GzipSource() override {
    if (ready_) inflateEnd(&stream_);
  }

  Result<std::size_t> Read(char* into, std::size_t capacity) override {
    if (!ready_ && inflateInit2(&stream_, 15 + 16) != Z_OK) {
      return Fail(Code::kInternal, "zlib refused to start");
    }
    ready_ = true;
    stream_.next_out = reinterpret_cast<Bytef*>(into);
    stream_.avail_out = static_cast<uInt>(std::min<std::size_t>(capacity, 1U << 30));
    const uInt room = stream_.avail_out;
    while (stream_.avail_out == room) {
      TOCSIN_ASSIGN(const bool more, Refill());
      if (!more) {
        if (at_member_start_ && members_ > 0) return std::size_t{0};
        return EndWithin("gzip member");
      }
      if (at_member_start_ && members_ > 0 && input_[begin_] == '\0') {
        ++begin_;  // zero padding after the last member, as tapes and block devices leave it
        continue;
      }
      TOCSIN_TRY(Inflate());
    }
    return static_cast<std::size_t>(room - stream_.avail_out);
  }

 private:
  Status Inflate() {
    stream_.next_in = reinterpret_cast<Bytef*>(input_.data() + begin_);
    stream_.avail_in = static_cast<uInt>(end_ - begin_);
    at_member_start_ = false;
    const int answer = inflate(&stream_, Z_NO_FLUSH);
    begin_ = end_ - stream_.avail_in;
    if (answer == Z_STREAM_END) {
      ++members_;
      at_member_start_ = true;
      inflateReset(&stream_);
    } else if (answer != Z_OK && answer != Z_BUF_ERROR) {
      return Damage(stream_.msg != nullptr ? stream_.msg : "zlib cannot read it");
    }
    return {};
  }

  z_stream stream_ = {};
  bool ready_ = false;
  bool at_member_start_ = true;
  std::uint64_t members_ = 0;
};

class ZstdSource final : public CompressedSource {
 public:
  using CompressedSource::CompressedSource;
  ~ZstdSource() override { ZSTD_freeDStream(stream_); }

  Result<std::size_t> Read(char* into, std::size_t capacity) override {
    if (stream_ == nullptr) stream_ = ZSTD_createDStream();
    ZSTD_outBuffer out = {into, capacity, 0};
    while (out.pos == 0) {
      TOCSIN_ASSIGN(const bool more, Refill());
      // Output that did not fit may still stand in the decoder: asked for with no input.
      if (!more && !pending_) {
        if (frame_ended_) return std::size_t{0};
        return EndWithin("zstd frame");
      }
      ZSTD_inBuffer in = {input_.data() + begin_, end_ - begin_, 0};
      const std::size_t answer = ZSTD_decompressStream(stream_, &out, &in);
      if (ZSTD_isError(answer) != 0) return Damage(ZSTD_getErrorName(answer));
      begin_ += in.pos;
      frame_ended_ = answer == 0;
      pending_ = out.pos == capacity && !frame_ended_;
    }
    return out.pos;
  }

 private:
  ZSTD_DStream* stream_ = nullptr;
  bool frame_ended_ = false;
  bool pending_ = false;
};

}  // namespace

Result<std::unique_ptr<ByteSource>> OpenByteSource(const std::string& path, OpenOptions options) {
  const bool is_stdin = path == "-";
  FileDescriptor fd;
  if (!is_stdin) {
    auto opened = OpenFile(path, O_RDONLY);
    if (!opened) {
      const Code code =
          opened.error().code() == Code::kNotFound ? Code::kNotFound : Code::kInvalidArgument;
      return Fail(code, "input cannot be read: " + opened.error().message());
    }
    fd = std::move(*opened);
    if (options.from > 0 && ::lseek(fd.get(), static_cast<off_t>(options.from), SEEK_SET) < 0) {
      return Fail(Code::kInvalidArgument, "input " + path + " cannot be read from byte " +
                                              std::to_string(options.from) + " on");
    }
    ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  }
  auto file = std::make_unique<FileSource>(std::move(fd), path, options.to - options.from);
  bool gzip = path.ends_with(".gz");
  bool zstd = path.ends_with(".zst");
  if (is_stdin) {
    TOCSIN_ASSIGN(const std::string_view head, file->Peek(kZstdMagic.size()));
    gzip = head.starts_with(kGzipMagic);
    zstd = head.starts_with(kZstdMagic);
  }
  if (gzip) return std::make_unique<GzipSource>(std::move(file), path, options);
  if (zstd) return std::make_unique<ZstdSource>(std::move(file), path, options);
  return file;
}

}  // namespace tocsin
