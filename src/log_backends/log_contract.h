#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "log/log.h"

// The contract of log/log.h as tests that every backend passes: log_contract_test.cc and
// log_contract_consumer_test.cc. A test program compiles these two and log_contract.cc, and
// defines ContractBackends().
namespace tocsin {

// One backend with an empty log, for one test.
class LogHarness {
 public:
  virtual ~LogHarness() = default;
  virtual Log& log() = 0;
  // Closes the log and opens it again; references to the old one end. A backend that keeps
  // nothing beyond its own life does nothing, so that the same test holds for it.
  virtual void Reopen() {}

  // What a backend is free in. Offsets without gaps, sizes in bytes, batches stamped by `clock`:
  // the log of one machine. On a cluster readers see a transaction partition by partition.
  virtual bool on_one_machine() const { return true; }

  // The clock that stamps the batches.
  ManualClock clock{1'700'000'000'000'000};
};

struct ContractBackend {
  std::string name;  // letters and digits
  std::function<std::unique_ptr<LogHarness>()> make;
};

// Defined by each test program.
std::vector<ContractBackend> ContractBackends();

// What a result came to: "ok" or the name of its code.
template <class T>
std::string_view CodeOf(const Result<T>& result) {
  return result ? "ok" : CodeName(result.error().code());
}

// The steps of which the tests are made, on a log with a topic "t" of four partitions. An
// unexpected error is thrown as std::bad_expected_access and so fails the test.
class LogUser {
 public:
  explicit LogUser(std::unique_ptr<LogHarness> harness);

  Log& log() { return harness_->log(); }
  ManualClock& clock() { return harness_->clock; }
  void Reopen() { harness_->Reopen(); }
  void Close() { harness_.reset(); }

  std::unique_ptr<Transaction> Begin();
  // Appends records with the key "key".
  static void Add(Transaction& transaction, const TopicPartition& partition,
                  const std::vector<std::string>& values);
  static std::vector<AppendedRange> Commit(Transaction& transaction);
  // A whole transaction with one append.
  std::vector<AppendedRange> AppendValues(const TopicPartition& partition,
                                          const std::vector<std::string>& values);

  PartitionOffsets OffsetsOf(const TopicPartition& partition);
  bool on_one_machine() const { return harness_->on_one_machine(); }
  // The number of records before `offset`: the offset itself where there are no gaps.
  std::int64_t Place(const TopicPartition& partition, std::int64_t offset);
  std::int64_t End(const TopicPartition& partition) {
    return Place(partition, OffsetsOf(partition).latest);
  }
  // The values from `offset` to the end, with "(gap)" where offsets do not follow each other on one
  // machine.
  std::vector<std::string> ValuesFrom(const TopicPartition& partition, std::int64_t offset,
                                      std::size_t max_bytes = 1 << 20);
  std::vector<std::string> Values(const TopicPartition& partition);
  // The entries of a store, with "(twice)" as the value of a key that was visited again.
  std::map<std::string, std::string> StateOf(const std::string& store, std::int32_t partition);
  std::optional<std::int64_t> Committed(const std::string& group, const TopicPartition& partition);

  const TopicPartition p0{"t", 0};
  const TopicPartition p1{"t", 1};

 private:
  std::unique_ptr<LogHarness> harness_;
};

}  // namespace tocsin
