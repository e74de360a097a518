#include "offline/partitioned_reader.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <mutex>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "batch/byte_source.h"
#include "batch/line_reader.h"
#include "log/partitioner.h"

namespace tocsin {
namespace {

class TextBytes final : public ByteSource {
 public:
  explicit TextBytes(std::string text) : text_(std::move(text)) {}
  Result<std::size_t> Read(char* into, std::size_t capacity) override {
    const std::size_t count = text_.copy(into, capacity, at_);
    at_ += count;
    return count;
  }
  std::uint64_t stored_bytes_done() const override { return at_; }

 private:
  std::string text_;
  std::size_t at_ = 0;
};

LineReader Lines(std::string text) {
  return LineReader(std::make_unique<TextBytes>(std::move(text)), "in", 64 * 1024);
}

std::string Event(int device, int second) {
  const std::string s = std::to_string(1000 + second).substr(1);
  return "{\"device_id\":\"dev_" + std::to_string(device) + "\",\"timestamp\":\"2025-01-01T00:0" +
         s.substr(0, 1) + ":00." + s + "Z\",\"temperature\":20,\"humidity\":50}\n";
}

struct Seen {
  ReadTotals totals;
  // By device: the numbers of its records as they were handed out, and its partition.
  std::map<std::string, std::vector<std::int64_t>> sequences;
  std::map<std::string, int> partition;
};

Seen ReadAll(std::string text, PartitionedReaderOptions options) {
  LineReader source = Lines(std::move(text));
  Seen seen;
  std::mutex mutex;
  const auto totals = ReadPartitioned(
      Settings(), source, options,
      [&](int partition, const EventBatch& events, std::span<const std::int64_t> sequence) {
        const std::lock_guard lock(mutex);
        for (std::size_t row = 0; row < events.size(); ++row) {
          if (events.reject[row] != RejectReason::kNone) continue;
          const std::string device(events.device_id[row]);
          seen.sequences[device].push_back(sequence[row]);
          seen.partition.try_emplace(device, partition);
          EXPECT_EQ(seen.partition[device], partition);
        }
      },
      {});
  EXPECT_TRUE(totals.has_value());
  if (totals) seen.totals = *totals;
  return seen;
}

TEST(PartitionedReaderTest, ADevicesEventsComeInTheOrderOfTheInputForAnyNumberOfThreads) {
  std::string text;
  for (int i = 0; i < 40'000; ++i) {
    text += i % 100 == 7 ? "{broken\n\n" : Event(i * 7 % 31, i % 600);
  }
  std::map<std::string, std::vector<std::int64_t>> expected;
  for (int i = 0; i < 40'000; ++i) {
    if (i % 100 != 7) expected["dev_" + std::to_string(i * 7 % 31)].push_back(i);
  }
  for (const int threads : {1, 2, 5}) {
    for (const int partitions : {1, 4, 9}) {
      const Seen seen = ReadAll(text, {.partitions = partitions, .threads = threads});
      EXPECT_EQ(seen.sequences, expected);
      EXPECT_EQ(seen.totals.events, 40'000U);
      EXPECT_EQ(seen.totals.blank_lines, 400U);
      EXPECT_EQ(seen.totals.rejected[static_cast<std::size_t>(RejectReason::kInvalidJson)], 400U);
    }
  }
}

TEST(PartitionedReaderTest, PartitionsAreThoseOfTheLogWhenAsked) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += Event(i, 0);
  for (const auto& [device, partition] : ReadAll(text, {.partitions = 4}).partition) {
    EXPECT_EQ(partition, PartitionOf(device, 4));
  }
}

TEST(PartitionedReaderTest, AnEmptyInputHasNoEvents) {
  const Seen seen = ReadAll("", {.partitions = 3, .threads = 2});
  EXPECT_EQ(seen.totals.events, 0U);
  EXPECT_TRUE(seen.sequences.empty());
}

class FailingSource final : public RecordSource {
 public:
  Result<bool> Next(RecordChunk& chunk) override {
    if (++calls_ == 3) return Fail(Code::kDataLoss, "damaged");
    chunk.Clear();
    return true;
  }
  std::uint64_t bytes_done() const override { return 0; }

 private:
  int calls_ = 0;
};

TEST(PartitionedReaderTest, AnErrorOfTheSourceAndARequestToStopEndIt) {
  FailingSource failing;
  const auto ignore = [](int, const EventBatch&, std::span<const std::int64_t>) {};
  const auto failed =
      ReadPartitioned(Settings(), failing, {.partitions = 2, .threads = 2}, ignore, {});
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().code(), Code::kDataLoss);

  LineReader source = Lines(Event(1, 1));
  std::stop_source stop;
  stop.request_stop();
  const auto stopped = ReadPartitioned(Settings(), source, {}, ignore, stop.get_token());
  ASSERT_FALSE(stopped.has_value());
  EXPECT_EQ(stopped.error().code(), Code::kCancelled);
}

}  // namespace
}  // namespace tocsin
