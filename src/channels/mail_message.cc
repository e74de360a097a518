#include "channels/mail_message.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "base/json_text.h"
#include "http/http_client.h"
#include "template/message_template.h"

namespace tocsin {
namespace {

constexpr std::size_t kEncodedBytes = 42;  // of one encoded word: 75 characters with its frame
constexpr std::size_t kMaxPlain = 60;
constexpr std::size_t kBase64Line = 76;
// An underscore is in no base64 text, so the boundary is in no part.
constexpr std::string_view kBoundary = "=_tocsin_part";

std::string Trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(" \t") - begin + 1));
}

std::string DateText(std::int64_t time_us) {
  using namespace std::chrono;
  static constexpr std::array kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const sys_seconds time{seconds{time_us / 1'000'000}};
  const sys_days day = floor<days>(time);
  const year_month_day date{day};
  const hh_mm_ss clock{time - day};
  const auto two = [](auto number) {
    const std::string text = std::to_string(number);
    return text.size() < 2 ? "0" + text : text;
  };
  return std::string(kDays[weekday{day}.c_encoding()]) + ", " +
         two(static_cast<unsigned>(date.day())) + " " +
         kMonths[static_cast<unsigned>(date.month()) - 1] + " " +
         std::to_string(static_cast<int>(date.year())) + " " + two(clock.hours().count()) + ":" +
         two(clock.minutes().count()) + ":" + two(clock.seconds().count()) + " +0000";
}

std::string EncodeWords(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t size = std::min(kEncodedBytes, text.size() - at);
    // A character is never split over two words.
    while (at + size < text.size() &&
           (static_cast<unsigned char>(text[at + size]) & 0xC0) == 0x80) {
      --size;
    }
    if (!out.empty()) out += "\r\n ";
    out += "=?utf-8?B?" + Base64(std::string_view(text).substr(at, size)) + "?=";
    at += size;
  }
  return out;
}

std::string AddressText(const MailAddress& address) {
  if (address.name.empty()) return address.mailbox;
  const bool plain = std::ranges::all_of(address.name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == ' ';
  });
  // Encoded even when it is ASCII: quotes and commas would be syntax.
  const std::string name = plain ? address.name : EncodeWords(address.name);
  return name + " <" + address.mailbox + ">";
}

void AppendPart(std::string& out, std::string_view type, std::string_view text) {
  out.append("--").append(kBoundary).append("\r\nContent-Type: ").append(type);
  out += "; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n";
  const std::string encoded = Base64(text);
  for (std::size_t at = 0; at < encoded.size(); at += kBase64Line) {
    out.append(encoded, at, kBase64Line).append("\r\n");
  }
}

}  // namespace

Result<MailAddress> ParseMailAddress(std::string_view text) {
  MailAddress address;
  const std::size_t open = text.find('<');
  if (open == std::string_view::npos) {
    address.mailbox = Trim(text);
  } else if (text.ends_with('>')) {
    address.mailbox = Trim(text.substr(open + 1, text.size() - open - 2));
    address.name = Trim(text.substr(0, open));
    if (address.name.size() > 1 && address.name.starts_with('"') && address.name.ends_with('"')) {
      address.name = address.name.substr(1, address.name.size() - 2);
    }
  }
  if (IsMailbox(address.mailbox)) return address;
  return Fail(Code::kInvalidArgument,
              "'" + EscapeText(text, Escape::kHeader) +
                  "' is no mail address: write it as ops@example.com or Name <ops@example.com>");
}

std::string EncodeHeaderText(std::string_view raw) {
  const std::string text = EscapeText(raw, Escape::kHeader);
  const bool plain = text.size() <= kMaxPlain && text.find("=?") == std::string::npos &&
                     std::ranges::all_of(text, [](char c) { return c >= ' ' && c < 0x7f; });
  return plain ? text : EncodeWords(text);
}

std::string MakeMail(const MailParts& parts) {
  std::string out = "Subject: " + EncodeHeaderText(parts.subject) + "\r\n";
  out += "From: " + AddressText(parts.from) + "\r\nTo: ";
  for (const MailAddress& to : parts.to) {
    if (&to != &parts.to.front()) out += ",\r\n ";
    out += AddressText(to);
  }
  out += "\r\nDate: " + DateText(parts.date_us) + "\r\nMIME-Version: 1.0\r\n";
  out += "Auto-Submitted: auto-generated\r\n";
  for (const auto& [name, value] : parts.headers) {
    out += name + ": " + EncodeHeaderText(value) + "\r\n";
  }
  out.append("Content-Type: multipart/alternative; boundary=\"")
      .append(kBoundary)
      .append("\"\r\n\r\n");
  AppendPart(out, "text/plain", parts.text);
  if (!parts.html.empty()) AppendPart(out, "text/html", parts.html);
  return out.append("--").append(kBoundary).append("--\r\n");
}

std::string StampMail(std::string_view mail, std::string_view message_id, std::string_view note) {
  std::size_t end = mail.find("\r\n");
  while (end != std::string_view::npos && mail.substr(end + 2).starts_with(' ')) {
    end = mail.find("\r\n", end + 2);
  }
  if (end == std::string_view::npos) end = 0;
  std::string out(mail.substr(0, end));
  if (!note.empty()) out.append("\r\n").append(note);
  out.append("\r\nMessage-ID: <").append(message_id).append(">").append(mail.substr(end));
  return out;
}

}  // namespace tocsin
