#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

namespace tocsin {

// A regular expression of a template (RE2, as Go's). Immutable.
class TextPattern {
 public:
  // kInvalidArgument naming the pattern and what is wrong with it.
  static Result<std::shared_ptr<const TextPattern>> Compile(std::string_view pattern);

  bool Matches(std::string_view text) const;  // anywhere in it
  // Every match replaced; $1, ${1}, $name and ${name} are groups of the match, $$ a dollar sign.
  // A group that there is not is empty, as in Go.
  std::string ReplaceAll(std::string_view text, std::string_view replacement) const;

 private:
  struct Parts;
  std::shared_ptr<const Parts> parts_;
};

}  // namespace tocsin
