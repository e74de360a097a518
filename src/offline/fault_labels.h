#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace tocsin {

// One stretch of a device's readings that is known to be faulty.
struct FaultLabel {
  std::string device_id;
  std::string fault;   // "spike", "stuck", …: any word
  std::string metric;  // "" when the label names none
  std::int64_t start_us = 0;
  std::int64_t end_us = 0;  // not before start_us
};

// The ground truth that `generate --labels-out` writes, or labels of others in the same form.
class FaultLabels {
 public:
  FaultLabels() = default;
  explicit FaultLabels(std::vector<FaultLabel> labels);

  // JSON lines {"device_id","fault","metric","start","end"}; `metric` may be null or missing, other
  // members are passed over, blank lines too. kNotFound for a missing file, kInvalidArgument naming
  // path, line and member.
  static Result<FaultLabels> Read(const std::string& path);
  static Result<FaultLabels> Parse(std::string_view text, const std::string& path);

  const std::vector<FaultLabel>& all() const { return labels_; }
  // Positions in all() of the device's labels that overlap [first_us, last_us] when each is
  // prolonged by `grace_us`; ascending by start.
  std::vector<std::uint32_t> Overlapping(std::string_view device_id, std::int64_t first_us,
                                         std::int64_t last_us, std::int64_t grace_us) const;

 private:
  struct Entry {
    std::uint32_t label;
    std::int64_t latest_end_us;  // of this entry and those before it
  };
  std::vector<FaultLabel> labels_;
  std::map<std::string, std::vector<Entry>, std::less<>> by_device_;  // ascending by start
};

}  // namespace tocsin
