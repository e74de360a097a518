#include "channels/mail_message.h"

#include <gtest/gtest.h>

namespace tocsin {
namespace {

MailParts Parts() {
  MailParts parts;
  parts.from = {"", "tocsin@example.com"};
  parts.to = {{"", "ops@example.com"}, {"Nacht, Schicht", "night@example.com"}};
  parts.subject = "hot";
  parts.text = "text";
  parts.html = "<b>html</b>";
  parts.date_us = 1'700'000'000'000'000;
  return parts;
}

TEST(MailMessageTest, IsAMultipartMessageWithTextFirst) {
  EXPECT_EQ(MakeMail(Parts()),
            "Subject: hot\r\n"
            "From: tocsin@example.com\r\n"
            "To: ops@example.com,\r\n"
            " =?utf-8?B?TmFjaHQsIFNjaGljaHQ=?= <night@example.com>\r\n"
            "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n"
            "MIME-Version: 1.0\r\n"
            "Auto-Submitted: auto-generated\r\n"
            "Content-Type: multipart/alternative; boundary=\"=_tocsin_part\"\r\n"
            "\r\n"
            "--=_tocsin_part\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n"
            "Content-Transfer-Encoding: base64\r\n"
            "\r\n"
            "dGV4dA==\r\n"
            "--=_tocsin_part\r\n"
            "Content-Type: text/html; charset=utf-8\r\n"
            "Content-Transfer-Encoding: base64\r\n"
            "\r\n"
            "PGI+aHRtbDwvYj4=\r\n"
            "--=_tocsin_part--\r\n");
}

TEST(MailMessageTest, NoValueBeginsAnotherHeaderAndNoLineIsLong) {
  MailParts parts = Parts();
  parts.subject = "a\r\nBcc: evil@example.com\r\n\r\nbody";
  for (int i = 0; i < 200; ++i) parts.subject += "😀é";
  parts.headers = {{"X-Device", "dev\r\nX-Evil: 1"}};
  parts.text = std::string(10'000, 'x');
  const std::string mail = MakeMail(parts);
  EXPECT_EQ(mail.find("\nBcc"), std::string::npos);
  EXPECT_EQ(mail.find("\nX-Evil"), std::string::npos);
  for (std::size_t at = 0, end = 0; (end = mail.find("\r\n", at)) != std::string::npos;
       at = end + 2) {
    EXPECT_LE(end - at, 100u);
    EXPECT_EQ(mail.substr(at, end - at).find_first_of("\r\n"), std::string::npos);
  }
}

TEST(MailMessageTest, TheStampKeepsEverythingElse) {
  MailParts parts = Parts();
  parts.subject = "temperature_high und noch viel mehr, so dass zwei Zeilen nötig sind 😀😀😀";
  const std::string mail = MakeMail(parts);
  const std::string stamped = StampMail(mail, "id-1@example.com", " (possible repeat)");
  const std::string added = "\r\n (possible repeat)\r\nMessage-ID: <id-1@example.com>";
  const std::size_t at = stamped.find(added);
  ASSERT_NE(at, std::string::npos);
  EXPECT_EQ(stamped.substr(0, at) + stamped.substr(at + added.size()), mail);
  EXPECT_TRUE(stamped.substr(at + added.size()).starts_with("\r\nFrom: "));
}

TEST(MailAddressTest, ReadsPlainAndNamedAddressesAndNothingElse) {
  EXPECT_EQ(ParseMailAddress(" ops@example.com ")->mailbox, "ops@example.com");
  EXPECT_EQ(ParseMailAddress("\"Night, shift\" <n@example.com>")->name, "Night, shift");
  for (const char* text : {"", "ops", "<ops@x", "a@b\r\nX: y", "<a@b> c", "a b@c"}) {
    EXPECT_FALSE(ParseMailAddress(text)) << text;
  }
}

}  // namespace
}  // namespace tocsin
