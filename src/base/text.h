#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tocsin {

// The candidate nearest to `word` by edit distance when it is near enough to be a likely typing
// mistake (at most a third of its length, at least one), else empty.
std::string_view Nearest(std::string_view word, std::span<const std::string_view> candidates);

// The parts of "a, b,c" without the spaces around them; empty ones are left out.
std::vector<std::string> SplitList(std::string_view text);

// "1,234,567": for messages to people.
std::string Grouped(std::uint64_t number);

}  // namespace tocsin
