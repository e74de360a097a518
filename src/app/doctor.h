#pragma once

#include <functional>
#include <string>
#include <vector>

#include "app/session.h"

namespace tocsin {

enum class Health : std::uint8_t { kOk, kWarning, kProblem, kDamage };
std::string_view HealthName(Health health);  // "ok", "warning", "problem", "damage"

// The result of one check.
struct Finding {
  std::string check;  // "free disk"
  Health health = Health::kOk;
  std::string message;  // what was found and, if wrong, the remedy
};

// Checks the installation, the data directory, the free disk, who holds the log, the socket, and
// every checksum of the log. Reads only, except for the log's own recovery at open.
std::vector<Finding> CheckHealth(Session& session);

// Gives up what is damaged in the log and says what was lost.
std::vector<Finding> RepairLog(Session& session);

}  // namespace tocsin
