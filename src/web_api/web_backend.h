#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "process/process_stage.h"

namespace tocsin {

// What the API asks of the program around it. All of these are called from any worker thread and
// may block.
struct WebBackend {
  // Requests to the delivery desk by the names of the local API ("deliveries.list"), argument and
  // answer as JSON. Empty: no channel is configured.
  std::function<Result<std::string>(std::string_view name, std::string_view argument)> desk;

  struct DeadLetterQuery {
    std::string reason;  // "" = all
    std::string before;  // `next` of the page before; "" = from the newest on
    std::size_t limit = 50;
  };
  // `"letters":[…],"next":…`, members of the answer.
  std::function<Result<std::string>(const DeadLetterQuery& query)> dead_letters;
  // The report as a JSON object.
  std::function<Result<std::string>(const std::string& reason)> replay;

  struct Totals {
    ProcessCounts counts;
    std::int64_t lag = 0;
    std::optional<std::uint64_t> generated;
    std::int64_t unaccounted = 0;
  };
  // Of the stream processor of this process; nothing where none runs.
  std::function<std::optional<Totals>()> totals;
  std::string version;
  bool demo = false;
};

}  // namespace tocsin
