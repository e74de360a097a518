#include "measure/workload.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/file.h"
#include "generate/generator.h"

namespace tocsin {

Result<Workload> Workload::Make(const std::string& directory, std::size_t events,
                                std::int64_t devices) {
  constexpr std::int64_t kStartUs = 1'735'689'600'123'456;  // 2025-01-01, with microseconds
  constexpr std::size_t kPadding = 64;
  GeneratorOptions options;
  options.devices = devices;
  options.seed = 1;
  options.start_us = kStartUs;
  options.interval_us = 1000;
  const auto generator = Generator::Make(options);

  Workload workload;
  workload.events_ = events;
  workload.path_ = directory + "/workload.tmp";
  TOCSIN_ASSIGN(const FileDescriptor file,
                OpenFile(workload.path_, O_RDWR | O_CREAT | O_TRUNC, 0600));
  std::string buffer;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < events; ++i) {
    buffer += generator->Next(std::nullopt).line;
    buffer += '\n';
    if (buffer.size() < (1u << 20) && i + 1 < events) continue;
    bytes += buffer.size();
    TOCSIN_TRY(WriteAll(file.get(), buffer, workload.path_));
    buffer.clear();
  }
  TOCSIN_TRY(WriteAll(file.get(), std::string(kPadding, '\0'), workload.path_));
  workload.mapped_bytes_ = bytes + kPadding;
  void* mapped =
      ::mmap(nullptr, workload.mapped_bytes_, PROT_READ, MAP_SHARED | MAP_POPULATE, file.get(), 0);
  if (mapped == MAP_FAILED) {
    return Fail(Code::kDiskError, "mmap " + workload.path_ + ": " + std::strerror(errno));
  }
  workload.lines_ = {static_cast<const char*>(mapped), bytes};
  return workload;
}

Workload::Workload(Workload&& other) noexcept
    : path_(std::exchange(other.path_, {})),
      lines_(std::exchange(other.lines_, {})),
      mapped_bytes_(std::exchange(other.mapped_bytes_, 0)),
      events_(other.events_) {}

Workload::~Workload() {
  if (mapped_bytes_ > 0) ::munmap(const_cast<char*>(lines_.data()), mapped_bytes_);
  if (!path_.empty()) ::unlink(path_.c_str());
}

}  // namespace tocsin
