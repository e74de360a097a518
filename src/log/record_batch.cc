#include "log/record_batch.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/bytes.h"
#include "base/prefetch.h"

namespace tocsin {
namespace {

constexpr std::size_t VarintSize(std::uint64_t value) {
  return (static_cast<std::size_t>(std::bit_width(value | 1)) + 6) / 7;
}

// The caller has checked the structure, so the varint ends before the bytes do.
inline const char* ReadVarintUnchecked(const char* at, std::uint64_t& value) {
  auto byte = static_cast<unsigned char>(*at++);
  std::uint64_t result = byte & 0x7f;
  for (unsigned shift = 7; byte >= 0x80; shift += 7) {
    byte = static_cast<unsigned char>(*at++);
    result |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
  }
  value = result;
  return at;
}

// The lengths at the front of a record.
struct RecordSizes {
  std::uint64_t key_plus_1 = 0;
  std::uint64_t value = 0;
  std::uint64_t headers = 0;
  std::uint64_t key() const { return key_plus_1 == 0 ? 0 : key_plus_1 - 1; }
};

inline const char* ReadSizesUnchecked(const char* at, RecordSizes& sizes) {
  at = ReadVarintUnchecked(at, sizes.key_plus_1);
  at = ReadVarintUnchecked(at, sizes.value);
  return ReadVarintUnchecked(at, sizes.headers);
}

inline char* Put(char* at, std::string_view bytes) {
  // memcpy from a null view is undefined even for no bytes.
  if (!bytes.empty()) std::memcpy(at, bytes.data(), bytes.size());
  return at + bytes.size();
}

static_assert(RecordBatchBuilder::kSplicePadding <= kRecordPadding,
              "a record of a batch can be spliced as it is");

// For keys, most of which have 8 to 16 bytes.
inline char* PutShort(char* at, std::string_view bytes) {
  constexpr std::size_t kWord = sizeof(std::uint64_t);
  if (bytes.size() < kWord || bytes.size() > 2 * kWord) return Put(at, bytes);
  const auto first = GetFixed<std::uint64_t>(bytes.data());
  const auto last = GetFixed<std::uint64_t>(bytes.data() + bytes.size() - kWord);
  std::memcpy(at, &first, kWord);
  std::memcpy(at + bytes.size() - kWord, &last, kWord);
  return at + bytes.size();
}

// Copies whole vectors: what stands behind the bytes comes along, and there must be room for it.
inline char* PutVectors(char* at, std::string_view bytes) {
  constexpr std::size_t kVector = RecordBatchBuilder::kSplicePadding + 1;
  const char* from = bytes.data();
  char* const end = at + bytes.size();
  for (char* to = at; to < end; to += kVector, from += kVector) std::memcpy(to, from, kVector);
  return end;
}

// The largest numbers of so many bytes.
constexpr std::size_t kOneByteVarint = (1U << 7) - 1;
constexpr std::size_t kTwoByteVarint = (1U << 14) - 1;

}  // namespace

// --- Headers of a record -----------------------------------------------------------------------

std::string EncodeHeaders(const std::vector<RecordHeader>& headers) {
  std::string encoded;
  for (const RecordHeader& header : headers) {
    PutBytes(encoded, header.key);
    PutBytes(encoded, header.value);
  }
  return encoded;
}

std::vector<RecordHeader> DecodeHeaders(std::string_view encoded) {
  std::vector<RecordHeader> headers;
  const char* at = encoded.data();
  const char* const end = at + encoded.size();
  while (at != end) {
    RecordHeader header;
    at = ReadBytes(at, end, header.key);
    if (at != nullptr) at = ReadBytes(at, end, header.value);
    if (at == nullptr) return {};
    headers.push_back(header);
  }
  return headers;
}

std::optional<std::string_view> FindHeader(std::string_view encoded, std::string_view key) {
  for (const RecordHeader& header : DecodeHeaders(encoded)) {
    if (header.key == key) return header.value;
  }
  return std::nullopt;
}

// --- RecordBatch -------------------------------------------------------------------------------

RecordBatch::RecordBatch(std::string payload, std::uint32_t count, std::int64_t base_offset,
                         std::int64_t timestamp_ms)
    : payload_(std::move(payload)),
      count_(count),
      base_offset_(base_offset),
      timestamp_ms_(timestamp_ms) {}

RecordBatch::Cursor::Cursor(const RecordBatch& batch)
    : at_(batch.payload_.data()), offset_(batch.base_offset_), left_(batch.count_) {}

bool RecordBatch::Cursor::Next(Record& record) {
  if (left_ == 0) return false;
  // A batch that is not in the cache is walked as fast as its lines come in.
  PrefetchForRead(at_ + 2048);
  RecordSizes sizes;
  const char* at = ReadSizesUnchecked(at_, sizes);
  record.offset = offset_;
  if (sizes.key_plus_1 == 0) {
    record.key.reset();
  } else {
    record.key.emplace(at, sizes.key());
  }
  at += sizes.key();
  record.value = {at, sizes.value};
  at += sizes.value;
  record.encoded_headers = {at, sizes.headers};
  at_ = at + sizes.headers;
  ++offset_;
  --left_;
  return true;
}

void RecordBatch::Cursor::Skip(std::uint32_t n) {
  for (; n > 0 && left_ > 0; --n, --left_, ++offset_) {
    RecordSizes sizes;
    const char* at = ReadSizesUnchecked(at_, sizes);
    at_ = at + sizes.key() + sizes.value + sizes.headers;
  }
}

// --- RecordBatchBuilder ------------------------------------------------------------------------

// Room for `bytes` more.
[[gnu::always_inline]] inline void RecordBatchBuilder::Reserve(std::size_t bytes) {
  const std::size_t size = payload_.size();
  if (size + bytes > payload_.capacity()) [[unlikely]] {
    payload_.reserve(std::max({size + bytes, 2 * size, expected_bytes_}));
  }
}

[[gnu::always_inline]] inline char* RecordBatchBuilder::Grow(std::size_t bytes) {
  const std::size_t before = payload_.size();
  Reserve(bytes);
  // Unlike resize(), this leaves the new bytes unwritten until the caller fills them.
  payload_.resize_and_overwrite(before + bytes, [&](char*, std::size_t) { return before + bytes; });
  return payload_.data() + before;
}

// Inlined into both kinds of Append: this is what every record of every stage goes through.
[[gnu::always_inline]] inline void RecordBatchBuilder::AppendParts(std::uint64_t key_plus_1,
                                                                   std::string_view key,
                                                                   std::string_view head,
                                                                   std::string_view tail,
                                                                   std::string_view headers) {
  const std::size_t value_size = head.size() + tail.size();
  const std::size_t size = VarintSize(key_plus_1) + VarintSize(value_size) +
                           VarintSize(headers.size()) + key.size() + value_size + headers.size();
  char* at = Grow(size);
  at = WriteVarint(at, key_plus_1);
  at = WriteVarint(at, value_size);
  at = WriteVarint(at, headers.size());
  at = Put(at, key);
  at = Put(at, head);
  at = Put(at, tail);
  Put(at, headers);
  ++count_;
}

void RecordBatchBuilder::Append(std::optional<std::string_view> key, std::string_view value,
                                std::string_view encoded_headers) {
  AppendParts(key ? key->size() + 1 : 0, key.value_or(std::string_view()), value, {},
              encoded_headers);
}

// Apart, so that the usual case stays small.
[[gnu::noinline]] void RecordBatchBuilder::AppendLongSpliced(std::string_view key,
                                                             std::string_view head,
                                                             std::string_view tail) {
  AppendParts(key.size() + 1, key, head, tail, {});
}

void RecordBatchBuilder::AppendSpliced(std::string_view key, std::string_view head,
                                       std::string_view tail) {
  const std::size_t value_size = head.size() + tail.size();
  if (key.size() + 1 > kOneByteVarint || value_size > kTwoByteVarint) [[unlikely]] {
    return AppendLongSpliced(key, head, tail);
  }
  const std::size_t before = payload_.size();
  const std::size_t room = 4 + key.size() + value_size + kSplicePadding;
  Reserve(room);
  payload_.resize_and_overwrite(before + room, [&](char* begin, std::size_t) {
    char* at = begin + before;
    *at++ = static_cast<char>(key.size() + 1);
    if (value_size <= kOneByteVarint) {
      *at++ = static_cast<char>(value_size);
    } else {
      *at++ = static_cast<char>(value_size | 0x80);
      *at++ = static_cast<char>(value_size >> 7);
    }
    *at++ = 0;  // no headers
    at = PutShort(at, key);
    at = PutVectors(at, head);
    at = PutVectors(at, tail);
    return static_cast<std::size_t>(at - begin);
  });
  ++count_;
}

void RecordBatchBuilder::AppendAll(const RecordBatch& batch) {
  const std::string_view records = batch.payload();
  if (records.empty()) return;
  std::memcpy(Grow(records.size()), records.data(), records.size());
  count_ += batch.count();
}

std::pair<std::string, std::uint32_t> RecordBatchBuilder::Take() {
  // The next batch is likely as large as this one; the room for padding saves a copy later.
  expected_bytes_ = payload_.size() + kRecordPadding;
  std::pair<std::string, std::uint32_t> taken(std::move(payload_), count_);
  payload_ = std::string();
  count_ = 0;
  return taken;
}

}  // namespace tocsin
