#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "log_backends/embedded_writer.h"

namespace tocsin {

// Removes old batches by age and size, whole batches only, and decides whether events from outside
// may enter: not while the disk is nearly full, and not into a topic that is above its size
// because a registered group has not read it. Thread-safe.
class EmbeddedRetention {
 public:
  EmbeddedRetention(EmbeddedCore& core, EmbeddedWriter& writer);

  // Applies the limits to every topic now.
  Status Enforce();
  // The same when it is due: by the interval, or because a topic is above its size. Called after
  // commits.
  Status EnforceIfDue();

  // kResourceExhausted when these topics take no events from outside at the moment.
  Status Admit(const std::vector<std::string>& topics);

 private:
  // What a partition may lose.
  struct Cut {
    EmbeddedPartition* partition = nullptr;
    embedded_format::Place place;  // the new start
    std::int64_t unread = 0;       // records of it that a group has not read
    std::string held_by;           // the group that keeps more from being removed
  };
  struct Reader {
    std::int64_t offset = 0;  // the smallest committed one
    std::string group;
  };

  Status EnforceTopic(const std::string& name, EmbeddedTopic& topic);
  Result<Cut> FindCut(const EmbeddedTopic& topic, EmbeddedPartition& partition,
                      std::uint64_t excess_bytes, std::uint64_t topic_bytes);
  std::optional<Reader> SlowestReader(const EmbeddedTopic& topic,
                                      const EmbeddedPartition& partition) const;
  Status Apply(const std::vector<Cut>& cuts);
  void SetBlocked(const std::string& name, EmbeddedTopic& topic, const std::vector<Cut>& cuts);
  Status AdmitByDisk();
  Status AdmitByTopic(const std::string& name);
  std::unexpected<Error> Refuse(std::string why);

  EmbeddedCore& core_;
  EmbeddedWriter& writer_;
  const std::function<std::int64_t(const std::string&)> free_bytes_;
  std::atomic<std::int64_t> next_enforce_us_{0};
  std::atomic<std::int64_t> next_disk_check_us_{0};
  std::atomic<std::int64_t> free_seen_{0};
};

}  // namespace tocsin
