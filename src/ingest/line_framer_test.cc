#include "ingest/line_framer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <vector>

namespace tocsin {
namespace {

struct Taken {
  std::string bytes;
  std::uint64_t number, size, end_offset;
  bool blank, too_large;
};

// Frames what a pipe gives in pieces of `piece` bytes.
std::vector<Taken> Frame(const std::string& text, std::size_t limit, std::size_t piece) {
  int ends[2];
  EXPECT_EQ(::pipe(ends), 0);
  LineFramer framer(limit);
  std::vector<Taken> lines;
  FramedLine line;
  const auto take = [&] {
    lines.push_back({std::string(line.bytes), line.number, line.size, line.end_offset, line.blank,
                     line.too_large});
  };
  for (std::size_t at = 0; at < text.size(); at += piece) {
    const std::string part = text.substr(at, piece);
    EXPECT_EQ(::write(ends[1], part.data(), part.size()), static_cast<ssize_t>(part.size()));
    EXPECT_EQ(framer.Fill(ends[0], "pipe").value_or(0), part.size());
    while (framer.Next(line)) take();
  }
  ::close(ends[1]);
  EXPECT_EQ(framer.Fill(ends[0], "pipe").value_or(1), 0U);
  if (framer.Finish(line)) take();
  ::close(ends[0]);
  return lines;
}

TEST(LineFramerTest, TakesOneLineEndAndOneCarriageReturnOff) {
  const auto lines = Frame("a\nb\r\nc\r\r\nd", 10, 100);
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[0].bytes, "a");
  EXPECT_EQ(lines[1].bytes, "b");
  EXPECT_EQ(lines[2].bytes, "c\r");
  EXPECT_EQ(lines[3].bytes, "d");
  EXPECT_EQ(lines[1].end_offset, 5U);
  EXPECT_EQ(lines[3].end_offset, 10U);
  EXPECT_EQ(lines[3].number, 4U);
}

TEST(LineFramerTest, MarksLinesOfWhiteSpaceOnlyAndCountsThem) {
  const auto lines = Frame("\n \t\r\nx\n   ", 10, 100);
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_TRUE(lines[0].blank);
  EXPECT_TRUE(lines[1].blank);
  EXPECT_FALSE(lines[2].blank);
  EXPECT_EQ(lines[2].number, 3U);
  EXPECT_TRUE(lines[3].blank);
}

TEST(LineFramerTest, GivesTheSameLinesInPiecesOfAnySize) {
  const std::string text = "one\r\n" + std::string(30, 'x') + "\n\ntwo\n" + std::string(12, ' ') +
                           "\n" + std::string(8, 'y') + "\r\n" + std::string(9, 'z') + "\r\nend";
  const auto whole = Frame(text, 8, text.size());
  ASSERT_EQ(whole.size(), 8U);
  for (std::size_t piece = 1; piece < text.size(); ++piece) {
    const auto lines = Frame(text, 8, piece);
    ASSERT_EQ(lines.size(), whole.size()) << piece;
    for (std::size_t i = 0; i < lines.size(); ++i) {
      EXPECT_EQ(lines[i].bytes, whole[i].bytes) << piece << " line " << i;
      EXPECT_EQ(lines[i].size, whole[i].size) << piece << " line " << i;
      EXPECT_EQ(lines[i].end_offset, whole[i].end_offset) << piece << " line " << i;
      EXPECT_EQ(lines[i].blank, whole[i].blank) << piece << " line " << i;
      EXPECT_EQ(lines[i].too_large, whole[i].too_large) << piece << " line " << i;
    }
  }
  EXPECT_TRUE(whole[1].too_large);
  EXPECT_FALSE(whole[5].too_large) << "the limit does not count the line end";
  EXPECT_TRUE(whole[6].too_large);
}

TEST(LineFramerTest, KeepsTheHeadOfATooLargeLineAndItsSize) {
  std::string huge;
  for (int i = 0; i < 300'000; ++i) huge += static_cast<char>('a' + i % 26);
  const auto lines = Frame("a\n" + huge + "\nb\n", 1000, 4096);
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_TRUE(lines[1].too_large);
  EXPECT_EQ(lines[1].size, huge.size());
  EXPECT_EQ(lines[1].bytes, huge.substr(0, LineFramer::kHeadBytes));
  EXPECT_EQ(lines[2].bytes, "b");
  EXPECT_EQ(lines[2].end_offset, huge.size() + 5);
}

TEST(LineFramerTest, ReportsATooLargeLineWithoutLineEndAtTheEndOfTheInput) {
  const auto lines = Frame("a\n" + std::string(5000, 'x'), 100, 512);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_TRUE(lines[1].too_large);
  EXPECT_EQ(lines[1].size, 5000U);
}

}  // namespace
}  // namespace tocsin
