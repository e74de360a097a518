#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace tocsin {

// One cleansed row as words of 64 bits: event time, conditions of the first 64 rules, device code
// with the status code above it, the metrics, the conditions of further rules, and where rules have
// functions the row's place in the input. One row is one or two cache lines, which is what a sort
// by device and a spill to disk want; the tables are columnar again.
struct RowLayout {
  std::size_t metric_count = 0;
  std::size_t condition_words = 1;  // of 64 rules each
  bool has_sequence = false;

  std::size_t words() const {
    return kFixedWords + metric_count + condition_words - 1 + (has_sequence ? 1 : 0);
  }
  std::size_t bytes() const { return words() * sizeof(std::uint64_t); }
  // Where the conditions of rules 64 * word … stand.
  std::size_t ConditionWord(std::size_t word) const {
    return word == 0 ? 1 : kFixedWords + metric_count + word - 1;
  }
  std::size_t SequenceWord() const { return words() - 1; }
  static constexpr std::size_t kFixedWords = 3;
};

class RowView {
 public:
  explicit RowView(const std::uint64_t* words) : words_(words) {}
  std::int64_t time_us() const { return static_cast<std::int64_t>(words_[0]); }
  std::uint64_t conditions() const { return words_[1]; }  // of the first 64 rules
  bool Holds(const RowLayout& layout, std::size_t rule) const {
    return (words_[layout.ConditionWord(rule / 64)] >> rule % 64 & 1) != 0;
  }
  bool AnyHolds(const RowLayout& layout) const {
    std::uint64_t any = words_[1];
    for (std::size_t w = 1; w < layout.condition_words; ++w) {
      any |= words_[layout.ConditionWord(w)];
    }
    return any != 0;
  }
  std::uint64_t sequence(const RowLayout& layout) const { return words_[layout.SequenceWord()]; }
  const std::uint64_t* words() const { return words_; }
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
