#include "server/response_head.h"

#include <ctime>

namespace tocsin {
namespace {

constexpr std::string_view kSecurityHeaders =
    "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src 'self' data:; font-src 'self'; manifest-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'\r\n"
    "x-content-type-options: nosniff\r\n"
    "referrer-policy: no-referrer\r\n"
    "cross-origin-opener-policy: same-origin\r\n"
    "cross-origin-resource-policy: same-origin\r\n";

std::string DateText() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[40];
  const std::size_t size = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return {text, size};
}

}  // namespace

std::string ResponseHead(const ServerResponse& response, std::size_t body_bytes, bool keep_alive,
                         bool encrypted) {
  std::string head = "HTTP/1.1 " + std::to_string(response.status) + " ";
  head.append(StatusName(response.status)).append("\r\ndate: ").append(DateText()).append("\r\n");
  head.append(kSecurityHeaders);
  if (encrypted) head += "strict-transport-security: max-age=31536000\r\n";
  if (response.live) {
    head += "x-accel-buffering: no\r\n";
  } else if (response.status != 204 && response.status != 304) {
    head += "content-length: " + std::to_string(body_bytes) + "\r\n";
  }
  if (response.status != 204 && response.status != 304) {
    head += "content-type: " + response.content_type + "\r\n";
  }
  bool cached = false;
  for (const auto& [name, value] : response.headers) {
    cached = cached || name == "cache-control";
    head.append(name).append(": ").append(value).append("\r\n");
  }
  if (!cached) head += "cache-control: no-store\r\n";
  head += keep_alive ? "connection: keep-alive\r\n\r\n" : "connection: close\r\n\r\n";
  return head;
}

}  // namespace tocsin
