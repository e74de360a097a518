#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "log/log.h"

namespace tocsin {

// What is copied from one log into another.
struct MigrationPlan {
  struct Group {
    std::string from;  // its name on either side
    std::string to;
    std::string topic;
  };
  struct Store {
    std::string name;
    std::int32_t partitions = 0;             // made in the target for so many; 0 = as it comes
    std::vector<std::int32_t> with_content;  // those that are copied
  };
  std::vector<std::string> topics;
  TopicConfig config;         // of topics that are made; the partitions are the source's
  std::vector<Group> groups;  // of topics above
  std::vector<Store> stores;
};

struct MigrationReport {
  struct Topic {
    std::string name;
    std::int32_t partitions = 0;
    std::uint64_t records = 0;
    std::uint64_t hash = 0;  // XXH3 over keys, values and headers, in order, over all partitions
  };
  struct State {
    std::string store;
    std::uint64_t entries = 0;
    std::uint64_t hash = 0;  // over all entries, in any order
  };
  std::vector<Topic> topics;
  std::vector<State> states;
  std::uint64_t offsets = 0;  // places of groups
};

// Copies topics, places of groups and keyed state, then reads everything back out of the target and
// compares counts and hashes. Nobody else may use either log meanwhile.
//
// The target must hold no record in these topics, no place of these groups and no entry in these
// stores: otherwise kFailedPrecondition, and nothing is written. kDataLoss when what is read back
// is not what was copied; kCancelled when `stop` is requested: then the target holds a part and is
// of no use. Append times are the target's. Offsets change where the source begins after 0 or has
// gaps; places of groups are translated, what records say about offsets is not.
//
// `progress` gets the records copied so far. Memory: a few MiB, and one partition of a store.
Result<MigrationReport> Migrate(Log& from, Log& to, const MigrationPlan& plan,
                                const std::function<void(std::uint64_t records)>& progress,
                                std::stop_token stop);

}  // namespace tocsin
