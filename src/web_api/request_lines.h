#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"

// The body of a request as lines of readings.
namespace tocsin {

// The body without its Content-Encoding ("", identity, gzip, zstd), followed by `padding` further
// bytes that are no part of it. kUsage for another encoding, kInvalidArgument for a damaged body,
// kResourceExhausted for more than `max_bytes`.
Result<std::string> DecodeBody(std::string_view body, std::string_view encoding,
                               std::size_t max_bytes, std::size_t padding);

// Calls `visit` for each reading in order with its number from 1 on: the elements of an array, the
// one object that is the whole body, else each line (blank ones, too, as ""). Line ends inside of
// an element become spaces, in place. kInvalidArgument for an array that does not end or has
// something behind it: nothing has been visited then.
//
// `lines_only`: the body is lines whatever it looks like.
using VisitReading = std::function<void(std::string_view reading, std::size_t number)>;
Status ForEachReading(std::string& body, std::size_t size, bool lines_only,
                      const VisitReading& visit);

}  // namespace tocsin
