#include "channels/post.h"

#include <algorithm>
#include <vector>

#include "base/json_text.h"
#include "channels/classify.h"
#include "template/message_template.h"

namespace tocsin {
namespace {

constexpr std::size_t kShownChars = 160;
constexpr std::size_t kShortestSecret = 4;

// What of a request a receiver could echo and nobody may read.
std::vector<std::string> SecretsOf(const HttpRequest& request) {
  std::vector<std::string> secrets = {request.bearer_token, request.basic_password};
  if (!request.basic_user.empty()) {
    secrets.push_back(Base64(request.basic_user + ":" + request.basic_password));
  }
  const std::size_t host = request.url.find("://");
  const std::size_t path = host == std::string::npos ? host : request.url.find('/', host + 3);
  if (path != std::string::npos) secrets.push_back(request.url.substr(path + 1));
  for (const auto& [name, value] : request.headers) {
    if (name == "Authorization") secrets.push_back(value.substr(value.find(' ') + 1));
  }
  std::erase_if(secrets, [](const std::string& text) { return text.size() < kShortestSecret; });
  return secrets;
}

}  // namespace

SendResult Post(HttpClient& client, HttpRequest request, const RenderedMessage& message,
                std::int64_t now_us, std::string* answer) {
  request.body = message.body;
  if (!message.content_type.empty()) {
    request.headers.emplace_back("Content-Type", message.content_type);
  }
  for (const auto& header : message.headers) {
    if (!header.first.starts_with(':')) request.headers.push_back(header);
  }
  const Result<HttpResponse> response = client.Send(request);
  SendResult result = ClassifyHttp(response, now_us);
  if (!response) return result;
  if (answer != nullptr) *answer = response->body;
  if (result.outcome == SendResult::Outcome::kDelivered || response->body.empty()) return result;
  const auto secrets = SecretsOf(request);
  const bool echoed = std::ranges::any_of(secrets, [&](const std::string& secret) {
    return response->body.find(secret) != std::string::npos;
  });
  if (echoed) return result;
  SendResult shown = MakeSendResult(
      result.outcome, result.status,
      result.message + ": " + CutText(EscapeText(response->body, Escape::kHeader), kShownChars));
  shown.retry_after_us = result.retry_after_us;
  return shown;
}

std::string PercentEncode(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out;
}

}  // namespace tocsin
