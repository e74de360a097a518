#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "server/http_message.h"

// Query parameters as values. Each: kInvalidArgument "name='value': what is allowed".
namespace tocsin {

Result<std::size_t> NumberParameter(const ServerRequest& request, std::string_view name,
                                    std::size_t low, std::size_t high, std::size_t otherwise);
// Unix milliseconds or RFC 3339, as microseconds.
Result<std::int64_t> TimeParameter(const ServerRequest& request, std::string_view name,
                                   std::int64_t otherwise);
// The place among `choices` (separated by one space) of the value; 0 when it is absent.
Result<std::size_t> ChoiceParameter(const ServerRequest& request, std::string_view name,
                                    std::string_view choices);
std::string TextParameter(const ServerRequest& request, std::string_view name);

// The answer that says so: 400, 404, 409, 429, 503 … by the code; 500 otherwise.
ServerResponse ProblemOf(const Error& error);

}  // namespace tocsin
