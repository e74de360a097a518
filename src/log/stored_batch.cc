#include <lz4.h>
#include <xxhash.h>
#include <zstd.h>

#include <cstring>
#include <limits>

#include "base/bytes.h"
#include "log/record_batch.h"

// The stored form of a batch (docs/formats/record_batch.md).
namespace tocsin {
namespace {

constexpr std::size_t kHeaderBytes = 64;
constexpr std::uint32_t kMagic = 0x42525354;  // "TSRB" as little-endian bytes
constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kMinRecordBytes = 3;
constexpr std::size_t kMaxLz4Ratio = 255;
constexpr int kZstdLevel = 3;

// Positions of the header's fields.
constexpr std::size_t kAtMagic = 0;
constexpr std::size_t kAtVersion = 4;
constexpr std::size_t kAtCompression = 5;
constexpr std::size_t kAtReserved1 = 6;
constexpr std::size_t kAtBaseOffset = 8;
constexpr std::size_t kAtTimestamp = 16;
constexpr std::size_t kAtLogPosition = 24;
constexpr std::size_t kAtCount = 32;
constexpr std::size_t kAtPayloadBytes = 36;
constexpr std::size_t kAtStoredBytes = 40;
constexpr std::size_t kAtReserved2 = 44;
constexpr std::size_t kAtPayloadChecksum = 48;
constexpr std::size_t kAtHeaderChecksum = 56;

template <class T>
void SetFixed(char* at, T value) {
  std::memcpy(at, &value, sizeof(T));
}

std::unexpected<Error> Damage(std::string what) {
  return Fail(Code::kDataLoss, "record batch: " + std::move(what));
}

// The position after the record at `at`, or nullptr when it does not end by `end`.
const char* CheckRecord(const char* at, const char* end) {
  std::uint64_t key_plus_1 = 0;
  std::uint64_t value_size = 0;
  std::uint64_t headers_size = 0;
  at = ReadVarint(at, end, key_plus_1);
  if (at == nullptr) return nullptr;
  at = ReadVarint(at, end, value_size);
  if (at == nullptr) return nullptr;
  at = ReadVarint(at, end, headers_size);
  if (at == nullptr) return nullptr;
  const std::uint64_t key_size = key_plus_1 == 0 ? 0 : key_plus_1 - 1;
  // One after the other: their sum may not fit in 64 bits.
  auto left = static_cast<std::uint64_t>(end - at);
  for (const std::uint64_t size : {key_size, value_size, headers_size}) {
    if (size > left) return nullptr;
    left -= size;
  }
  return end - left;
}

Status CheckRecords(std::string_view payload, std::uint32_t count) {
  const char* at = payload.data();
  const char* const end = at + payload.size();
  for (std::uint32_t i = 0; i < count; ++i) {
    at = CheckRecord(at, end);
    if (at == nullptr) {
      return Damage("record " + std::to_string(i) + " of " + std::to_string(count) +
                    " passes the end of the payload");
    }
  }
  if (at != end) {
    return Damage(std::to_string(end - at) + " bytes follow the last of " + std::to_string(count) +
                  " records");
  }
  return {};
}

struct ZstdContexts {
  ZSTD_CCtx* compress = ZSTD_createCCtx();
  ZSTD_DCtx* decompress = ZSTD_createDCtx();
  ZstdContexts() = default;
  ZstdContexts(const ZstdContexts&) = delete;
  ZstdContexts& operator=(const ZstdContexts&) = delete;
  ~ZstdContexts() {
    ZSTD_freeCCtx(compress);
    ZSTD_freeDCtx(decompress);
  }
};

// Making a context costs more than compressing a small batch.
ZstdContexts& ThreadZstd() {
  thread_local ZstdContexts contexts;
  return contexts;
}

// Compresses into `out`, which has room for `room` bytes. 0 when it does not fit or fails: the
// payload is then stored as it is.
std::size_t Compress(std::string_view payload, Compression compression, char* out,
                     std::size_t room) {
  if (compression == Compression::kLz4) {
    const int size = LZ4_compress_default(payload.data(), out, static_cast<int>(payload.size()),
                                          static_cast<int>(room));
    return size > 0 ? static_cast<std::size_t>(size) : 0;
  }
  ZSTD_CCtx* context = ThreadZstd().compress;
  if (context == nullptr) return 0;
  const std::size_t size =
      ZSTD_compressCCtx(context, out, room, payload.data(), payload.size(), kZstdLevel);
  return ZSTD_isError(size) != 0 ? 0 : size;
}

// True when `stored` expands to exactly `size` bytes at `out`.
bool Decompress(std::string_view stored, Compression compression, char* out, std::size_t size) {
  switch (compression) {
    case Compression::kNone:
      if (stored.size() != size) return false;
      std::memcpy(out, stored.data(), size);
      return true;
    case Compression::kLz4:
      return LZ4_decompress_safe(stored.data(), out, static_cast<int>(stored.size()),
                                 static_cast<int>(size)) == static_cast<int>(size);
    case Compression::kZstd: {
      ZSTD_DCtx* context = ThreadZstd().decompress;
      return context != nullptr &&
             ZSTD_decompressDCtx(context, out, size, stored.data(), stored.size()) == size;
    }
  }
  return false;
}

std::uint32_t PayloadBytesOf(std::string_view stored) {
  return GetFixed<std::uint32_t>(stored.data() + kAtPayloadBytes);
}

// The fields that do not fit in StoredBatchInfo, after the header's checksum held.
Status CheckHeader(std::string_view stored) {
  const char* at = stored.data();
  const auto version = GetFixed<std::uint8_t>(at + kAtVersion);
  if (version != kVersion) {
    return Damage("version " + std::to_string(version) + " is not known to this program (" +
                  std::to_string(kVersion) + ")");
  }
  const auto compression = GetFixed<std::uint8_t>(at + kAtCompression);
  if (compression > static_cast<std::uint8_t>(Compression::kZstd)) {
    return Damage("compression " + std::to_string(compression) + " is not known to this program");
  }
  if (GetFixed<std::uint16_t>(at + kAtReserved1) != 0 ||
      GetFixed<std::uint32_t>(at + kAtReserved2) != 0) {
    return Damage("a reserved field is not zero");
  }
  const std::size_t stored_bytes = GetFixed<std::uint32_t>(at + kAtStoredBytes);
  if (stored.size() != kHeaderBytes + stored_bytes) {
    return Damage("it has " + std::to_string(stored.size()) + " bytes where its header says " +
                  std::to_string(kHeaderBytes + stored_bytes));
  }
  const std::size_t payload_bytes = PayloadBytesOf(stored);
  const bool lz4 = compression == static_cast<std::uint8_t>(Compression::kLz4);
  if (payload_bytes > kMaxPayloadBytes || stored_bytes > kMaxPayloadBytes ||
      (lz4 && payload_bytes > stored_bytes * kMaxLz4Ratio)) {
    return Damage("a payload of " + std::to_string(payload_bytes) + " bytes is not possible");
  }
  const auto count = GetFixed<std::uint32_t>(at + kAtCount);
  if (count == 0 || count > payload_bytes / kMinRecordBytes) {
    return Damage(std::to_string(count) + " records in " + std::to_string(payload_bytes) +
                  " bytes are not possible");
  }
  const auto base_offset = GetFixed<std::int64_t>(at + kAtBaseOffset);
  if (base_offset < 0 || base_offset > std::numeric_limits<std::int64_t>::max() - count) {
    return Damage("offset " + std::to_string(base_offset) + " is not possible");
  }
  return {};
}

}  // namespace

std::string EncodeBatch(std::string_view payload, std::uint32_t count, Compression compression) {
  std::string stored;
  stored.resize_and_overwrite(kHeaderBytes + payload.size(), [&](char* out, std::size_t) {
    char* const body = out + kHeaderBytes;
    std::size_t size = 0;
    if (compression != Compression::kNone && !payload.empty()) {
      // One byte less than the payload: what does not shrink is stored as it is.
      size = Compress(payload, compression, body, payload.size() - 1);
    }
    if (size == 0) {
      compression = Compression::kNone;
      size = payload.size();
      if (size > 0) std::memcpy(body, payload.data(), size);
    }
    std::memset(out, 0, kHeaderBytes);
    SetFixed(out + kAtMagic, kMagic);
    SetFixed(out + kAtVersion, kVersion);
    SetFixed(out + kAtCompression, static_cast<std::uint8_t>(compression));
    SetFixed(out + kAtCount, count);
    SetFixed(out + kAtPayloadBytes, static_cast<std::uint32_t>(payload.size()));
    SetFixed(out + kAtStoredBytes, static_cast<std::uint32_t>(size));
    SetFixed<std::uint64_t>(out + kAtPayloadChecksum, XXH3_64bits(body, size));
    return kHeaderBytes + size;
  });
  return stored;
}

void SealBatch(std::string& stored, std::int64_t base_offset, std::int64_t timestamp_ms,
               std::uint64_t log_position) {
  char* const at = stored.data();
  SetFixed(at + kAtBaseOffset, base_offset);
  SetFixed(at + kAtTimestamp, timestamp_ms);
  SetFixed(at + kAtLogPosition, log_position);
  SetFixed<std::uint64_t>(at + kAtHeaderChecksum, XXH3_64bits(at, kAtHeaderChecksum));
}

Result<StoredBatchInfo> ReadBatchInfo(std::string_view stored) {
  if (stored.size() < kHeaderBytes) {
    return Damage(std::to_string(stored.size()) + " bytes are shorter than a header");
  }
  const char* at = stored.data();
  if (GetFixed<std::uint32_t>(at + kAtMagic) != kMagic) {
    return Damage("it does not begin with the bytes TSRB");
  }
  if (GetFixed<std::uint64_t>(at + kAtHeaderChecksum) != XXH3_64bits(at, kAtHeaderChecksum)) {
    return Damage("the checksum of its header does not match");
  }
  TOCSIN_TRY(CheckHeader(stored));
  return StoredBatchInfo{
      .base_offset = GetFixed<std::int64_t>(at + kAtBaseOffset),
      .count = GetFixed<std::uint32_t>(at + kAtCount),
      .timestamp_ms = GetFixed<std::int64_t>(at + kAtTimestamp),
      .compression = static_cast<Compression>(GetFixed<std::uint8_t>(at + kAtCompression)),
      .log_position = GetFixed<std::uint64_t>(at + kAtLogPosition),
  };
}

Result<std::shared_ptr<const RecordBatch>> DecodeBatch(std::string_view stored) {
  TOCSIN_ASSIGN(const StoredBatchInfo info, ReadBatchInfo(stored));
  const std::string_view body = stored.substr(kHeaderBytes);
  if (GetFixed<std::uint64_t>(stored.data() + kAtPayloadChecksum) !=
      XXH3_64bits(body.data(), body.size())) {
    return Damage("the checksum of the payload at offset " + std::to_string(info.base_offset) +
                  " does not match");
  }
  const std::size_t size = PayloadBytesOf(stored);
  std::string payload;
  bool complete = false;
  payload.resize_and_overwrite(size + kRecordPadding, [&](char* out, std::size_t) {
    complete = Decompress(body, info.compression, out, size);
    std::memset(out + size, 0, kRecordPadding);
    return complete ? size + kRecordPadding : std::size_t{0};
  });
  if (!complete) {
    return Damage("the payload at offset " + std::to_string(info.base_offset) +
                  " does not expand to the " + std::to_string(size) + " bytes of its header");
  }
  TOCSIN_TRY(CheckRecords({payload.data(), size}, info.count));
  return std::make_shared<const RecordBatch>(std::move(payload), info.count, info.base_offset,
                                             info.timestamp_ms);
}

}  // namespace tocsin
