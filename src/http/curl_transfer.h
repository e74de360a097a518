#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "http/address_policy.h"
#include "http/http_client.h"
#include "http/url.h"

namespace tocsin {

// Where a transfer goes: the URL, the addresses its host was resolved to, every one checked, and
// the time it has.
struct TransferTarget {
  OutgoingUrl url;
  std::vector<IpAddress> addresses;
  const AddressPolicy* policy = nullptr;
  std::int64_t timeout_us = 0;
  std::int64_t connect_timeout_us = 0;
  std::size_t max_response_bytes = 0;
  std::string ca_file;  // "" = the system's
};

// libcurl: one transfer after another over a cache of connections. Knows no policy but the last
// line of it: a socket is opened only to an address that the policy allows.
//
// Threads: one at a time; Cancel from any.
class CurlTransfer {
 public:
  CurlTransfer();
  ~CurlTransfer();
  CurlTransfer(const CurlTransfer&) = delete;
  CurlTransfer& operator=(const CurlTransfer&) = delete;

  // kUnavailable naming scheme://host:port, kCancelled.
  Result<HttpResponse> Http(const HttpRequest& request, const TransferTarget& target);
  Result<HttpResponse> Mail(const MailRequest& request, const TransferTarget& target);
  void Cancel();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace tocsin
