#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "live_view/alert_store.h"
#include "live_view/device_table.h"
#include "live_view/minute_trend.h"
#include "live_view/reading_store.h"

namespace tocsin {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
const DeviceTable::OnForget kNobodyGoes = [](const std::vector<bool>&) { FAIL(); };

std::vector<std::int64_t> TimesOf(const ReadingStore& store, std::uint32_t device) {
  std::vector<std::int64_t> times;
  store.Visit(device, INT64_MIN, INT64_MAX, [&](const ReadingStore::Reading& reading) {
    times.push_back(reading.time_us);
    return true;
  });
  return times;
}

TEST(ReadingStoreTest, GivesTheReadingsOfADeviceNewestFirst) {
  ReadingStore store(2, 1 << 20);
  for (std::int64_t i = 0; i < 10'000; ++i) {
    const double values[] = {static_cast<double>(i), kNaN};
    store.Add(static_cast<std::uint32_t>(i % 3), {.time_us = i, .offset = i, .values = values});
  }
  std::vector<double> seen;
  store.Visit(1, 100, 110, [&](const ReadingStore::Reading& reading) {
    EXPECT_TRUE(std::isnan(reading.values[1]));
    EXPECT_EQ(reading.offset, reading.time_us);
    seen.push_back(reading.values[0]);
    return true;
  });
  EXPECT_EQ(seen, (std::vector<double>{109, 106, 103, 100}));
}

TEST(ReadingStoreTest, StaysWithinItsMemoryAndKeepsTheNewest) {
  ReadingStore store(1, 1 << 20);
  const double value[] = {1};
  for (std::int64_t i = 0; i < 1'000'000; ++i) store.Add(0, {.time_us = i, .values = value});
  EXPECT_LE(store.bytes(), std::size_t{1} << 20);
  const std::vector<std::int64_t> times = TimesOf(store, 0);
  EXPECT_EQ(times.size(), store.size());
  EXPECT_EQ(times.front(), 999'999);
  EXPECT_GT(times.size(), 10'000u);
}

TEST(ReadingStoreTest, ForgottenDevicesHaveNoReadings) {
  ReadingStore store(1, 1 << 20);
  const double value[] = {1};
  for (std::uint32_t device = 0; device < 3; ++device) store.Add(device, {.values = value});
  store.Forget({false, true, false});
  EXPECT_EQ(TimesOf(store, 1).size(), 0u);
  EXPECT_EQ(TimesOf(store, 2).size(), 1u);
}

TEST(DeviceTableTest, AnOlderEventCountsAndChangesNoValue) {
  DeviceTable table(2, 10);
  const std::uint32_t code = table.CodeOf("a", kNobodyGoes);
  table.Update(code, 100, 1, "OK", true, std::vector<double>{1, 2});
  table.Update(code, 50, 2, "BAD", true, std::vector<double>{9, 9});
  table.Update(code, 200, 3, "", false, std::vector<double>{kNaN, 3});
  EXPECT_EQ(table.At(code).events, 3u);
  EXPECT_FALSE(table.At(code).has_status);
  EXPECT_EQ(table.ValuesOf(code)[0], 1);
  EXPECT_EQ(table.ValuesOf(code)[1], 3);
}

TEST(DeviceTableTest, SilenceMakesADeviceOfflineAndTheChangeIsTold) {
  DeviceTable table(1, 10);
  const std::uint32_t code = table.CodeOf("a", kNobodyGoes);
  table.Update(code, 0, 1'000, "", false, std::vector<double>{1});
  EXPECT_EQ(table.Refresh(2'000, 5'000).online, 1u);
  EXPECT_EQ(table.TakeChanged(10), std::vector<std::uint32_t>{code});
  EXPECT_TRUE(table.TakeChanged(10).empty());
  EXPECT_EQ(table.Refresh(6'000, 5'000).offline, 0u);
  EXPECT_EQ(table.Refresh(6'001, 5'000).offline, 1u);
  EXPECT_EQ(table.TakeChanged(10), std::vector<std::uint32_t>{code});
  EXPECT_EQ(table.At(code).shown, DeviceTable::State::kOffline);
}

TEST(DeviceTableTest, ThoseUnseenTheLongestMakeRoom) {
  DeviceTable table(1, 20);
  std::vector<bool> gone;
  const auto note = [&](const std::vector<bool>& codes) { gone = codes; };
  for (int i = 0; i < 20; ++i) {
    const std::uint32_t code = table.CodeOf("d" + std::to_string(i), note);
    table.Update(code, 0, 100 - i, "", false, std::vector<double>{1});
  }
  EXPECT_TRUE(gone.empty());
  const std::uint32_t code = table.CodeOf("new", note);
  EXPECT_EQ(table.Find("d19"), DeviceTable::kUnknown);
  EXPECT_EQ(table.Find("d18"), DeviceTable::kUnknown);
  EXPECT_NE(table.Find("d17"), DeviceTable::kUnknown);
  EXPECT_TRUE(gone[code]) << "the code of a device that went is used again";
  EXPECT_EQ(table.size(), 19u);
  EXPECT_EQ(table.At(code).events, 0u);
  EXPECT_TRUE(std::isnan(table.ValuesOf(code)[0]));
}

TEST(MinuteTrendTest, AddsUpByTheMinuteOfTheEventTimeWhateverTheOrder) {
  MinuteTrend trend(1);
  constexpr std::int64_t kMinute = MinuteTrend::kMinuteUs;
  trend.Add(5 * kMinute + 1, std::vector<double>{4});
  trend.Add(3 * kMinute, std::vector<double>{10});
  trend.Add(5 * kMinute + 2, std::vector<double>{-2});
  trend.Add(5 * kMinute + 3, std::vector<double>{kNaN});
  std::vector<std::int64_t> minutes;
  trend.Visit(0, INT64_MIN, INT64_MAX, [&](std::int64_t minute_us, const TrendCell& cell) {
    minutes.push_back(minute_us / kMinute);
    if (minutes.back() != 5) return;
    EXPECT_EQ(cell.count, 2u);
    EXPECT_EQ(cell.avg(), 1);
    EXPECT_EQ(cell.min, -2);
    EXPECT_EQ(cell.max, 4);
  });
  EXPECT_EQ(minutes, (std::vector<std::int64_t>{3, 5}));
  EXPECT_EQ(trend.first_us(), 3 * kMinute);
}

TEST(MinuteTrendTest, ADayLaterTheOldMinutesAreGone) {
  MinuteTrend trend(1);
  constexpr std::int64_t kDay = MinuteTrend::kMinutes * MinuteTrend::kMinuteUs;
  trend.Add(-kDay, std::vector<double>{1});
  trend.Add(0, std::vector<double>{2});
  trend.Add(-kDay, std::vector<double>{3});
  int minutes = 0;
  trend.Visit(0, INT64_MIN, INT64_MAX, [&](std::int64_t minute_us, const TrendCell& cell) {
    EXPECT_EQ(minute_us, 0);
    EXPECT_EQ(cell.sum, 2);
    ++minutes;
  });
  EXPECT_EQ(minutes, 1);
}

AlertMessage Alert(const std::string& id, const std::string& device, bool firing) {
  AlertMessage alert;
  alert.id = id;
  alert.rule = "rule";
  alert.device_id = device;
  alert.firing = firing;
  return alert;
}

TEST(AlertStoreTest, FiringAndResolvedRecordsOfOneIdAreOneAlert) {
  AlertStore store(10, false);
  store.Apply(Alert("1", "a", true));
  store.Apply(Alert("2", "a", true));
  EXPECT_EQ(store.firing(), 2u);
  EXPECT_EQ(store.devices_firing(), 1u);
  EXPECT_EQ(store.RulesFiring("a").size(), 2u);
  EXPECT_FALSE(store.Apply(Alert("1", "a", false)).firing);
  store.Apply(Alert("2", "a", false));
  EXPECT_EQ(store.firing(), 0u);
  EXPECT_EQ(store.devices_firing(), 0u);
  EXPECT_EQ(store.total(), 2u);
  EXPECT_TRUE(store.complete());
}

TEST(AlertStoreTest, TheFirstResolvedMakesRoomAndWhatFiresStays) {
  AlertStore store(3, false);
  store.Apply(Alert("fires", "a", true));
  for (int i = 0; i < 10; ++i) {
    store.Apply(Alert(std::to_string(i), "b", true));
    store.Apply(Alert(std::to_string(i), "b", false));
  }
  EXPECT_EQ(store.size(), 3u);
  EXPECT_EQ(store.firing(), 1u);
  EXPECT_FALSE(store.complete());
  std::vector<std::string> ids;
  store.Visit([&](const AlertMessage& alert) {
    ids.push_back(alert.id);
    return true;
  });
  EXPECT_EQ(ids, (std::vector<std::string>{"9", "8", "fires"}));
}

TEST(AlertStoreTest, BeyondTheLimitEvenWhatFiresMakesRoom) {
  AlertStore store(2, false);
  for (int i = 0; i < 5; ++i) store.Apply(Alert(std::to_string(i), "d", true));
  EXPECT_EQ(store.size(), 2u);
  EXPECT_EQ(store.firing(), 2u);
}

TEST(AlertStoreTest, RecordsOfEveryEventNeverFire) {
  AlertStore store(10, true);
  EXPECT_FALSE(store.Apply(Alert("1", "a", true)).firing);
  EXPECT_EQ(store.firing(), 0u);
}

}  // namespace
}  // namespace tocsin
