#include "server/live_frame.h"

#include <zlib.h>

#include <new>
#include <utility>

namespace tocsin {
namespace {

constexpr int kRawDeflate = -15;  // the largest window, without a header of zlib's
constexpr int kMemoryLevel = 8;
// What an empty stored block, which ends the bytes of a flush, adds to deflateBound().
constexpr std::size_t kFlushBytes = 16;

LiveBytes Share(std::string bytes) {
  return std::make_shared<const std::string>(std::move(bytes));
}

}  // namespace

LiveEncoder::LiveEncoder() : stream_(std::make_unique<z_stream_s>()) {
  if (::deflateInit2(stream_.get(), Z_BEST_SPEED, Z_DEFLATED, kRawDeflate, kMemoryLevel,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::bad_alloc();  // of valid arguments the only failure
  }
}

LiveEncoder::~LiveEncoder() {
  ::deflateEnd(stream_.get());
}

std::string_view LiveEncoder::GzipBegin() {
  static constexpr std::string_view kHeader("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff", 10);
  return kHeader;
}

std::string LiveEncoder::Compressed(std::string_view text) {
  ::deflateReset(stream_.get());
  // zlib does not write to its input.
  stream_->next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream_->avail_in = static_cast<uInt>(text.size());
  std::string bytes;
  // Room that is left says that everything is written.
  do {
    const std::size_t size = bytes.size();
    bytes.resize(size + ::deflateBound(stream_.get(), stream_->avail_in) + kFlushBytes);
    stream_->next_out = reinterpret_cast<Bytef*>(bytes.data() + size);
    stream_->avail_out = static_cast<uInt>(bytes.size() - size);
    ::deflate(stream_.get(), Z_SYNC_FLUSH);
  } while (stream_->avail_out == 0);
  bytes.resize(bytes.size() - stream_->avail_out);
  return bytes;
}

LiveFrame LiveEncoder::Encode(std::string text, std::string_view details) {
  LiveFrame frame;
  auto& [plain, zipped, plain_details, zipped_details] = frame.forms_;
  zipped = Share(Compressed(text));
  plain_details = plain = Share(std::move(text));
  zipped_details = zipped;
  if (!details.empty()) {
    plain_details = Share(*plain + std::string(details));
    zipped_details = Share(*zipped + Compressed(details));
  }
  return frame;
}

}  // namespace tocsin
