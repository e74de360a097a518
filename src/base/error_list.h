#pragma once

#include <string>

#include "base/error.h"

namespace tocsin {

// Errors of things that do not depend on each other, so that all are told at once.
class ErrorList {
 public:
  void Add(const Error& error) {
    if (text_.empty()) code_ = error.code();
    if (!text_.empty()) text_ += '\n';
    text_ += error.message();
  }
  // Takes the error of a result that is one.
  template <class T>
  void Check(const Result<T>& result) {
    if (!result) Add(result.error());
  }
  bool empty() const { return text_.empty(); }
  // The code of the first; the message of each begins a line.
  Status Finish() const {
    if (empty()) return {};
    return Fail(code_, text_);
  }

 private:
  Code code_ = Code::kInternal;
  std::string text_;
};

}  // namespace tocsin
