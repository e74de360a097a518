#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace tocsin {

// Which addresses outgoing requests may reach. Secure by default.
struct OutgoingPolicy {
  bool allow_http = false;                    // plain http:// and smtp without TLS
  std::vector<std::string> allowed_networks;  // CIDR blocks of private addresses that are allowed
  std::string ca_file;                        // instead of the system's
  std::int64_t timeout_us = 15'000'000;       // whole request
  std::int64_t connect_timeout_us = 5'000'000;
  std::size_t max_response_bytes = 64 * 1024;
};

struct HttpRequest {
  std::string method = "POST";
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;  // CR, LF and NUL refused
  std::string body;
  std::string basic_user, basic_password;  // "" = none
  std::string bearer_token;
  bool insecure_skip_verify = false;  // warned of at every start
  std::string ca_file, cert_file, key_file;
};

struct HttpResponse {
  int status = 0;
  std::string body;         // cut at max_response_bytes
  std::string retry_after;  // the header as it came, "" = none
  std::string address;      // that was connected to
};

struct MailRequest {
  std::string url;  // smtp://host:port (STARTTLS required unless allow_http) or smtps://host:port
  std::string user, password;
  std::string from;
  std::vector<std::string> to;
  std::string message;  // the whole RFC 5322 message
  bool require_tls = true;
  std::string ca_file;
  bool insecure_skip_verify = false;
};

// Blocking HTTP and SMTP by libcurl, one connection cache each. The address is resolved once,
// every address of the name is checked against the policy, and the checked one is connected to (no
// DNS rebinding). No redirects, no proxies from the environment.
//
// Errors: kInvalidArgument (bad URL, scheme or header; address not allowed: can never succeed until
// the configuration changes), kUnavailable (name not resolved, connection, TLS, timeout, reset),
// kCancelled. A status code is no error. Messages name scheme, host and port, never path, query,
// user or body: URLs carry secrets.
//
// Threads: one at a time; Cancel() from any.
class HttpClient {
 public:
  explicit HttpClient(OutgoingPolicy policy);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  Result<HttpResponse> Send(const HttpRequest& request);
  // The final SMTP reply code is the status (250; 4xx and 5xx too are a response).
  Result<HttpResponse> Mail(const MailRequest& request);
  // Ends the request under way and all later ones with kCancelled.
  void Cancel();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

// kInvalidArgument naming what is wrong for a URL that the policy can never allow (scheme, no
// host, a literal private address). For checks at start.
Status CheckUrl(const std::string& url, const OutgoingPolicy& policy);

// A plain address of mail as MailRequest takes it: name@host, ASCII, no spaces, at most 254 bytes.
bool IsMailbox(std::string_view text);

}  // namespace tocsin
