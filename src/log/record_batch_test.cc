#include "log/record_batch.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>
#include <xxhash.h>

#include <string>
#include <vector>

#include "base/bytes.h"
#include "log/dead_letter.h"

namespace tocsin {
namespace {

struct OwnedRecord {
  std::optional<std::string> key;
  std::string value;
  std::string headers;
  bool operator==(const OwnedRecord&) const = default;
};

std::vector<OwnedRecord> RecordsOf(const RecordBatch& batch) {
  std::vector<OwnedRecord> records;
  Record record;
  for (RecordBatch::Cursor cursor(batch); cursor.Next(record);) {
    EXPECT_EQ(record.offset, batch.base_offset() + static_cast<std::int64_t>(records.size()));
    OwnedRecord& owned = records.emplace_back();
    if (record.key) owned.key = std::string(*record.key);
    owned.value = record.value;
    owned.headers = record.encoded_headers;
  }
  return records;
}

std::string Seal(RecordBatchBuilder& builder, Compression compression) {
  auto [payload, count] = builder.Take();
  std::string stored = EncodeBatch(payload, count, compression);
  SealBatch(stored, 1000, 1'700'000'000'123, 77);
  return stored;
}

// A sealed batch whose payload is replaced, with checksums that hold.
std::string Forge(std::string_view payload, std::uint32_t count) {
  std::string stored = EncodeBatch(payload, count, Compression::kNone);
  SealBatch(stored, 0, 0, 0);
  return stored;
}

// Makes the header's checksum hold again after a change of the header.
void SealHeader(std::string& stored) {
  const std::uint64_t checksum = XXH3_64bits(stored.data(), 56);
  std::memcpy(stored.data() + 56, &checksum, sizeof checksum);
}

void ExpectDamage(std::string_view stored, std::string_view word) {
  const auto decoded = DecodeBatch(stored);
  ASSERT_FALSE(decoded) << "expected: " << word;
  EXPECT_EQ(decoded.error().code(), Code::kDataLoss);
  EXPECT_NE(decoded.error().message().find(word), std::string::npos) << decoded.error().message();
}

TEST(RecordBatchTest, GivesBackKeysValuesAndHeadersUnderEveryCompression) {
  for (const auto compression : {Compression::kNone, Compression::kLz4, Compression::kZstd}) {
    RecordBatchBuilder builder;
    const std::string headers = EncodeHeaders({{"a", "1"}, {"b", ""}});
    const std::string long_value(100'000, 'x');
    builder.Append("dev_1", "value", headers);
    builder.Append(std::nullopt, "no key");
    builder.Append("", "");
    builder.Append("dev_2", long_value);
    const SplicePart head("head,"), tail("tail");
    builder.AppendSpliced("dev_3", head.text(), tail.text());
    EXPECT_EQ(builder.count(), 5u);
    const std::string stored = Seal(builder, compression);
    const auto batch = DecodeBatch(stored);
    ASSERT_TRUE(batch) << batch.error().message();
    const std::vector<OwnedRecord> expected = {{"dev_1", "value", headers},
                                               {std::nullopt, "no key", ""},
                                               {"", "", ""},
                                               {"dev_2", long_value, ""},
                                               {"dev_3", "head,tail", ""}};
    EXPECT_EQ(RecordsOf(**batch), expected);
    EXPECT_EQ((*batch)->base_offset(), 1000);
    EXPECT_EQ((*batch)->end_offset(), 1005);
    EXPECT_EQ((*batch)->timestamp_ms(), 1'700'000'000'123);
  }
}

// Lengths are written in one byte, two or more, and texts are copied in words and vectors.
TEST(RecordBatchTest, ASplicedRecordOfAnySizeIsAsOneInOnePiece) {
  const std::string text(40'000, 'k');
  RecordBatchBuilder whole, spliced;
  for (const std::size_t key : {0U, 1U, 7U, 8U, 9U, 16U, 17U, 126U, 127U, 128U, 300U}) {
    for (const std::size_t head_size : {0U, 1U, 31U, 32U, 33U, 95U, 96U, 97U, 127U, 128U, 129U,
                                        16'382U, 16'383U, 16'384U, 20'000U}) {
      for (const std::size_t tail_size : {0U, 1U, 31U, 32U, 33U, 70U}) {
        const SplicePart head(std::string(head_size, 'h')), tail(std::string(tail_size, 't'));
        const std::string id = text.substr(0, key);  // nothing is readable behind it
        whole.Append(id, std::string(head.text()) + std::string(tail.text()));
        spliced.AppendSpliced(id, head.text(), tail.text());
      }
    }
    EXPECT_EQ(whole.count(), spliced.count());
    EXPECT_EQ(whole.Take().first, spliced.Take().first) << key;
  }
}

RC_GTEST_PROP(RecordBatchTest, GivesBackWhateverWasAppended,
              (std::vector<std::tuple<bool, std::string, std::string, std::string>> rows,
               bool compressed)) {
  RC_PRE(!rows.empty());
  RecordBatchBuilder builder;
  std::vector<OwnedRecord> expected;
  for (const auto& [has_key, key, value, headers] : rows) {
    OwnedRecord& record = expected.emplace_back();
    if (has_key) record.key = key;
    record.value = value;
    record.headers = headers;
    builder.Append(record.key, value, headers);
  }
  const std::string stored = Seal(builder, compressed ? Compression::kZstd : Compression::kNone);
  const auto batch = DecodeBatch(stored);
  RC_ASSERT(batch.has_value());
  RC_ASSERT(RecordsOf(**batch) == expected);
}

TEST(RecordBatchTest, SkipsToTheSameRecordsThatNextReaches) {
  RecordBatchBuilder builder;
  for (int i = 0; i < 300; ++i) builder.Append("k", std::string(static_cast<std::size_t>(i), 'v'));
  const auto batch = DecodeBatch(Seal(builder, Compression::kLz4));
  ASSERT_TRUE(batch);
  RecordBatch::Cursor cursor(**batch);
  cursor.Skip(200);
  Record record;
  ASSERT_TRUE(cursor.Next(record));
  EXPECT_EQ(record.offset, 1200);
  EXPECT_EQ(record.value.size(), 200u);
  cursor.Skip(1000);
  EXPECT_FALSE(cursor.Next(record));
}

TEST(RecordBatchTest, HasReadablePaddingBehindTheLastRecord) {
  RecordBatchBuilder builder;
  builder.Append("k", "v");
  const auto batch = DecodeBatch(Seal(builder, Compression::kNone));
  ASSERT_TRUE(batch);
  const std::string_view payload = (*batch)->payload();
  // Under AddressSanitizer this fails when the padding is not part of the buffer.
  for (std::size_t i = 0; i < kRecordPadding; ++i) {
    EXPECT_EQ(payload.data()[payload.size() + i], '\0');
  }
}

TEST(RecordBatchBuilderTest, IsEmptyAndUsableAgainAfterTake) {
  RecordBatchBuilder builder;
  builder.Append("a", "1");
  EXPECT_EQ(builder.Take().second, 1u);
  EXPECT_TRUE(builder.empty());
  EXPECT_EQ(builder.payload_bytes(), 0u);
  builder.Append("b", "2");
  const auto [payload, count] = builder.Take();
  EXPECT_EQ(count, 1u);
  EXPECT_EQ(payload, std::string("\x02\x01\x00"
                                 "b2",
                                 5));
}

TEST(RecordBatchBuilderTest, TakesOverTheRecordsOfABatch) {
  RecordBatchBuilder builder;
  builder.Append("a", "1");
  builder.Append(std::nullopt, "2");
  const auto batch = DecodeBatch(Seal(builder, Compression::kLz4));
  ASSERT_TRUE(batch);
  builder.Append("b", "0");
  builder.AppendAll(**batch);
  EXPECT_EQ(builder.count(), 3u);
  const auto all = DecodeBatch(Seal(builder, Compression::kNone));
  ASSERT_TRUE(all);
  const std::vector<OwnedRecord> expected = {
      {"b", "0", ""}, {"a", "1", ""}, {std::nullopt, "2", ""}};
  EXPECT_EQ(RecordsOf(**all), expected);
}

TEST(RecordBatchBuilderTest, IsFullFromTheTargetSizeOn) {
  RecordBatchBuilder builder;
  builder.Append("k", std::string(RecordBatchBuilder::kTargetBytes - 100, 'v'));
  EXPECT_FALSE(builder.full());
  builder.Append("k", std::string(100, 'v'));
  EXPECT_TRUE(builder.full());
}

TEST(StoredBatchTest, TellsPlaceAndSizeFromTheHeaderAlone) {
  RecordBatchBuilder builder;
  builder.Append("k", std::string(1000, 'v'));
  builder.Append("k", "v");
  const auto info = ReadBatchInfo(Seal(builder, Compression::kLz4));
  ASSERT_TRUE(info);
  EXPECT_EQ(info->base_offset, 1000);
  EXPECT_EQ(info->count, 2u);
  EXPECT_EQ(info->timestamp_ms, 1'700'000'000'123);
  EXPECT_EQ(info->compression, Compression::kLz4);
  EXPECT_EQ(info->log_position, 77u);
}

TEST(StoredBatchTest, KeepsWhatDoesNotShrinkUncompressed) {
  std::string noise;
  std::uint64_t state = 1;
  for (int i = 0; i < 1000; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    noise.push_back(static_cast<char>(state >> 56));
  }
  for (const auto compression : {Compression::kLz4, Compression::kZstd}) {
    RecordBatchBuilder builder;
    builder.Append(std::nullopt, noise);
    const std::size_t payload_bytes = builder.payload_bytes();
    const std::string stored = Seal(builder, compression);
    EXPECT_EQ(stored.size(), 64 + payload_bytes);
    EXPECT_EQ(ReadBatchInfo(stored)->compression, Compression::kNone);
    EXPECT_EQ(RecordsOf(**DecodeBatch(stored))[0].value, noise);
  }
}

TEST(StoredBatchTest, SealedAgainItOnlyMoves) {
  RecordBatchBuilder builder;
  builder.Append("k", "v");
  std::string stored = Seal(builder, Compression::kNone);
  SealBatch(stored, 5, 6, 7);
  const auto batch = DecodeBatch(stored);
  ASSERT_TRUE(batch);
  EXPECT_EQ((*batch)->base_offset(), 5);
  EXPECT_EQ((*batch)->timestamp_ms(), 6);
}

TEST(StoredBatchTest, EveryFlippedBitIsFound) {
  RecordBatchBuilder builder;
  builder.Append("device", R"({"device_id":"dev_7","temperature":31.42,"status":"OK"})");
  builder.Append("device", R"({"device_id":"dev_7","temperature":31.43,"status":"OK"})");
  for (const auto compression : {Compression::kNone, Compression::kLz4}) {
    RecordBatchBuilder copy = builder;
    std::string stored = Seal(copy, compression);
    for (std::size_t bit = 0; bit < stored.size() * 8; ++bit) {
      stored[bit / 8] = static_cast<char>(stored[bit / 8] ^ (1 << (bit % 8)));
      EXPECT_FALSE(DecodeBatch(stored)) << "bit " << bit;
      stored[bit / 8] = static_cast<char>(stored[bit / 8] ^ (1 << (bit % 8)));
    }
    EXPECT_TRUE(DecodeBatch(stored));
  }
}

TEST(StoredBatchTest, EveryTruncationAndEveryTailIsFound) {
  RecordBatchBuilder builder;
  builder.Append("device", "some value");
  const std::string stored = Seal(builder, Compression::kNone);
  for (std::size_t size = 0; size < stored.size(); ++size) {
    // A copy on the heap, so that a read behind the end is seen.
    const std::string cut(stored.data(), size);
    EXPECT_FALSE(DecodeBatch(cut)) << size;
    EXPECT_FALSE(ReadBatchInfo(cut)) << size;
  }
  ExpectDamage(stored + "x", "bytes where its header says");
}

TEST(StoredBatchTest, AHeaderAndAPayloadOfDifferentBatchesDoNotPass) {
  const std::string one = Forge(std::string("\x00\x01\x00"
                                            "a",
                                            4),
                                1);
  const std::string other = Forge(std::string("\x00\x01\x00"
                                              "b",
                                              4),
                                  1);
  ASSERT_TRUE(DecodeBatch(one));
  ExpectDamage(one.substr(0, 64) + other.substr(64), "checksum of the payload");
}

TEST(StoredBatchTest, RecordsThatDoNotFillThePayloadAreDamageEvenWhenTheChecksumsHold) {
  const std::string record("\x02\x01\x00kv", 5);
  EXPECT_TRUE(DecodeBatch(Forge(record + record, 2)));
  ExpectDamage(Forge(record + record, 1), "follow the last");
  ExpectDamage(Forge(record + record, 3), "passes the end");
  ExpectDamage(Forge(record + record, 4), "are not possible");
  ExpectDamage(Forge(record, 0), "are not possible");
  ExpectDamage(Forge({"\x7f\x01\x00kv", 5}, 1), "passes the end");
  ExpectDamage(Forge({"\x02\x7f\x00kv", 5}, 1), "passes the end");
  ExpectDamage(Forge({"\x02\x01\x7fkv", 5}, 1), "passes the end");
  ExpectDamage(Forge({"\x80\x80\x80\x80\x80", 5}, 1), "passes the end");
}

TEST(StoredBatchTest, LengthsWhoseSumOverflowsAreDamage) {
  std::string payload;
  PutVarint(payload, 0);
  PutVarint(payload, ~std::uint64_t{0});
  PutVarint(payload, 2);
  payload += "x";
  ExpectDamage(Forge(payload, 1), "passes the end");
  payload.clear();
  PutVarint(payload, ~std::uint64_t{0});
  PutVarint(payload, ~std::uint64_t{0});
  PutVarint(payload, ~std::uint64_t{0});
  ExpectDamage(Forge(payload, 1), "passes the end");
}

TEST(StoredBatchTest, AHostileHeaderCannotClaimMemory) {
  RecordBatchBuilder builder;
  builder.Append("k", std::string(1000, 'v'));
  const std::string stored = Seal(builder, Compression::kLz4);
  const auto with_payload_bytes = [&](std::uint32_t bytes) {
    std::string forged = stored;
    std::memcpy(forged.data() + 36, &bytes, sizeof bytes);
    SealHeader(forged);
    return forged;
  };
  ExpectDamage(with_payload_bytes(0xffffffff), "is not possible");
  ExpectDamage(with_payload_bytes(kMaxPayloadBytes), "is not possible");
  ExpectDamage(with_payload_bytes(1006), "does not expand");
  ExpectDamage(with_payload_bytes(1003), "does not expand");
}

TEST(StoredBatchTest, UnknownVersionCompressionAndOffsetsAreNamed) {
  RecordBatchBuilder builder;
  builder.Append("k", "v");
  const std::string stored = Seal(builder, Compression::kNone);
  const auto with = [&](std::size_t at, std::string_view bytes) {
    std::string forged = stored;
    forged.replace(at, bytes.size(), bytes);
    SealHeader(forged);
    return forged;
  };
  ExpectDamage(with(0, "XSRB"), "TSRB");
  ExpectDamage(with(4, "\x02"), "version 2");
  ExpectDamage(with(5, "\x03"), "compression 3");
  ExpectDamage(with(6, "\x01"), "reserved");
  ExpectDamage(with(44, "\x01"), "reserved");
  ExpectDamage(with(15, "\x80"), "offset");
  ExpectDamage(with(8, "\xff\xff\xff\xff\xff\xff\xff\x7f"), "");
}

TEST(RecordHeadersTest, AreDecodedInOrderAndFoundByKey) {
  const std::string encoded = EncodeHeaders({{"a", "1"}, {"b", "2"}, {"a", "3"}});
  const auto headers = DecodeHeaders(encoded);
  ASSERT_EQ(headers.size(), 3u);
  EXPECT_EQ(headers[2].value, "3");
  EXPECT_EQ(FindHeader(encoded, "a"), "1");
  EXPECT_EQ(FindHeader(encoded, "c"), std::nullopt);
  EXPECT_TRUE(DecodeHeaders("").empty());
}

TEST(RecordHeadersTest, DamagedHeadersAreNone) {
  std::string encoded = EncodeHeaders({{"a", "1"}, {"b", "2"}});
  encoded.pop_back();
  EXPECT_TRUE(DecodeHeaders(encoded).empty());
  EXPECT_EQ(FindHeader(encoded, "a"), std::nullopt);
  EXPECT_TRUE(DecodeHeaders("\x05").empty());
}

TEST(DeadLetterHeadersTest, NameReasonSourceAndTruncation) {
  DeadLetter letter;
  letter.reason = "invalid_json";
  letter.message = "no value";
  letter.topic = "iot.raw";
  letter.partition = 3;
  letter.offset = 42;
  letter.stage = "process";
  std::string encoded = DeadLetterHeaders(letter);
  EXPECT_EQ(FindHeader(encoded, "tocsin.reason"), "invalid_json");
  EXPECT_EQ(FindHeader(encoded, "tocsin.message"), "no value");
  EXPECT_EQ(FindHeader(encoded, "__connect.errors.topic"), "iot.raw");
  EXPECT_EQ(FindHeader(encoded, "__connect.errors.partition"), "3");
  EXPECT_EQ(FindHeader(encoded, "__connect.errors.offset"), "42");
  EXPECT_EQ(FindHeader(encoded, "__connect.errors.stage"), "process");
  EXPECT_EQ(FindHeader(encoded, "__connect.errors.exception.message"), "no value");
  EXPECT_EQ(FindHeader(encoded, "tocsin.truncated"), std::nullopt);
  letter.truncated_from = 10'000'000;
  encoded = DeadLetterHeaders(letter);
  EXPECT_EQ(FindHeader(encoded, "tocsin.truncated"), "true");
  EXPECT_EQ(FindHeader(encoded, "tocsin.size"), "10000000");
}

}  // namespace
}  // namespace tocsin
