#include "ingest/input_files.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"

namespace tocsin {
namespace {

class InputFilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "/input_files_XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    for (const char* name : {"b.jsonl", "a.ndjson", "c.json", "notes.txt", "d.jsonl.gz"}) {
      ASSERT_TRUE(ReplaceFile(directory_ + "/" + name, "x"));
    }
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::string directory_;
};

TEST_F(InputFilesTest, ADirectoryStandsForItsJsonLinesFilesByName) {
  const auto files = ExpandInputFiles({directory_});
  ASSERT_TRUE(files);
  EXPECT_EQ(*files, (std::vector<std::string>{directory_ + "/a.ndjson", directory_ + "/b.jsonl",
                                              directory_ + "/c.json"}));
}

TEST_F(InputFilesTest, AGlobStandsForItsMatchesAndANamedFileForItself) {
  const auto files = ExpandInputFiles({directory_ + "/*.jsonl", directory_ + "/notes.txt", "-"});
  ASSERT_TRUE(files);
  EXPECT_EQ(*files,
            (std::vector<std::string>{directory_ + "/b.jsonl", directory_ + "/notes.txt", "-"}));
}

TEST_F(InputFilesTest, NamesAMissingInput) {
  for (const std::string& missing :
       {directory_ + "/none.jsonl", directory_ + "/none*.jsonl", directory_ + "/none/x"}) {
    const auto files = ExpandInputFiles({missing});
    ASSERT_FALSE(files);
    EXPECT_EQ(files.error().code(), Code::kNotFound);
    EXPECT_NE(files.error().message().find(missing), std::string::npos);
  }
}

}  // namespace
}  // namespace tocsin
