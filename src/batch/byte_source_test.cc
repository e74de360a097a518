#include "batch/byte_source.h"

#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <string>

#include "batch/batch_test_support.h"

namespace tocsin {
namespace {

std::string Gzip(std::string_view text) {
  z_stream stream = {};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, text.size()), '\0');
  std::string in(text);
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string Zstd(std::string_view text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

Result<std::string> ReadAll(const std::string& path, std::size_t piece = 4096) {
  auto source = OpenByteSource(path);
  if (!source) return std::unexpected(source.error());
  std::string text;
  std::string buffer(piece, '\0');
  for (;;) {
    const auto count = (*source)->Read(buffer.data(), buffer.size());
    if (!count) return std::unexpected(count.error());
    if (*count == 0) return text;
    text.append(buffer, 0, *count);
  }
}

std::string Text() {
  std::string text;
  for (int i = 0; i < 50'000; ++i) text += "line " + std::to_string(i * 7919) + "\n";
  return text;
}

class ByteSourceTest : public ::testing::Test {
 protected:
  ScratchDirectory scratch_;
};

TEST_F(ByteSourceTest, ReadsPlainGzipAndZstdAlike) {
  const std::string text = Text();
  EXPECT_EQ(ReadAll(scratch_.Write("a.jsonl", text)), text);
  EXPECT_EQ(ReadAll(scratch_.Write("a.jsonl.gz", Gzip(text))), text);
  EXPECT_EQ(ReadAll(scratch_.Write("a.jsonl.zst", Zstd(text))), text);
  EXPECT_EQ(ReadAll(scratch_ / "a.jsonl.gz", 1).value().size(), text.size());
  EXPECT_EQ(ReadAll(scratch_ / "a.jsonl.zst", 1), text);
}

TEST_F(ByteSourceTest, ReadsConcatenatedMembersAndFrames) {
  EXPECT_EQ(ReadAll(scratch_.Write("a.gz", Gzip("one\n") + Gzip("") + Gzip("two\n"))),
            "one\ntwo\n");
  EXPECT_EQ(ReadAll(scratch_.Write("a.zst", Zstd("one\n") + Zstd("two\n"))), "one\ntwo\n");
}

TEST_F(ByteSourceTest, AllowsZeroPaddingAfterGzip) {
  EXPECT_EQ(ReadAll(scratch_.Write("a.gz", Gzip("one\n") + std::string(512, '\0'))), "one\n");
}

TEST_F(ByteSourceTest, DamageIsDataLossNamingFileAndPosition) {
  const std::string text = Text();
  const std::string gzip = Gzip(text);
  const std::string zstd = Zstd(text);
  std::string flipped = gzip;
  flipped[gzip.size() / 2] = static_cast<char>(flipped[gzip.size() / 2] ^ 0x55);
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"cut.gz", gzip.substr(0, gzip.size() - 1)},
      {"half.gz", gzip.substr(0, gzip.size() / 2)},
      {"flipped.gz", flipped},
      {"empty.gz", ""},
      {"plain.gz", text},
      {"tail.gz", gzip + "garbage"},
      {"cut.zst", zstd.substr(0, zstd.size() - 1)},
      {"empty.zst", ""},
      {"plain.zst", text}};
  for (const auto& [name, bytes] : cases) {
    const auto result = ReadAll(scratch_.Write(name, bytes));
    ASSERT_FALSE(result.has_value()) << name;
    EXPECT_EQ(result.error().code(), Code::kInvalidArgument) << name;
    EXPECT_NE(result.error().message().find(name), std::string::npos) << result.error().message();
    EXPECT_NE(result.error().message().find("at its byte "), std::string::npos) << name;
  }
}

TEST_F(ByteSourceTest, BytesCutOffAreAnEndWhenThatIsAccepted) {
  const std::string text = Text();
  const std::string gzip = Gzip(text);
  const std::string zstd = Zstd(text);
  for (const auto& [name, bytes] : std::vector<std::pair<std::string, std::string>>{
           {"cut.gz", gzip.substr(0, gzip.size() / 2)},
           {"cut.zst", zstd.substr(0, zstd.size() / 2)}}) {
    const auto source = OpenByteSource(scratch_.Write(name, bytes), {.accept_truncated = true});
    ASSERT_TRUE(source.has_value());
    std::string read;
    std::vector<char> buffer(1 << 16);
    for (;;) {
      const auto count = (*source)->Read(buffer.data(), buffer.size());
      ASSERT_TRUE(count.has_value()) << count.error().message();
      if (*count == 0) break;
      read.append(buffer.data(), *count);
    }
    EXPECT_FALSE(read.empty()) << name;
    EXPECT_TRUE(text.starts_with(read)) << name;
  }
}

TEST_F(ByteSourceTest, AMissingFileIsNotFoundAndAnUnreadableOneInvalid) {
  const auto missing = ReadAll(scratch_ / "none.jsonl");
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code(), Code::kNotFound);
  EXPECT_NE(missing.error().message().find("none.jsonl"), std::string::npos);
  const auto directory = ReadAll(scratch_.path());
  ASSERT_FALSE(directory.has_value());
  EXPECT_EQ(directory.error().code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace tocsin
