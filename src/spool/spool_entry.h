#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "log/log.h"

namespace tocsin {

// What one transaction would write, as bytes that can wait on a disk.
struct SpoolEntry {
  struct Append {
    TopicPartition partition;
    std::string payload;  // encoded records (log/record_batch.h), without padding
    std::uint32_t count = 0;
  };
  struct StateStep {
    std::string store;
    std::int32_t partition = 0;
    bool replace = false;  // then `key` and `value` are empty
    std::string key;
    std::string value;
  };

  std::uint64_t sequence = 0;  // grows with every entry of a process's life and beyond
  std::vector<Append> appends;
  std::map<std::string, std::map<TopicPartition, std::int64_t>> offsets;  // by group
  std::vector<StateStep> steps;

  bool empty() const { return appends.empty() && offsets.empty() && steps.empty(); }
  std::uint64_t records() const;
  // Everything into `transaction`, in order.
  Status AddTo(Transaction& transaction) const;
};

std::string EncodeSpoolEntry(const SpoolEntry& entry);
// kDataLoss for bytes that are no such entry.
Result<SpoolEntry> DecodeSpoolEntry(std::string_view bytes);

}  // namespace tocsin
