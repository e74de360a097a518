#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "route/alert_group.h"
#include "route/notifier.h"

namespace tocsin {

// Many alerts as one notification: counts, the most frequent rules and devices, and the most
// severe alerts. Bounded: kMaxAlerts records and kMaxNames names of each sort; beyond those the
// counts of names are lower bounds (Misra and Gries, "Finding repeated elements", 1982).
class Digest {
 public:
  static constexpr std::size_t kMaxNames = 1000;
  static constexpr std::size_t kTop = 10;

  void Add(const HeldAlert& alert, bool firing);
  bool empty() const { return firing_ + resolved_ == 0; }
  // Fills the alerts, counts and names of `out` and forgets them.
  void MoveTo(Notification& out);

  void Encode(std::string& out) const;
  // The position after what it read; nullptr when it cannot be read.
  const char* Decode(const char* at, const char* end);

 private:
  struct Sample {
    bool firing;
    int rank;
    std::int64_t starts_at_us;
    std::string fingerprint;
    std::string json;
    std::tuple<bool, int, std::int64_t, std::string_view> Order() const {
      return {!firing, -rank, starts_at_us, fingerprint};
    }
  };
  using Counts = std::map<std::string, std::uint64_t>;

  static void Count(Counts& counts, const std::string& name);
  static std::vector<std::pair<std::string, std::uint64_t>> Top(const Counts& counts);

  std::uint64_t firing_ = 0;
  std::uint64_t resolved_ = 0;
  Counts rules_;
  Counts devices_;
  std::vector<Sample> samples_;  // in order
};

}  // namespace tocsin
