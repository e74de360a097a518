#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace tocsin {

// A file of generated events, mapped into memory: input that costs the measured process no
// anonymous memory and no generation time. Removed with the object.
class Workload {
 public:
  // Writes `events` lines of `devices` devices, about 123 bytes each, event times 1 ms apart.
  static Result<Workload> Make(const std::string& directory, std::size_t events,
                               std::int64_t devices);
  ~Workload();
  Workload(Workload&& other) noexcept;
  Workload& operator=(Workload&&) = delete;

  std::string_view lines() const { return lines_; }  // at least 64 readable bytes follow
  std::size_t events() const { return events_; }

 private:
  Workload() = default;
  std::string path_;
  std::string_view lines_;
  std::size_t mapped_bytes_ = 0;
  std::size_t events_ = 0;
};

}  // namespace tocsin
