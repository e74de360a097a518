#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"

namespace tocsin {

// The parts of an outgoing URL, as libcurl itself reads it: whatever is checked here is what is
// connected to.
struct OutgoingUrl {
  std::string scheme;  // https, http, smtp, smtps
  std::string host;    // lower case, no brackets
  std::uint16_t port = 0;
  std::string text;  // normalised

  bool encrypted() const { return scheme == "https" || scheme == "smtps"; }
  bool mail() const { return scheme == "smtp" || scheme == "smtps"; }
  // scheme://host:port: all that messages may show, for paths and queries carry secrets.
  std::string Name() const;
};

// kInvalidArgument for text that is no absolute URL, another scheme, user information, a host that
// is not plain ASCII (write it in punycode) or carries a zone, control characters.
Result<OutgoingUrl> ParseOutgoingUrl(const std::string& text);

}  // namespace tocsin
