// Bytes of unknown origin through the reader of stored batches: as they are; behind a header whose
// checksums are made to hold, so that everything after the checksums is reached; and as records
// that must come back unchanged.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "log/record_batch.h"

namespace tocsin {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

// Walks everything a decoded batch offers; the sanitizers see a read outside of it.
void Walk(const RecordBatch& batch) {
  Record record;
  std::uint32_t records = 0;
  std::uint64_t sum = 0;
  const char* const end = batch.payload().data() + batch.payload_bytes();
  for (RecordBatch::Cursor cursor(batch); cursor.Next(record); ++records) {
    Require(record.offset == batch.base_offset() + records);
    Require(record.encoded_headers.data() + record.encoded_headers.size() <= end);
    for (const char c : record.value) sum += static_cast<unsigned char>(c);
    for (const char c : record.key.value_or("")) sum += static_cast<unsigned char>(c);
    for (const RecordHeader& header : DecodeHeaders(record.encoded_headers)) {
      sum += header.key.size() + header.value.size();
    }
  }
  Require(records == batch.count());
  RecordBatch::Cursor skipped(batch);
  skipped.Skip(batch.count());
  Require(!skipped.Next(record));
  volatile std::uint64_t used = sum;
  static_cast<void>(used);
}

void ReadAnything(std::string_view stored) {
  const auto info = ReadBatchInfo(stored);
  const auto batch = DecodeBatch(stored);
  Require(info || !batch);
  if (batch) {
    Require(info->count == (*batch)->count() && info->base_offset == (*batch)->base_offset());
    Walk(**batch);
  }
}

// `input`: compression, count, payload size, then the stored payload.
void ReadForged(std::string_view input) {
  if (input.size() < 9) return;
  const std::string_view body = input.substr(9);
  std::string stored = EncodeBatch(body, 1, Compression::kNone);
  stored[5] = input[0];
  std::memcpy(stored.data() + 32, input.data() + 1, 8);
  SealBatch(stored, 1000, 0, 0);
  ReadAnything(stored);
}

// `input`: a compression, then key, value and headers of records, each with its length before it.
void WriteAndRead(std::string_view input) {
  if (input.empty()) return;
  const auto compression = static_cast<Compression>(static_cast<unsigned char>(input[0]) % 3);
  std::vector<std::string_view> fields;
  const char* const end = input.data() + input.size();
  std::string_view field;
  for (const char* at = input.data() + 1; (at = ReadBytes(at, end, field)) != nullptr;) {
    fields.push_back(field);
  }
  RecordBatchBuilder builder;
  for (std::size_t i = 0; i + 2 < fields.size(); i += 3) {
    const bool has_key = fields[i] != "null";
    builder.Append(has_key ? std::optional(fields[i]) : std::nullopt, fields[i + 1], fields[i + 2]);
  }
  if (builder.empty()) return;
  const auto [payload, count] = builder.Take();
  std::string stored = EncodeBatch(payload, count, compression);
  SealBatch(stored, 7, 8, 9);
  const auto batch = DecodeBatch(stored);
  Require(batch.has_value());
  RecordBatch::Cursor cursor(**batch);
  Record record;
  for (std::size_t i = 0; i + 2 < fields.size(); i += 3) {
    Require(cursor.Next(record));
    Require(record.key == (fields[i] != "null" ? std::optional(fields[i]) : std::nullopt));
    Require(record.value == fields[i + 1] && record.encoded_headers == fields[i + 2]);
  }
  Require(!cursor.Next(record));
}

}  // namespace
}  // namespace tocsin

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 3) {
    case 0:
      tocsin::ReadAnything(input);
      break;
    case 1:
      tocsin::ReadForged(input);
      break;
    default:
      tocsin::WriteAndRead(input);
      break;
  }
  return 0;
}
