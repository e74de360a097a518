#include "measure/measurement.h"

#include <time.h>

#include <algorithm>
#include <charconv>

#include "base/file.h"

namespace tocsin {
namespace {

double CpuSeconds(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

}  // namespace

double ThreadCpuSeconds() {
  return CpuSeconds(CLOCK_THREAD_CPUTIME_ID);
}
double ProcessCpuSeconds() {
  return CpuSeconds(CLOCK_PROCESS_CPUTIME_ID);
}

std::int64_t AnonymousMemoryBytes() {
  const auto status = ReadWholeFile("/proc/self/status");
  if (!status) return 0;
  const std::size_t at = status->find("RssAnon:");
  if (at == std::string::npos) return 0;
  const std::size_t digits = status->find_first_of("0123456789", at);
  std::int64_t kib = 0;
  std::from_chars(status->data() + digits, status->data() + status->size(), kib);
  return kib * 1024;
}

double Quantile(std::vector<double>& values, double quantile) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const double position = quantile * static_cast<double>(values.size() - 1);
  return values[static_cast<std::size_t>(position + 0.5)];
}

}  // namespace tocsin
