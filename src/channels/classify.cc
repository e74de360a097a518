#include "channels/classify.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <ctime>
#include <string>

#include "template/message_template.h"

namespace tocsin {
namespace {

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kYear = 365LL * 86'400 * kSecond;
constexpr std::size_t kMaxMessageBytes = 512;

// strptime(3) of the three forms: IMF-fixdate, RFC 850, asctime. All are UTC.
bool ParseHttpDate(const std::string& text, std::int64_t& seconds) {
  for (const char* format :
       {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"}) {
    std::tm parts{};
    const char* end = strptime(text.c_str(), format, &parts);
    if (end == nullptr || *end != '\0') continue;
    seconds = timegm(&parts);
    return true;
  }
  return false;
}

}  // namespace

std::int64_t ParseRetryAfter(std::string_view text, std::int64_t now_us) {
  if (text.empty() || text.size() > 64) return -1;
  std::int64_t seconds = 0;
  if (std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; })) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error != std::errc()) return kYear;
    return std::min(seconds, kYear / kSecond) * kSecond;
  }
  if (!ParseHttpDate(std::string(text), seconds)) return -1;
  return std::clamp<std::int64_t>(seconds * kSecond - now_us, 0, kYear);
}

SendResult MakeSendResult(SendResult::Outcome outcome, int status, std::string_view message) {
  SendResult result;
  result.outcome = outcome;
  result.status = status;
  std::string text = EscapeText(message, Escape::kHeader);
  for (std::size_t chars = kMaxMessageBytes; text.size() > kMaxMessageBytes; chars /= 2) {
    text = CutText(text, chars);
  }
  result.message = std::move(text);
  return result;
}

SendResult ClassifyHttp(const Result<HttpResponse>& answer, std::int64_t now_us) {
  using Outcome = SendResult::Outcome;
  if (!answer) {
    const Code code = answer.error().code();
    const bool dead = code == Code::kInvalidArgument || code == Code::kConfiguration;
    return MakeSendResult(dead ? Outcome::kDead : Outcome::kRetry, 0, answer.error().message());
  }
  const int status = answer->status;
  const std::string message = "HTTP " + std::to_string(status);
  if (status >= 200 && status < 300) return MakeSendResult(Outcome::kDelivered, status, message);
  if (status == 410) return MakeSendResult(Outcome::kDisabled, status, message);
  if (status == 408 || status == 425 || status == 429 || (status >= 500 && status < 600)) {
    SendResult result = MakeSendResult(Outcome::kRetry, status, message);
    result.retry_after_us = ParseRetryAfter(answer->retry_after, now_us);
    return result;
  }
  const bool redirect = status >= 300 && status < 400;
  return MakeSendResult(
      Outcome::kDead, status,
      redirect ? message + ": redirects are not followed; set the final URL" : message);
}

SendResult ClassifyMail(const Result<HttpResponse>& answer) {
  using Outcome = SendResult::Outcome;
  if (!answer) return ClassifyHttp(answer, 0);
  const int status = answer->status;
  const std::string message = "SMTP " + std::to_string(status);
  if (status >= 200 && status < 300) return MakeSendResult(Outcome::kDelivered, status, message);
  return MakeSendResult(status >= 500 && status < 600 ? Outcome::kDead : Outcome::kRetry, status,
                        message);
}

}  // namespace tocsin
