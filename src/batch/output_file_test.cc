#include "batch/output_file.h"

#include <gtest/gtest.h>

#include "batch/batch_test_support.h"

namespace tocsin {
namespace {

void Fill(const OutputFile& file, std::string_view text) {
  std::ofstream(file.temporary(), std::ios::binary) << text;
}

TEST(OutputFileTest, AppearsOnlyWhenPublished) {
  const ScratchDirectory scratch;
  const std::string path = scratch.Write("t.parquet", "old");
  auto file = OutputFile::Create(path);
  ASSERT_TRUE(file.has_value());
  Fill(*file, "new");
  EXPECT_EQ(ReadWholeFile(path), "old");
  ASSERT_TRUE(file->Sync().has_value());
  ASSERT_TRUE(file->Publish().has_value());
  EXPECT_EQ(ReadWholeFile(path), "new");
  EXPECT_EQ(scratch.Names(), std::vector<std::string>{"t.parquet"});
}

TEST(OutputFileTest, LeavesNothingWithoutPublish) {
  const ScratchDirectory scratch;
  const std::string path = scratch.Write("t.parquet", "old");
  {
    const auto file = OutputFile::Create(path);
    ASSERT_TRUE(file.has_value());
    Fill(*file, "half");
    EXPECT_EQ(scratch.Names().size(), 2U);
  }
  EXPECT_EQ(ReadWholeFile(path), "old");
  EXPECT_EQ(scratch.Names(), std::vector<std::string>{"t.parquet"});
}

TEST(OutputFileTest, RemovesWhatAKilledRunLeftAndNothingElse) {
  const ScratchDirectory scratch;
  scratch.Write(".t.parquet.999999999-0.tmp", "of a dead process");
  const std::string alive = ".t.parquet." + std::to_string(::getpid()) + "-99999.tmp";
  scratch.Write(alive, "of a live process");
  scratch.Write(".other.999999999-0.tmp", "of another output");
  {
    const auto file = OutputFile::Create(scratch / "t.parquet");
    ASSERT_TRUE(file.has_value());
  }
  EXPECT_EQ(scratch.Names(), (std::vector<std::string>{".other.999999999-0.tmp", alive}));
}

TEST(OutputFileTest, ADirectoryOrAnUnreachablePathIsADiskError) {
  const ScratchDirectory scratch;
  scratch.Write("file", "");
  for (const std::string& path : {scratch.path(), scratch / "file/t.parquet"}) {
    const auto file = OutputFile::Create(path);
    ASSERT_FALSE(file.has_value());
    EXPECT_EQ(file.error().code(), Code::kDiskError);
    EXPECT_NE(file.error().message().find(scratch.path()), std::string::npos);
  }
}

TEST(OutputFileTest, ADeviceIsWrittenInPlace) {
  auto file = OutputFile::Create("/dev/null");
  ASSERT_TRUE(file.has_value());
  EXPECT_EQ(file->temporary(), "/dev/null");
  ASSERT_TRUE(file->Sync().has_value());
  ASSERT_TRUE(file->Publish().has_value());
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

}  // namespace
}  // namespace tocsin
