#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/settings.h"
#include "log/record_batch.h"
#include "model/event_batch.h"
#include "model/event_parser.h"

namespace tocsin {

// Reads processed events back into columns: takes off the two members that the stream added and
// gives the rest to the parser of events. Threads: none but the owner's.
class ProcessedReader {
 public:
  explicit ProcessedReader(const Settings& settings);

  // The records of the batch from `from` on. What is no processed event is a rejected row.
  void Read(const RecordBatch& batch, std::int64_t from);

  // Of the last Read(), until the next.
  const EventBatch& rows() const { return rows_; }
  std::int64_t offset(std::size_t row) const { return offsets_[row]; }
  bool is_alert(std::size_t row) const { return is_alert_[row]; }

 private:
  EventParser parser_;
  EventBatch rows_;
  std::string bytes_;  // the events without their tails, each followed by its padding
  std::vector<std::int64_t> offsets_;
  std::vector<bool> is_alert_;
};

}  // namespace tocsin
