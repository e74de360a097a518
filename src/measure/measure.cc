#include "measure/measure.h"

#include <filesystem>
#include <iterator>
#include <utility>

#include "base/file.h"
#include "measure/floors.h"
#include "measure/paths.h"
#include "measure/workload.h"

namespace tocsin {
namespace {

void Take(std::vector<Measurement>& all, std::vector<Measurement> some) {
  all.insert(all.end(), std::make_move_iterator(some.begin()), std::make_move_iterator(some.end()));
}

Result<std::vector<Measurement>> RunIn(const Settings& settings, const BenchmarkOptions& options) {
  std::vector<Measurement> all;
  TOCSIN_ASSIGN(auto small_floor, SyncFloors(options.directory, 4 << 10));
  Take(all, std::move(small_floor));
  TOCSIN_ASSIGN(auto large_floor, SyncFloors(options.directory, 256 << 10));
  Take(all, std::move(large_floor));
  {
    TOCSIN_ASSIGN(const Workload workload,
                  Workload::Make(options.directory, options.events, options.devices));
    Take(all, MemoryFloors(workload.lines(), workload.events()));
    Take(all, MeasureCore(settings, workload));
    TOCSIN_ASSIGN(auto embedded, MeasureEmbedded(settings, options, workload));
    Take(all, std::move(embedded));
  }
  TOCSIN_ASSIGN(auto latency, MeasureAlertLatency(settings, options));
  Take(all, std::move(latency));
  return all;
}

}  // namespace

Result<std::vector<Measurement>> RunBenchmarks(const Settings& settings,
                                               const BenchmarkOptions& options) {
  if (std::filesystem::exists(options.directory)) {
    return Fail(Code::kInvalidArgument,
                "benchmark directory " + options.directory +
                    " exists already; name one that the run may make and remove");
  }
  TOCSIN_TRY(MakeDirectories(options.directory));
  auto result = RunIn(settings, options);
  std::error_code ignored;
  std::filesystem::remove_all(options.directory, ignored);
  return result;
}

}  // namespace tocsin
