#include "batch/text_rows.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <optional>
#include <string>

#include "base/random.h"
#include "batch/batch_test_support.h"

namespace tocsin {
namespace {

struct Row {
  std::string device;
  std::int64_t time_us;
  std::optional<std::string> status;
  double value;
  bool operator==(const Row&) const = default;
};

// Rows in codes of dictionaries, and as texts.
class Chunk {
 public:
  void Add(const Row& row) {
    rows_.device.push_back(devices_.Encode(row.device));
    rows_.time_us.push_back(row.time_us);
    rows_.status.push_back(row.status ? statuses_.Encode(*row.status) : DeviceDictionary::kUnknown);
    rows_.metrics[0].push_back(row.value);
  }
  std::size_t size() const { return rows_.size(); }
  const TextSegments& Take(const RowDivision& division) {
    std::vector<std::uint32_t> of_device;
    division.Extend(devices_, of_device);
    std::vector<std::uint32_t> partition;
    for (const std::uint32_t device : rows_.device) partition.push_back(of_device[device]);
    segments_.Build(rows_, devices_, statuses_, partition, division.partitions());
    rows_ = RowColumns(1);
    return segments_;
  }

 private:
  DeviceDictionary devices_;
  DeviceDictionary statuses_;
  RowColumns rows_{1};
  TextSegments segments_;
};

class TextRowsTest : public ::testing::Test {
 protected:
  using RowsOf = std::map<std::string, std::vector<Row>>;

  static Row RandomRow(std::string device, SeededRandom& random) {
    Row row{std::move(device), static_cast<std::int64_t>(random.Next()), {}, 0.25};
    const std::uint64_t kind = random.NextBelow(20);
    if (kind > 2) row.status = "status " + std::to_string(kind);
    if (kind == 2) row.status = "";
    if (kind == 1 && random.NextBelow(500) == 0) row.status = std::string(300'000, 's');
    row.value = static_cast<double>(random.NextBelow(10'000)) / 100;
    return row;
  }

  // All rows of the parts by device, after a look at what holds for each part.
  RowsOf RowsOfParts(TextRows& rows, std::size_t dictionary_bytes) {
    RowsOf found;
    std::string last;
    const Status done = rows.ForEachPart([&](CodedRows& part) -> Status {
      ++parts_;
      const DeviceDictionary& devices = part.devices.codes();
      largest_ = std::max(largest_, devices.bytes());
      EXPECT_LE(devices.size() * 64, dictionary_bytes * 5 / 4);
      std::string least(300, '\xff');
      std::string most;
      EXPECT_TRUE(part.partitioner
                      .Drain([&](const RowColumns& some) -> Status {
                        for (std::size_t i = 0; i < some.size(); ++i) {
                          Row row{std::string(devices.Decode(some.device[i])),
                                  some.time_us[i],
                                  {},
                                  some.metrics[0][i]};
                          if (some.status[i] != DeviceDictionary::kUnknown) {
                            row.status = part.statuses.codes().Decode(some.status[i]);
                          }
                          least = std::min(least, row.device);
                          most = std::max(most, row.device);
                          found[row.device].push_back(std::move(row));
                        }
                        return {};
                      })
                      .has_value());
      EXPECT_LT(last, least) << "the parts are not in the order of ids";
      last = most;
      return {};
    });
    EXPECT_TRUE(done.has_value());
    return found;
  }

  // Appends rows of the devices that `device` names one after the other and gets them back.
  template <class Device>
  void Check(RowDivision division, std::size_t count, std::size_t dictionary_bytes, Device device) {
    SeededRandom random(count);
    TextRows rows({.coded = {.metric_count = 1,
                             .memory_bytes = 1 << 20,
                             .target_rows = 1000,
                             .spill_directory = scratch_ / "spill"},
                   .memory_bytes = 1 << 20,
                   .dictionary_bytes = dictionary_bytes},
                  division);
    RowsOf expected;
    Chunk chunk;
    for (std::size_t i = 0; i < count; ++i) {
      const Row row = RandomRow(device(i, random), random);
      expected[row.device].push_back(row);
      chunk.Add(row);
      if (chunk.size() < 3000 && i + 1 < count) continue;
      ASSERT_TRUE(rows.Append(chunk.Take(*rows.division())).has_value());
      chunk = Chunk();
    }
    ASSERT_TRUE(RowsOfParts(rows, dictionary_bytes) == expected);
  }

  ScratchDirectory scratch_;
  std::size_t parts_ = 0;
  std::size_t largest_ = 0;
};

TEST_F(TextRowsTest, RowsOfEachDeviceComeBackInTheirOrder) {
  Check({.first_ids = {"d3", "d5", "d55"}}, 50'000, 1 << 30, [](std::size_t, SeededRandom& random) {
    return "d" + std::to_string(random.NextBelow(100));
  });
  EXPECT_EQ(parts_, 1U);
}

TEST_F(TextRowsTest, AsManyRangesAtATimeAsHaveRoom) {
  Check({.first_ids = {"1", "2", "3", "4", "5", "6", "7", "8", "9"}}, 100'000, 3'000'000,
        [](std::size_t, SeededRandom& random) {
          return std::to_string(100'000'000 + random.NextBelow(900'000'000));
        });
  EXPECT_GT(parts_, 3U);
  EXPECT_LT(parts_, 10U);
}

// Ids that ascend all fall into the last of the ranges that were chosen at the beginning.
TEST_F(TextRowsTest, ARangeThatIsTooLargeIsDividedAnew) {
  Check({.first_ids = {"0001", "0002"}}, 60'000, 500'000,
        [](std::size_t i, SeededRandom&) { return std::to_string(100'000'000 + i); });
  EXPECT_GT(parts_, 10U);
}

TEST_F(TextRowsTest, RowsOfOneDeviceCannotBeDividedAndNeedNotBe) {
  Check({}, 30'000, 100'000, [](std::size_t i, SeededRandom&) {
    return i % 100 == 0 ? "a" + std::to_string(i) : std::string("the one");
  });
  EXPECT_GT(parts_, 1U);
}

}  // namespace
}  // namespace tocsin
