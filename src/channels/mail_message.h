#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

// A mail as text: RFC 5322 with MIME (2045 to 2047). No value can begin another header.
namespace tocsin {

struct MailAddress {
  std::string name;     // "" = none
  std::string mailbox;  // ops@example.com
};

// `ops@example.com` or `Night shift <ops@example.com>`. kInvalidArgument naming the text.
Result<MailAddress> ParseMailAddress(std::string_view text);

struct MailParts {
  MailAddress from;
  std::vector<MailAddress> to;
  std::string subject;
  std::vector<std::pair<std::string, std::string>> headers;  // further ones, values as text
  std::string text;
  std::string html;  // "" = none
  std::int64_t date_us = 0;
};

// The whole message with CR LF line ends; its first header is the subject. Lines are at most 78
// characters long; everything beyond ASCII is encoded.
std::string MakeMail(const MailParts& parts);
// `mail` with the header Message-ID, and the note behind its subject when that is not empty.
std::string StampMail(std::string_view mail, std::string_view message_id, std::string_view note);

// `text` as the value of a header: as it is when short and plain, else encoded words.
std::string EncodeHeaderText(std::string_view text);

}  // namespace tocsin
