#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

// A batch of records: the unit that is written, stored, cached and read. The bytes are described
// in docs/formats/record_batch.md.
namespace tocsin {

struct RecordHeader {
  std::string_view key;
  std::string_view value;
};

// One record inside a batch. Views point into the batch.
struct Record {
  std::int64_t offset = 0;
  std::optional<std::string_view> key;
  std::string_view value;
  std::string_view encoded_headers;  // empty when there are none; see DecodeHeaders
};

// The headers of a record, in order. Empty when the encoding is damaged.
std::vector<RecordHeader> DecodeHeaders(std::string_view encoded);
// The value of the first header of that key, or nothing.
std::optional<std::string_view> FindHeader(std::string_view encoded, std::string_view key);

enum class Compression : std::uint8_t { kNone = 0, kLz4 = 1, kZstd = 2 };

// The largest payload of one batch, before compression. Transaction::Append refuses more.
inline constexpr std::size_t kMaxPayloadBytes = 64u << 20;

// Bytes readable after the last record of a decoded batch, for parsers that load whole vectors.
inline constexpr std::size_t kRecordPadding = 64;

// An immutable, decoded batch. All records share the append time. Shared between the cache and
// its readers, so it is handed out as shared_ptr<const RecordBatch>. Thread-safe.
class RecordBatch {
 public:
  // `payload` holds exactly `count` encoded records followed by kRecordPadding further bytes, which
  // are no part of it. This is not checked: bytes of unknown origin go through DecodeBatch().
  RecordBatch(std::string payload, std::uint32_t count, std::int64_t base_offset,
              std::int64_t timestamp_ms);

  std::uint32_t count() const { return count_; }
  std::int64_t base_offset() const { return base_offset_; }
  std::int64_t end_offset() const { return base_offset_ + count_; }
  std::int64_t timestamp_ms() const { return timestamp_ms_; }  // append time, Unix milliseconds
  std::size_t payload_bytes() const { return payload_.size() - kRecordPadding; }
  std::string_view payload() const { return {payload_.data(), payload_bytes()}; }

  // Walks the records in order:  for (Cursor c(batch); c.Next(record);) …
  class Cursor {
   public:
    explicit Cursor(const RecordBatch& batch);
    // The `count` records of a payload that a builder made; offsets from 0 on.
    Cursor(std::string_view payload, std::uint32_t count)
        : at_(payload.data()), offset_(0), left_(count) {}
    // False at the end.
    bool Next(Record& record);
    // Passes over `n` records.
    void Skip(std::uint32_t n);

   private:
    const char* at_;
    std::int64_t offset_;
    std::uint32_t left_;
  };

 private:
  std::string payload_;
  std::uint32_t count_;
  std::int64_t base_offset_;
  std::int64_t timestamp_ms_;
};

// Collects records of one partition. Reusable after Take().
class RecordBatchBuilder {
 public:
  // A batch is cut at about this size. LZ4 is an eighth faster on less than 64 KiB, where its table
  // holds 16-bit positions, and compresses as well.
  static constexpr std::size_t kTargetBytes = 60 * 1024;

  void Append(std::optional<std::string_view> key, std::string_view value,
              std::string_view encoded_headers = {});
  // The same with the value given in two parts, for outputs that add a tail to their input.
  // kSplicePadding bytes behind each of the two parts are readable.
  void AppendSpliced(std::string_view key, std::string_view head, std::string_view tail);
  static constexpr std::size_t kSplicePadding = 31;
  // Every record of `batch`, in one copy.
  void AppendAll(const RecordBatch& batch);

  std::uint32_t count() const { return count_; }
  std::size_t payload_bytes() const { return payload_.size(); }
  bool empty() const { return count_ == 0; }
  bool full() const { return payload_.size() >= kTargetBytes; }
  // Drops the records and keeps the memory.
  void Clear() {
    payload_.clear();
    count_ = 0;
  }

  // The payload without padding, and the number of records in it; the builder is empty again.
  std::pair<std::string, std::uint32_t> Take();

 private:
  void Reserve(std::size_t bytes);
  // Lengthens the payload by `bytes` unwritten bytes and returns where they begin.
  char* Grow(std::size_t bytes);
  void AppendLongSpliced(std::string_view key, std::string_view head, std::string_view tail);
  void AppendParts(std::uint64_t key_plus_1, std::string_view key, std::string_view head,
                   std::string_view tail, std::string_view headers);

  std::string payload_;
  std::uint32_t count_ = 0;
  std::size_t expected_bytes_ = 0;
};

// A text as RecordBatchBuilder::AppendSpliced() wants it.
class SplicePart {
 public:
  SplicePart() = default;
  explicit SplicePart(std::string text) : bytes_(std::move(text)), size_(bytes_.size()) {
    bytes_.append(RecordBatchBuilder::kSplicePadding, '\0');
  }
  std::string_view text() const { return {bytes_.data(), size_}; }

 private:
  std::string bytes_;
  std::size_t size_ = 0;
};

// Headers as they are passed to Append().
std::string EncodeHeaders(const std::vector<RecordHeader>& headers);

// --- The stored form ---------------------------------------------------------------------------

// What the fixed header of a stored batch says.
struct StoredBatchInfo {
  std::int64_t base_offset = 0;
  std::uint32_t count = 0;
  std::int64_t timestamp_ms = 0;
  Compression compression = Compression::kNone;
  // Bytes stored in this partition before this batch since the partition was made: the difference
  // of two batches is the size of what lies between.
  std::uint64_t log_position = 0;
};

// Compresses and checksums `payload` (at most kMaxPayloadBytes, at least one record); what does not
// shrink is stored uncompressed. What depends on the place in the log is filled in later by
// SealBatch, so that this expensive part runs outside the commit lock.
std::string EncodeBatch(std::string_view payload, std::uint32_t count, Compression compression);
void SealBatch(std::string& stored, std::int64_t base_offset, std::int64_t timestamp_ms,
               std::uint64_t log_position);

// Both return kDataLoss, saying what is wrong, for bytes that fail a checksum or a bound.
// ReadBatchInfo looks at the header and the size only, DecodeBatch checks everything.
Result<StoredBatchInfo> ReadBatchInfo(std::string_view stored);
Result<std::shared_ptr<const RecordBatch>> DecodeBatch(std::string_view stored);

}  // namespace tocsin
