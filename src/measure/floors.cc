#include "measure/floors.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/clock.h"
#include "base/file.h"

namespace tocsin {
namespace {

constexpr int kRounds = 5;

// Least CPU time of `kRounds` runs of `body`, in nanoseconds per event.
template <class Body>
double BestNsPerEvent(std::size_t events, const Body& body) {
  double best = 1e30;
  for (int round = 0; round < kRounds; ++round) {
    const double start = ThreadCpuSeconds();
    body();
    best = std::min(best, ThreadCpuSeconds() - start);
  }
  return best * 1e9 / static_cast<double>(events);
}

}  // namespace

std::vector<Measurement> MemoryFloors(std::string_view lines, std::size_t events) {
  std::string copy(lines.size(), '\0');
  volatile char sink = 0;
  const double memcpy_ns = BestNsPerEvent(events, [&] {
    std::memcpy(copy.data(), lines.data(), lines.size());
    sink = copy[lines.size() / 2];
  });
  volatile std::size_t counted = 0;
  const double scan_ns = BestNsPerEvent(events, [&] {
    std::size_t count = 0;
    const char* at = lines.data();
    const char* end = at + lines.size();
    while ((at = static_cast<const char*>(
                std::memchr(at, '\n', static_cast<std::size_t>(end - at)))) != nullptr) {
      ++count;
      ++at;
    }
    counted = count;
  });
  return {{"floor.memcpy", memcpy_ns, "ns/event", "memcpy of the event lines", ""},
          {"floor.newline_scan", scan_ns, "ns/event", "memchr for every line end", ""}};
}

Result<std::vector<Measurement>> SyncFloors(const std::string& directory, std::size_t block_bytes) {
  constexpr int kWrites = 200;
  const std::string path = directory + "/sync_floor.tmp";
  TOCSIN_ASSIGN(const FileDescriptor file, OpenFile(path, O_WRONLY | O_CREAT | O_TRUNC));
  const std::string block(block_bytes, 'x');
  const SystemClock clock;
  std::vector<double> times_us;
  for (int i = 0; i < kWrites; ++i) {
    const std::int64_t start = clock.SteadyUs();
    TOCSIN_TRY(WriteAll(file.get(), block, path));
    if (::fdatasync(file.get()) != 0) return Fail(Code::kDiskError, "fdatasync " + path);
    times_us.push_back(static_cast<double>(clock.SteadyUs() - start));
  }
  ::unlink(path.c_str());
  const std::string size = std::to_string(block_bytes / 1024) + "KiB";
  return std::vector<Measurement>{
      {"floor.write_fdatasync_" + size + "_p50", Quantile(times_us, 0.5), "us",
       "write + fdatasync of " + size + " at the end of a growing file, median", ""},
      {"floor.write_fdatasync_" + size + "_p99", Quantile(times_us, 0.99), "us",
       "the same, 99th percentile", ""}};
}

}  // namespace tocsin
