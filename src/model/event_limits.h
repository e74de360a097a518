#pragma once

#include <cstddef>

namespace tocsin {

// What a record may be at most; beyond is `too_large`.
struct EventLimits {
  std::size_t max_bytes = 64UL * 1024;  // of one record
  std::size_t max_depth = 16;           // nested objects and arrays, the event itself included
  std::size_t max_fields = 64;          // members of the event object
};

}  // namespace tocsin
