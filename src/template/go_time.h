#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tocsin {

// The time in UTC by a layout of Go's package time, which is the reference time
// Mon Jan 2 15:04:05 MST 2006 as one would write it: "2006-01-02 15:04:05.000 MST",
// "Jan _2 3:04PM". What is no part of the reference time stands for itself. "" for time 0.
std::string FormatGoTime(std::int64_t time_us, std::string_view layout);

}  // namespace tocsin
