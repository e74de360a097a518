#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "expression/expression.h"

namespace tocsin {

// Lines of a text; places in it to offsets and back.
class FileLines {
 public:
  // `text` must outlive it.
  explicit FileLines(std::string_view text);

  std::string_view text() const { return text_; }
  std::size_t OffsetOf(SourcePlace place) const;  // at most the size of the text
  SourcePlace PlaceAt(std::size_t offset) const;

  // Where each byte of a YAML scalar's value stands in the file: plain, quoted and block scalars,
  // over line ends and escapes. `start` is the scalar's place (of its anchor or tag, if any). What
  // cannot be found has the place of what stands before it.
  PlaceOf PlacesOfScalar(SourcePlace start, std::string_view value) const;

 private:
  std::string_view text_;
  std::vector<std::size_t> starts_;
};

}  // namespace tocsin
