#pragma once

#include <memory>
#include <string>
#include <vector>

#include "batch/record_source.h"
#include "log/log.h"

namespace tocsin {

// The records of a topic as it was when the source was made: partition by partition, in offset
// order. The input name of a record is "topic:NAME/PARTITION", its offset the one in the
// partition. `log` must outlive the source.
class TopicSource final : public RecordSource {
 public:
  // kNotFound for an unknown topic, naming it.
  static Result<std::unique_ptr<TopicSource>> Open(Log& log, const std::string& topic,
                                                   std::size_t max_record_bytes);
  Result<bool> Next(RecordChunk& chunk) override;
  std::uint64_t bytes_done() const override { return bytes_done_; }
  // Bytes stored in the topic when the source was made.
  std::uint64_t stored_bytes() const { return stored_bytes_; }

 private:
  struct Part {
    TopicPartition partition;
    std::string input;
    std::int64_t next = 0;
    std::int64_t end = 0;
  };
  TopicSource(Log& log, std::size_t max_record_bytes)
      : log_(&log), max_record_bytes_(max_record_bytes) {}
  void TakeBatch(Part& part, std::shared_ptr<const RecordBatch> batch, RecordChunk& chunk);

  Log* log_;
  std::size_t max_record_bytes_;
  std::vector<Part> parts_;
  std::size_t current_ = 0;
  std::vector<std::shared_ptr<const RecordBatch>> fetched_;  // to hand out, last first
  std::uint64_t bytes_done_ = 0;
  std::uint64_t stored_bytes_ = 0;
};

}  // namespace tocsin
