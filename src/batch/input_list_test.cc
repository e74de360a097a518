#include "batch/input_list.h"

#include <gtest/gtest.h>

#include "batch/batch_test_support.h"

namespace tocsin {
namespace {

class InputListTest : public ::testing::Test {
 protected:
  std::vector<std::string> Names(const std::vector<std::string>& inputs,
                                 const std::string& left_out = "") {
    const auto expanded = ExpandInputs(inputs, left_out);
    EXPECT_TRUE(expanded.has_value()) << expanded.error().message();
    std::vector<std::string> names;
    if (!expanded) return names;
    for (const BatchInput& input : *expanded) {
      names.push_back(input.name.starts_with(scratch_.path())
                          ? input.name.substr(scratch_.path().size() + 1)
                          : input.name);
    }
    return names;
  }
  ScratchDirectory scratch_;
};

TEST_F(InputListTest, ADirectoryStandsForItsJsonLinesFilesByName) {
  for (const char* name : {"b.jsonl", "a.ndjson", "c.json", "d.jsonl.gz", "e.json.zst", "no.txt",
                           "no.gz", "sub/x.jsonl"}) {
    scratch_.Write(name, "{}\n");
  }
  EXPECT_EQ(Names({scratch_.path()}), (std::vector<std::string>{"a.ndjson", "b.jsonl", "c.json",
                                                                "d.jsonl.gz", "e.json.zst"}));
}

TEST_F(InputListTest, AGlobStandsForItsMatchesByName) {
  for (const char* name : {"b.txt", "a.txt", "c.jsonl"}) scratch_.Write(name, "{}\n");
  EXPECT_EQ(Names({scratch_ / "*.txt"}), (std::vector<std::string>{"a.txt", "b.txt"}));
}

TEST_F(InputListTest, AFileWhoseNameLooksLikeAGlobIsThatFile) {
  scratch_.Write("[x].jsonl", "{}\n");
  scratch_.Write("x.jsonl", "{}\n");
  EXPECT_EQ(Names({scratch_ / "[x].jsonl"}), (std::vector<std::string>{"[x].jsonl"}));
}

TEST_F(InputListTest, KeepsTheOrderOfTheArguments) {
  scratch_.Write("a.jsonl", "{}\n");
  scratch_.Write("b.jsonl", "{}\n");
  EXPECT_EQ(Names({scratch_ / "b.jsonl", "-", scratch_ / "a.jsonl", "topic:iot.raw"}),
            (std::vector<std::string>{"b.jsonl", "-", "a.jsonl", "topic:iot.raw"}));
}

TEST_F(InputListTest, LeavesOutTheRejectsFileOfTheJobInDirectories) {
  scratch_.Write("a.jsonl", "{}\n");
  const std::string rejects = scratch_.Write("rejects.jsonl", "{}\n");
  EXPECT_EQ(Names({scratch_.path()}, rejects), (std::vector<std::string>{"a.jsonl"}));
  EXPECT_EQ(Names({rejects}, rejects), (std::vector<std::string>{"rejects.jsonl"}));
}

TEST_F(InputListTest, WhatMatchesNothingIsNotFoundByName) {
  std::filesystem::create_directories(scratch_ / "empty");
  for (const std::string& input :
       {scratch_ / "none.jsonl", scratch_ / "none*.jsonl", scratch_ / "empty"}) {
    const auto result = ExpandInputs({input}, "");
    ASSERT_FALSE(result.has_value()) << input;
    EXPECT_EQ(result.error().code(), Code::kNotFound);
    EXPECT_NE(result.error().message().find(input), std::string::npos);
  }
}

}  // namespace
}  // namespace tocsin
