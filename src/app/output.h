#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace tocsin {

// Standard output: where results go, and nothing else. Buffered. Threads: one at a time.
class Output {
 public:
  ~Output() { (void)Flush(); }

  void Write(std::string_view text);
  void Line(std::string_view text);
  // kDiskError when the output cannot be written (a full disk), naming it. A reader that has gone
  // away is no error: closed() is true then and everything further is dropped.
  Status Flush();
  // True when writing on is of no use.
  bool closed() const { return closed_; }

 private:
  std::string buffer_;
  bool closed_ = false;
  Status status_;
};

}  // namespace tocsin
