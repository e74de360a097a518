#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/bytes.h"

namespace tocsin {

// Reads the fields of base/bytes.h one after the other. After the first that is not there all are
// 0 or empty, and good() says so. What it gives points into the bytes. Threads: none but the
// owner's.
class FieldReader {
 public:
  explicit FieldReader(std::string_view bytes) : at_(bytes.data()), end_(at_ + bytes.size()) {}

  std::uint64_t Number() {
    std::uint64_t number = 0;
    if (at_ != nullptr) at_ = ReadVarint(at_, end_, number);
    return at_ == nullptr ? 0 : number;
  }
  template <class T>
  T Fixed() {
    if (at_ == nullptr || static_cast<std::size_t>(end_ - at_) < sizeof(T)) {
      at_ = nullptr;
      return T{};
    }
    const T value = GetFixed<T>(at_);
    at_ += sizeof(T);
    return value;
  }
  std::string_view Bytes() {
    std::string_view bytes;
    if (at_ != nullptr) at_ = ReadBytes(at_, end_, bytes);
    return at_ == nullptr ? std::string_view() : bytes;
  }
  bool good() const { return at_ != nullptr; }
  // All were there, and nothing follows.
  bool at_end() const { return good() && at_ == end_; }

 private:
  const char* at_;  // nullptr once a field was not there
  const char* const end_;
};

}  // namespace tocsin
