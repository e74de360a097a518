#pragma once

#include <cstdint>
#include <string_view>

#include "channels/channel.h"

namespace tocsin {

// Retry-After of RFC 9110, 10.2.3: seconds, or a date in any of the three forms of HTTP dates.
// Microseconds from now, at most a year; -1 for anything else. A date that is past is 0.
std::int64_t ParseRetryAfter(std::string_view text, std::int64_t now_us);

// What an answer means: 2xx delivered; 408, 425, 429, 5xx and an error of the transport retry; 410
// disables; everything else, redirects too, is dead.
SendResult ClassifyHttp(const Result<HttpResponse>& answer, std::int64_t now_us);
// SMTP: 2xx delivered, 4xx retry, 5xx dead.
SendResult ClassifyMail(const Result<HttpResponse>& answer);

SendResult MakeSendResult(SendResult::Outcome outcome, int status, std::string_view message);

}  // namespace tocsin
