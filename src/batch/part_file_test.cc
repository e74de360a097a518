#include "batch/part_file.h"

#include <gtest/gtest.h>

#include <string>

#include "batch/batch_test_support.h"

namespace tocsin {
namespace {

constexpr std::string_view kMagic = "parts 1\n";

class PartFileTest : public ::testing::Test {
 protected:
  void Write() {
    auto writer = PartWriter::Create(path_, kMagic);
    ASSERT_TRUE(writer.has_value());
    ASSERT_TRUE(writer->Put('a', "first").has_value());
    ASSERT_TRUE(writer->Put('b', "").has_value());
    ASSERT_TRUE(writer->Put('a', std::string(3 << 20, 'x')).has_value());
    ASSERT_TRUE(writer->Finish().has_value());
  }

  ScratchDirectory scratch_;
  const std::string path_ = scratch_ / "parts";
};

TEST_F(PartFileTest, GivesBackWhatWasPut) {
  Write();
  const auto file = PartFile::Open(path_, kMagic);
  ASSERT_TRUE(file.has_value()) << file.error().message();
  ASSERT_EQ(file->parts().size(), 3U);
  EXPECT_EQ(file->parts()[0].kind, 'a');
  EXPECT_EQ(file->parts()[0].bytes, "first");
  EXPECT_EQ(file->parts()[1].kind, 'b');
  EXPECT_EQ(file->parts()[1].bytes, "");
  file->LetGo();
  EXPECT_EQ(file->parts()[2].bytes, std::string(3 << 20, 'x'));
}

TEST_F(PartFileTest, RefusesEveryOtherByteAndEveryShorterFile) {
  Write();
  const std::string bytes = ReadWholeFile(path_).value();
  const auto opens = [&](const std::string& other) {
    return PartFile::Open(scratch_.Write("other", other), kMagic).has_value();
  };
  EXPECT_TRUE(opens(bytes));
  for (const std::size_t at : {std::size_t{0}, kMagic.size(), kMagic.size() + 1, kMagic.size() + 2,
                               kMagic.size() + 10, bytes.size() / 2, bytes.size() - 1}) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 4);
    EXPECT_FALSE(opens(damaged)) << at;
    EXPECT_FALSE(opens(bytes.substr(0, at))) << at;
  }
  EXPECT_FALSE(opens(bytes + '\0')) << "something behind the end";
  EXPECT_EQ(PartFile::Open(scratch_ / "none", kMagic).error().code(), Code::kNotFound);
}

}  // namespace
}  // namespace tocsin
