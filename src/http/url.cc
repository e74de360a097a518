#include "http/url.h"

#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <memory>

namespace tocsin {
namespace {

struct CloseUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};

std::string Part(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return {};
  std::string result(text);
  curl_free(text);
  return result;
}

bool PlainHost(const std::string& host) {
  return !host.empty() && host.size() <= 255 && std::ranges::all_of(host, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
           c == ':';
  });
}

}  // namespace

std::string OutgoingUrl::Name() const {
  const bool v6 = host.find(':') != std::string::npos;
  return scheme + "://" + (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<OutgoingUrl> ParseOutgoingUrl(const std::string& text) {
  // The text may be a secret: no message repeats it.
  if (std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) <= ' '; })) {
    return Fail(Code::kInvalidArgument, "the URL contains spaces or control characters");
  }
  const std::unique_ptr<CURLU, CloseUrl> url(curl_url());
  if (curl_url_set(url.get(), CURLUPART_URL, text.c_str(), CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK) {
    return Fail(Code::kInvalidArgument,
                "the URL cannot be read: it must be absolute, like https://host/path");
  }
  OutgoingUrl parsed;
  parsed.scheme = Part(url.get(), CURLUPART_SCHEME);
  if (parsed.scheme != "https" && parsed.scheme != "http" && !parsed.mail()) {
    return Fail(Code::kInvalidArgument,
                "the URL's scheme '" + parsed.scheme + "' is not one of https, http, smtps, smtp");
  }
  if (!Part(url.get(), CURLUPART_USER).empty() || !Part(url.get(), CURLUPART_PASSWORD).empty()) {
    return Fail(Code::kInvalidArgument,
                "the URL contains a user or password: give them by their own options");
  }
  parsed.host = Part(url.get(), CURLUPART_HOST);
  std::ranges::transform(parsed.host, parsed.host.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  if (parsed.host.starts_with('[') && parsed.host.ends_with(']')) {
    parsed.host = parsed.host.substr(1, parsed.host.size() - 2);
  }
  if (!PlainHost(parsed.host) || !Part(url.get(), CURLUPART_ZONEID).empty()) {
    return Fail(Code::kInvalidArgument,
                "the URL's host must be a plain ASCII name or address (punycode for others, no "
                "zone)");
  }
  const std::string port = Part(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
  std::from_chars(port.data(), port.data() + port.size(), parsed.port);
  if (parsed.port == 0) return Fail(Code::kInvalidArgument, "the URL's port must be 1 to 65535");
  parsed.text = Part(url.get(), CURLUPART_URL);
  return parsed;
}

}  // namespace tocsin
