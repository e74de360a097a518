#pragma once

#include <cstddef>
#include <string>
#include <string_view>

// Tables for people: cells of a fixed width in characters.
namespace tocsin {

// Columns of the terminal that standard output is; 0 when it is none, or does not tell.
std::size_t TerminalColumns();

// The text in one line (control characters become spaces), padded or cut with "…" to `width`
// characters; 0 = as it is.
std::string TableCell(std::string_view text, std::size_t width);

}  // namespace tocsin
