#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace tocsin {

// One cleansed row as words of 64 bits: event time, rule conditions, device code with the status
// code above it, then the metrics. One row is one or two cache lines, which is what a sort by
// device and a spill to disk want; the tables are columnar again.
struct RowLayout {
  std::size_t metric_count = 0;
  std::size_t words() const { return kFixedWords + metric_count; }
  std::size_t bytes() const { return words() * sizeof(std::uint64_t); }
  static constexpr std::size_t kFixedWords = 3;
};

class RowView {
 public:
  explicit RowView(const std::uint64_t* words) : words_(words) {}
  std::int64_t time_us() const { return static_cast<std::int64_t>(words_[0]); }
  std::uint64_t conditions() const { return words_[1]; }
  std::uint32_t device() const { return static_cast<std::uint32_t>(words_[2]); }
  // DeviceDictionary::kUnknown when the row has no status.
  std::uint32_t status() const { return static_cast<std::uint32_t>(words_[2] >> 32); }
  double metric(std::size_t m) const {
    return std::bit_cast<double>(words_[RowLayout::kFixedWords + m]);
  }

 private:
  const std::uint64_t* words_;
};

inline void SetRowHead(std::uint64_t* words, std::int64_t time_us, std::uint64_t conditions,
                       std::uint32_t device, std::uint32_t status) {
  words[0] = static_cast<std::uint64_t>(time_us);
  words[1] = conditions;
  words[2] = static_cast<std::uint64_t>(status) << 32 | device;
}
inline void SetRowMetric(std::uint64_t* words, std::size_t m, double value) {
  words[RowLayout::kFixedWords + m] = std::bit_cast<std::uint64_t>(value);
}

}  // namespace tocsin
