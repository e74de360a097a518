#pragma once

#include <string>

#include "channels/channel.h"

namespace tocsin {

// One HTTP request of a channel and what its answer means. `answer`, when given, gets the body of
// an answer with a status. The result's message carries the beginning of a refusal's body, unless
// a credential of the request is in it.
SendResult Post(HttpClient& client, HttpRequest request, const RenderedMessage& message,
                std::int64_t now_us, std::string* answer = nullptr);

// Bytes outside of A-Z a-z 0-9 - . _ ~ as %XX.
std::string PercentEncode(std::string_view text);

}  // namespace tocsin
