#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "batch/byte_source.h"
#include "batch/input_list.h"
#include "batch/record_source.h"
#include "config/settings.h"
#include "log/log.h"

namespace tocsin {

// The records of one input. `log` is needed for a topic (kUsage without it) and must outlive the
// source. Errors as those of OpenByteSource and TopicSource.
Result<std::unique_ptr<RecordSource>> OpenInput(const Settings& settings, const BatchInput& input,
                                                Log* log, OpenOptions options = {});

// The records of several inputs, one after the other. Of a chunk of a topic `input` names the
// topic, not the partition.
class InputSequence final : public RecordSource {
 public:
  // `settings` and `log` must outlive it.
  InputSequence(const Settings& settings, std::vector<BatchInput> inputs, Log* log);
  Result<bool> Next(RecordChunk& chunk) override;
  std::uint64_t bytes_done() const override;
  // 0 when the size of some input is not known.
  std::uint64_t bytes_all() const { return bytes_all_; }

 private:
  const Settings& settings_;
  const std::vector<BatchInput> inputs_;
  Log* const log_;
  std::size_t next_ = 0;  // the input to open next
  std::unique_ptr<RecordSource> source_;
  std::uint64_t bytes_before_ = 0;
  std::uint64_t bytes_all_ = 0;
};

}  // namespace tocsin
