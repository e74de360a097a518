#include "batch/text_segments.h"

#include <cstring>

namespace tocsin {
namespace {

constexpr std::size_t kSizeBytes = 4;  // of a text

char* WriteText(char* at, std::string_view text) {
  const auto size = static_cast<std::uint32_t>(text.size());
  std::memcpy(at, &size, kSizeBytes);
  if (size > 0) std::memcpy(at + kSizeBytes, text.data(), size);
  return at + kSizeBytes + size;
}

std::string_view ReadText(const char*& at) {
  const std::string_view text(at + kSizeBytes, GetFixed<std::uint32_t>(at));
  at = text.data() + text.size();
  return text;
}

// One field of the rows that are read: codes of a dictionary for those of the segment.
class CodesOfSegment {
 public:
  explicit CodesOfSegment(DeviceDictionary& dictionary) : dictionary_(dictionary) {}
  void Begin() { codes_.clear(); }
  std::uint32_t Read(const char*& at, std::uint64_t own) {
    if (own == codes_.size()) codes_.push_back(dictionary_.Encode(ReadText(at)));
    return codes_[own];
  }

 private:
  DeviceDictionary& dictionary_;
  std::vector<std::uint32_t> codes_;
};

struct FieldsToRead {
  CodesOfSegment devices;
  CodesOfSegment statuses;

  void BeginSegment() {
    devices.Begin();
    statuses.Begin();
  }
  std::uint32_t ReadDevice(const char*& at, unsigned code) {
    return devices.Read(at, ReadField(at, code));
  }
  std::uint32_t ReadStatus(const char*& at, unsigned code) {
    const std::uint64_t field = ReadField(at, code);
    return field == 0 ? DeviceDictionary::kUnknown : statuses.Read(at, field - 1);
  }
};

}  // namespace

struct TextSegments::FieldsToWrite {
  const RowColumns& rows;
  const DeviceDictionary& device_texts;
  const DeviceDictionary& status_texts;
  OwnCodes& devices;
  OwnCodes& statuses;

  void BeginSegment() {
    devices.Begin(device_texts.size());
    statuses.Begin(status_texts.size());
  }
  std::size_t RowBytes(std::uint32_t row) const {
    const std::uint32_t status = rows.status[row];
    return MaxRowBytes(rows.metrics.size()) + 2 * kSizeBytes +
           device_texts.Decode(rows.device[row]).size() +
           (status == DeviceDictionary::kUnknown ? 0 : status_texts.Decode(status).size());
  }
  char* WriteDevice(char* at, std::uint32_t device, unsigned& code) {
    const std::uint32_t known = devices.size();
    const std::uint32_t own = devices.Of(device);
    at = WriteField(at, own, code);
    return own == known ? WriteText(at, device_texts.Decode(device)) : at;
  }
  // By one more than the own code, so that 0 is no status.
  char* WriteStatus(char* at, std::uint32_t status, unsigned& code) {
    if (status == DeviceDictionary::kUnknown) return WriteField(at, 0, code);
    const std::uint32_t known = statuses.size();
    const std::uint32_t own = statuses.Of(status);
    at = WriteField(at, std::uint64_t{own} + 1, code);
    return own == known ? WriteText(at, status_texts.Decode(status)) : at;
  }
};

void TextSegments::Build(const RowColumns& rows, const DeviceDictionary& devices,
                         const DeviceDictionary& statuses, std::span<const std::uint32_t> partition,
                         std::size_t partitions) {
  order_.Sort(partition, partitions);
  segments_.clear();
  FieldsToWrite fields{rows, devices, statuses, own_devices_, own_statuses_};
  std::size_t most_bytes = kFieldSlack;
  for (std::uint32_t row = 0; row < rows.size(); ++row) {
    most_bytes += kSegmentHeadBytes + fields.RowBytes(row);
  }
  if (most_bytes > capacity_) {
    capacity_ = most_bytes;
    bytes_ = std::make_unique_for_overwrite<char[]>(capacity_);
  }
  WriteSegments(rows, order_, partition, fields, bytes_.get(), segments_);
}

void TextSegments::Read(std::string_view bytes, std::uint32_t count, RowColumns& rows,
                        DeviceDictionary& devices, DeviceDictionary& statuses) {
  rows.Resize(count);
  FieldsToRead fields{CodesOfSegment(devices), CodesOfSegment(statuses)};
  ReadSegments(bytes, rows, 0, fields);
}

}  // namespace tocsin
