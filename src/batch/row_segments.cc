#include "batch/row_segments.h"

namespace tocsin {
namespace {

// The codes of the rows as they are; the status by one more, so that kUnknown is 0.
struct Codes {
  std::size_t row_bytes = 0;

  void BeginSegment() {}
  std::size_t RowBytes(std::uint32_t) const { return row_bytes; }
  char* WriteDevice(char* at, std::uint32_t device, unsigned& code) {
    return WriteField(at, device, code);
  }
  char* WriteStatus(char* at, std::uint32_t status, unsigned& code) {
    return WriteField(at, std::uint32_t{status + 1}, code);
  }
  std::uint32_t ReadDevice(const char*& at, unsigned code) {
    return static_cast<std::uint32_t>(ReadField(at, code));
  }
  std::uint32_t ReadStatus(const char*& at, unsigned code) {
    return static_cast<std::uint32_t>(ReadField(at, code)) - 1;
  }
};

}  // namespace

void RowSegments::Reserve(std::size_t bytes) {
  if (bytes <= capacity_) return;
  capacity_ = bytes;
  bytes_ = std::make_unique_for_overwrite<char[]>(capacity_);
}

void RowSegments::Build(const RowColumns& rows, std::span<const std::uint32_t> partition,
                        std::size_t partitions) {
  order_.Sort(partition, partitions);
  segments_.clear();
  Codes codes{.row_bytes = MaxRowBytes(rows.metrics.size())};
  Reserve(rows.size() * (kSegmentHeadBytes + codes.row_bytes) + kFieldSlack);
  WriteSegments(rows, order_, partition, codes, bytes_.get(), segments_);
}

std::size_t RowSegments::Read(std::string_view bytes, RowColumns& rows, std::size_t at) {
  Codes codes;
  return ReadSegments(bytes, rows, at, codes);
}

}  // namespace tocsin
