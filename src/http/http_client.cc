#include "http/http_client.h"

#include <algorithm>
#include <chrono>
#include <string_view>

#include "http/address_policy.h"
#include "http/curl_transfer.h"
#include "http/host_lookup.h"
#include "http/url.h"

namespace tocsin {
namespace {

constexpr std::size_t kMaxHeaderValue = 8 * 1024;
constexpr std::size_t kMaxMailbox = 254;  // RFC 5321, 4.5.3.1.3

bool IsToken(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

bool HasLineEnd(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
}

Status CheckHeaders(const HttpRequest& request) {
  if (!IsToken(request.method)) {
    return Fail(Code::kInvalidArgument, "the HTTP method is no token");
  }
  for (const auto& [name, value] : request.headers) {
    if (!IsToken(name)) {
      return Fail(Code::kInvalidArgument, "a header name is no token: letters, digits and '-' are");
    }
    if (HasLineEnd(value) || value.size() > kMaxHeaderValue) {
      return Fail(Code::kInvalidArgument,
                  "header " + name + " has a line end in its value or is above 8 KiB");
    }
  }
  for (const std::string* text :
       {&request.bearer_token, &request.basic_user, &request.basic_password}) {
    if (HasLineEnd(*text)) {
      return Fail(Code::kInvalidArgument, "a credential contains a line end");
    }
  }
  if (request.basic_user.find(':') != std::string::npos) {
    return Fail(Code::kInvalidArgument, "the user name of basic authentication contains a ':'");
  }
  return {};
}

Status CheckMail(const MailRequest& request) {
  if (!IsMailbox(request.from)) {
    return Fail(Code::kInvalidArgument,
                "the sender is no plain address: write it as name@example.com");
  }
  if (request.to.empty()) return Fail(Code::kInvalidArgument, "the mail has no recipient");
  for (const std::string& to : request.to) {
    if (!IsMailbox(to)) {
      return Fail(Code::kInvalidArgument,
                  "a recipient is no plain address: write it as name@example.com");
    }
  }
  if (HasLineEnd(request.user) || HasLineEnd(request.password)) {
    return Fail(Code::kInvalidArgument, "a credential contains a line end");
  }
  return {};
}

Status CheckScheme(const OutgoingUrl& url, bool mail, const OutgoingPolicy& policy) {
  if (url.mail() != mail) {
    return Fail(Code::kInvalidArgument, url.Name() + ": " +
                                            (mail ? "mail goes to smtp:// or smtps://"
                                                  : "an HTTP request goes to https://"));
  }
  if (!mail && !url.encrypted() && !policy.allow_http) {
    return Fail(Code::kInvalidArgument,
                url.Name() + ": http:// is not allowed; use https://, or set ALERT_ALLOW_HTTP");
  }
  return {};
}

Status CheckAddress(const OutgoingUrl& url, const IpAddress& address, const AddressPolicy& policy) {
  if (policy.Allows(address)) return {};
  return Fail(Code::kInvalidArgument,
              url.Name() + ": its address " + address.ToText() +
                  " is not public; add its network to ALERT_ALLOW_NETWORKS to allow it");
}

}  // namespace

bool IsMailbox(std::string_view text) {
  const std::size_t at = text.rfind('@');
  return at != std::string_view::npos && at > 0 && at + 1 < text.size() &&
         text.size() <= kMaxMailbox && std::ranges::all_of(text, [](char c) {
           return c > ' ' && c < 0x7f && c != '<' && c != '>' && c != ',';
         });
}

struct HttpClient::Parts {
  OutgoingPolicy policy;
  Result<AddressPolicy> addresses;
  HostLookup lookup;
  CurlTransfer transfer;

  explicit Parts(OutgoingPolicy chosen)
      : policy(std::move(chosen)), addresses(AddressPolicy::Make(policy.allowed_networks)) {}

  Result<TransferTarget> Target(const std::string& text, bool mail);
};

Result<TransferTarget> HttpClient::Parts::Target(const std::string& text, bool mail) {
  const auto begin = std::chrono::steady_clock::now();
  if (!addresses) return std::unexpected(addresses.error());
  TransferTarget target;
  TOCSIN_ASSIGN(target.url, ParseOutgoingUrl(text));
  TOCSIN_TRY(CheckScheme(target.url, mail, policy));
  const std::int64_t limit = std::min(policy.timeout_us, policy.connect_timeout_us);
  auto found = lookup.Find(target.url.host, limit);
  if (!found) {
    const bool cancelled = found.error().code() == Code::kCancelled;
    return std::unexpected(cancelled ? std::move(found).error()
                                     : std::move(found).error().WithContext(target.url.Name()));
  }
  for (const IpAddress& address : *found) {
    TOCSIN_TRY(CheckAddress(target.url, address, *addresses));
  }
  target.addresses = std::move(*found);
  target.policy = &*addresses;
  const auto spent = std::chrono::duration_cast<std::chrono::microseconds>(
                         std::chrono::steady_clock::now() - begin)
                         .count();
  target.timeout_us = policy.timeout_us - spent;
  target.connect_timeout_us = std::min(limit, target.timeout_us);
  target.max_response_bytes = policy.max_response_bytes;
  target.ca_file = policy.ca_file;
  return target;
}

HttpClient::HttpClient(OutgoingPolicy policy)
    : parts_(std::make_unique<Parts>(std::move(policy))) {}
HttpClient::~HttpClient() = default;

Result<HttpResponse> HttpClient::Send(const HttpRequest& request) {
  TOCSIN_TRY(CheckHeaders(request));
  TOCSIN_ASSIGN(const TransferTarget target, parts_->Target(request.url, false));
  return parts_->transfer.Http(request, target);
}

Result<HttpResponse> HttpClient::Mail(const MailRequest& request) {
  TOCSIN_TRY(CheckMail(request));
  if (!request.require_tls && !parts_->policy.allow_http) {
    return Fail(Code::kInvalidArgument,
                "mail without TLS is not allowed; set require_tls, or ALERT_ALLOW_HTTP");
  }
  TOCSIN_ASSIGN(const TransferTarget target, parts_->Target(request.url, true));
  return parts_->transfer.Mail(request, target);
}

void HttpClient::Cancel() {
  parts_->lookup.Cancel();
  parts_->transfer.Cancel();
}

Status CheckUrl(const std::string& url, const OutgoingPolicy& policy) {
  TOCSIN_ASSIGN(const AddressPolicy addresses, AddressPolicy::Make(policy.allowed_networks));
  TOCSIN_ASSIGN(const OutgoingUrl parsed, ParseOutgoingUrl(url));
  TOCSIN_TRY(CheckScheme(parsed, parsed.mail(), policy));
  if (const auto literal = IpAddress::Parse(parsed.host)) {
    return CheckAddress(parsed, *literal, addresses);
  }
  return {};
}

}  // namespace tocsin
