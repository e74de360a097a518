#include "batch/line_reader.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <string>
#include <vector>

#include "batch/batch_test_support.h"
#include "model/event_parser.h"

namespace tocsin {
namespace {

struct Line {
  std::string bytes;
  std::uint64_t line;
  std::uint64_t offset;
  std::uint64_t size;
  bool too_large;
  bool operator==(const Line&) const = default;
};

struct Framed {
  std::vector<Line> lines;
  std::uint64_t blank = 0;
  std::size_t largest_buffer = 0;
};

Framed FrameAll(LineReader& reader) {
  Framed framed;
  RecordChunk chunk;
  volatile char sink = 0;
  for (;;) {
    const auto more = reader.Next(chunk);
    EXPECT_TRUE(more.has_value());
    if (!more || !*more) return framed;
    framed.blank += chunk.blank_lines;
    framed.largest_buffer = std::max(framed.largest_buffer, chunk.buffer.size());
    for (const RecordChunk::Item& item : chunk.items) {
      // The padding is readable: the sanitizer speaks up otherwise.
      if (!item.too_large) {
        sink = *(item.bytes.data() + item.bytes.size() + EventParser::kPadding - 1);
      }
      framed.lines.push_back(
          {std::string(item.bytes), item.line, item.offset, item.size, item.too_large});
    }
  }
  (void)sink;
}

Framed Frame(std::string text, std::size_t piece = 1 << 20, std::size_t max_bytes = 64 * 1024) {
  LineReader reader(std::make_unique<TextSource>(std::move(text), piece), "in", max_bytes);
  return FrameAll(reader);
}

// The plain reading of the contract, for comparison.
Framed FrameSimply(const std::string& text, std::size_t max_bytes) {
  Framed framed;
  std::uint64_t number = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    std::size_t end = text.find('\n', begin);
    if (end == std::string::npos) end = text.size();
    std::string line = text.substr(begin, end - begin);
    if (line.ends_with('\r')) line.pop_back();
    ++number;
    if (line.find_first_not_of(" \t\r\n") == std::string::npos) {
      ++framed.blank;
    } else {
      framed.lines.push_back({line.substr(0, RecordChunk::kKeptBytes), number, begin, line.size(),
                              line.size() > max_bytes});
    }
    begin = end + 1;
  }
  return framed;
}

TEST(LineReaderTest, LosesTheNewlineAndOneCarriageReturn) {
  const Framed framed = Frame("a\r\nb\r\r\nc\n");
  ASSERT_EQ(framed.lines.size(), 3U);
  EXPECT_EQ(framed.lines[0], (Line{"a", 1, 0, 1, false}));
  EXPECT_EQ(framed.lines[1], (Line{"b\r", 2, 3, 2, false}));
  EXPECT_EQ(framed.lines[2], (Line{"c", 3, 7, 1, false}));
}

TEST(LineReaderTest, TakesALastLineWithoutNewline) {
  const Framed framed = Frame("a\nb");
  ASSERT_EQ(framed.lines.size(), 2U);
  EXPECT_EQ(framed.lines[1], (Line{"b", 2, 2, 1, false}));
}

TEST(LineReaderTest, CountsBlankLinesApartAndInTheLineNumbers) {
  const Framed framed = Frame("\n \t\r\na\n\r\n");
  EXPECT_EQ(framed.blank, 3U);
  ASSERT_EQ(framed.lines.size(), 1U);
  EXPECT_EQ(framed.lines[0], (Line{"a", 3, 5, 1, false}));
}

TEST(LineReaderTest, AnEmptyInputHasNoLine) {
  const Framed framed = Frame("");
  EXPECT_TRUE(framed.lines.empty());
  EXPECT_EQ(framed.blank, 0U);
}

TEST(LineReaderTest, ALineOfExactlyTheLimitFitsWithAnyLineEnd) {
  const std::string most(100, 'x');
  for (const std::string end : {"\n", "\r\n", ""}) {
    for (const std::size_t piece : {1U, 7U, 100U, 101U, 102U, 1000U}) {
      const Framed framed = Frame(most + end, piece, 100);
      ASSERT_EQ(framed.lines.size(), 1U);
      EXPECT_EQ(framed.lines[0], (Line{most, 1, 0, 100, false}));
    }
  }
  const Framed longer = Frame(most + "x\r\nb\n", 7, 100);
  ASSERT_EQ(longer.lines.size(), 2U);
  EXPECT_EQ(longer.lines[0], (Line{most + "x", 1, 0, 101, true}));
  EXPECT_EQ(longer.lines[1], (Line{"b", 2, 103, 1, false}));
}

TEST(LineReaderTest, AHugeLineIsPassedOverInBoundedMemoryAndKeepsItsHead) {
  constexpr std::uint64_t kSize = 10'000'000;
  const std::string huge(kSize, 'y');
  const Framed framed = Frame("a\n" + huge + "\r\nb\n");
  ASSERT_EQ(framed.lines.size(), 3U);
  EXPECT_EQ(framed.lines[1], (Line{std::string(RecordChunk::kKeptBytes, 'y'), 2, 2, kSize, true}));
  EXPECT_EQ(framed.lines[2], (Line{"b", 3, kSize + 4, 1, false}));
  EXPECT_LT(framed.largest_buffer, 512U * 1024);
}

TEST(LineReaderTest, AHugeLineOfWhiteSpaceIsBlank) {
  const Framed framed = Frame(std::string(1'000'000, ' ') + "\na\n");
  EXPECT_EQ(framed.blank, 1U);
  ASSERT_EQ(framed.lines.size(), 1U);
  EXPECT_EQ(framed.lines[0].line, 2U);
}

TEST(LineReaderTest, FramesLikeThePlainReadingWhateverThePieces) {
  EXPECT_TRUE(rc::check([] {
    const auto text = *rc::gen::container<std::string>(
        rc::gen::weightedElement<char>({{3, '\n'}, {2, '\r'}, {2, ' '}, {12, 'x'}}));
    const std::size_t piece = *rc::gen::inRange<std::size_t>(1, 12);
    const std::size_t max_bytes = *rc::gen::inRange<std::size_t>(1, 9);
    const Framed framed = Frame(text, piece, max_bytes);
    const Framed expected = FrameSimply(text, max_bytes);
    RC_ASSERT(framed.lines == expected.lines);
    RC_ASSERT(framed.blank == expected.blank);
  }));
}

}  // namespace
}  // namespace tocsin
