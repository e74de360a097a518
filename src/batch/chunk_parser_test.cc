#include "batch/chunk_parser.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>

#include "batch/batch_test_support.h"

namespace tocsin {
namespace {

// Fails at the third chunk.
class FailingUser final : public ChunkUser {
 public:
  void Prepare(ParsedChunk&, LocalDictionaries&) override {}
  Status Absorb(ParsedChunk&) override {
    EXPECT_LT(calls_, 3) << "called again after a failure";
    if (++calls_ < 3) return {};
    // The other threads have finished their chunks meanwhile and wait for their turn.
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    return Fail(Code::kDiskError, "full");
  }

 private:
  int calls_ = 0;  // one thread at a time
};

TEST(ChunkParserTest, AUserThatHasFailedIsNotCalledAgain) {
  const ScratchDirectory scratch;
  std::vector<std::string> names;
  for (int i = 0; i < 40; ++i) {  // each has a chunk of its own
    names.push_back(scratch.Write("in" + std::to_string(i) + ".jsonl", "{}\n"));
  }
  const Settings settings;
  const auto inputs = ExpandInputs(names, scratch / "rejects.jsonl");
  ASSERT_TRUE(inputs.has_value());
  for (int round = 0; round < 50; ++round) {
    FailingUser user;
    ChunkParser parser(settings, *inputs, {}, nullptr);
    const Status done = parser.Run(4, user, {});
    ASSERT_FALSE(done.has_value());
    EXPECT_EQ(done.error().code(), Code::kDiskError);
  }
}

}  // namespace
}  // namespace tocsin
