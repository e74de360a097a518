#include "server/live_frame.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include "base/random.h"

namespace tocsin {
namespace {

// What a reader has of the bytes that came so far; "broken" when they are no gzip.
std::string Unzipped(std::string bytes) {
  z_stream stream{};
  if (::inflateInit2(&stream, 15 + 16) != Z_OK) return "no zlib";
  std::string text(1 << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(bytes.data());
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(text.data());
  stream.avail_out = static_cast<uInt>(text.size());
  const int result = ::inflate(&stream, Z_SYNC_FLUSH);
  text.resize(text.size() - stream.avail_out);
  const bool all = stream.avail_in == 0;
  ::inflateEnd(&stream);
  return result == Z_OK && all ? text : "broken";
}

TEST(LiveFrameTest, CompressedFramesServeEveryReaderWheneverItCame) {
  LiveEncoder encoder;
  std::string early(LiveEncoder::GzipBegin());
  std::string late = early + encoder.Compressed("hello\n");
  early += encoder.Compressed("hello\n");
  std::string text = "hello\n";
  SeededRandom random(5);
  for (int i = 0; i < 20; ++i) {
    std::string frame = "data: ";
    for (std::uint64_t n = random.NextBelow(5'000); n > 0; --n) {
      frame += static_cast<char>(i % 2 == 0 ? 'a' + random.NextBelow(3) : random.NextBelow(256));
    }
    const LiveFrame both = encoder.Encode(frame, "more");
    EXPECT_EQ(*both.In({.details = false}), frame);
    EXPECT_EQ(*both.In({}), frame + "more");
    early += *both.In({.details = false, .gzip = true});
    text += frame;
    ASSERT_EQ(Unzipped(early), text);
    if (i == 10) {
      late += *both.In({.gzip = true});
      ASSERT_EQ(Unzipped(late), "hello\n" + frame + "more");
    }
  }
}

TEST(LiveFrameTest, WithoutDetailsTheFormsAreShared) {
  const LiveFrame frame = LiveEncoder().Encode("text");
  EXPECT_EQ(frame.In({.details = true}), frame.In({.details = false}));
  EXPECT_EQ(frame.In({.details = true, .gzip = true}), frame.In({.details = false, .gzip = true}));
}

TEST(LiveFrameTest, RepeatedTextBecomesSmall) {
  std::string text;
  for (int i = 0; i < 1'000; ++i) {
    text += R"({"id":"dev_)" + std::to_string(i) + R"(","state":"ok","event_ms":1764230400000},)";
  }
  EXPECT_LT(LiveEncoder().Compressed(text).size(), text.size() / 5);
}

}  // namespace
}  // namespace tocsin
