#include "web_api/query.h"

#include <charconv>

#include "base/time_text.h"

namespace tocsin {
namespace {

std::unexpected<Error> Wrong(std::string_view name, std::string_view value,
                             const std::string& allowed) {
  return Fail(Code::kInvalidArgument,
              std::string(name) + "='" + std::string(value.substr(0, 80)) + "': " + allowed);
}

template <class Number>
bool ReadNumber(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

Result<std::size_t> NumberParameter(const ServerRequest& request, std::string_view name,
                                    std::size_t low, std::size_t high, std::size_t otherwise) {
  const auto text = request.Parameter(name);
  if (!text) return otherwise;
  std::size_t number = 0;
  if (!ReadNumber(*text, number) || number < low || number > high) {
    return Wrong(name, *text,
                 "a whole number from " + std::to_string(low) + " to " + std::to_string(high));
  }
  return number;
}

Result<std::int64_t> TimeParameter(const ServerRequest& request, std::string_view name,
                                   std::int64_t otherwise) {
  const auto text = request.Parameter(name);
  if (!text) return otherwise;
  constexpr std::int64_t kFarthestMs = 253'402'300'800'000;  // the year 10000
  std::int64_t ms = 0;
  if (ReadNumber(*text, ms) && ms >= -kFarthestMs && ms <= kFarthestMs) return ms * 1000;
  const auto time_us = ParseTime(*text);
  if (!time_us) return Wrong(name, *text, "Unix milliseconds, or a time like 2025-01-01T00:00:00Z");
  return *time_us;
}

Result<std::size_t> ChoiceParameter(const ServerRequest& request, std::string_view name,
                                    std::string_view choices) {
  const auto text = request.Parameter(name);
  if (!text) return 0U;
  std::string_view rest = choices;
  for (std::size_t i = 0; !rest.empty(); ++i) {
    const std::size_t end = std::min(rest.find(' '), rest.size());
    if (rest.substr(0, end) == *text) return i;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return Wrong(name, *text, "one of " + std::string(choices));
}

std::string TextParameter(const ServerRequest& request, std::string_view name) {
  return std::string(request.Parameter(name).value_or(""));
}

ServerResponse ProblemOf(const Error& error) {
  int status = 500;
  switch (error.code()) {
    case Code::kInvalidArgument:
    case Code::kUsage:
      status = 400;
      break;
    case Code::kNotFound:
      status = 404;
      break;
    case Code::kFailedPrecondition:
      status = 409;
      break;
    case Code::kResourceExhausted:
      status = 429;
      break;
    case Code::kUnavailable:
    case Code::kFenced:
    case Code::kCancelled:
      status = 503;
      break;
    case Code::kDataLoss:
    case Code::kDiskError:
    case Code::kConfiguration:
    case Code::kInternal:
      break;
  }
  ServerResponse response = Problem(status, error.message());
  if (status == 429 || status == 503) response.headers.emplace_back("retry-after", "1");
  return response;
}

}  // namespace tocsin
