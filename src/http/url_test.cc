#include "http/url.h"

#include <gtest/gtest.h>

#include "http/http_client.h"

namespace tocsin {
namespace {

TEST(OutgoingUrlTest, ReadsSchemeHostAndPort) {
  const auto url = ParseOutgoingUrl("https://Hooks.Example.COM/services/T0/SECRET?key=SECRET");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->host, "hooks.example.com");
  EXPECT_EQ(url->port, 443);
  EXPECT_EQ(url->Name(), "https://hooks.example.com:443");
  EXPECT_EQ(ParseOutgoingUrl("smtp://mail.example.com:587")->Name(), "smtp://mail.example.com:587");
  EXPECT_EQ(ParseOutgoingUrl("http://[::1]:9093/x")->Name(), "http://[::1]:9093");
}

TEST(OutgoingUrlTest, AddressesWrittenInOtherBasesAreTheAddressTheyAre) {
  EXPECT_EQ(ParseOutgoingUrl("http://0x7f.1/")->host, "127.0.0.1");
  EXPECT_EQ(ParseOutgoingUrl("http://2130706433/")->host, "127.0.0.1");
  EXPECT_EQ(ParseOutgoingUrl("http://0177.0.0.1/")->host, "127.0.0.1");
}

TEST(OutgoingUrlTest, RefusesWhatCouldMeanTwoThingsAndNeverRepeatsIt) {
  for (const char* text :
       {"", "SECRET", "//SECRET/x", "file:///SECRET", "ftp://SECRET/", "gopher://SECRET/",
        "https://user:SECRET@host/", "https://SECRET@host/", "https://", "https://ho st/SECRET",
        "https://host/SECRET\r\nX: y", "https://h\xc3\xb6st/SECRET", "https://[fe80::1%25eth0]/",
        "https://host:0/SECRET", "https://host:99999/SECRET", "https:///SECRET@x/"}) {
    const auto url = ParseOutgoingUrl(text);
    if (url && url->host != "secret") {
      ADD_FAILURE() << text << " was read as " << url->Name();
    }
    if (!url) {
      EXPECT_EQ(url.error().message().find("SECRET"), std::string::npos) << text;
      EXPECT_EQ(url.error().code(), Code::kInvalidArgument);
    }
  }
}

TEST(CheckUrlTest, FindsAtStartWhatThePolicyCanNeverAllow) {
  OutgoingPolicy policy;
  EXPECT_TRUE(CheckUrl("https://hooks.example.com/x", policy));
  EXPECT_TRUE(CheckUrl("https://8.8.8.8:8443/x", policy));
  EXPECT_TRUE(CheckUrl("smtp://mail.example.com:587", policy));
  for (const char* text : {"http://hooks.example.com/x", "https://127.0.0.1/x", "https://[::1]/x",
                           "https://169.254.169.254/latest", "https://0x7f000001/", "nonsense",
                           "https://[::ffff:10.0.0.1]/"}) {
    const Status status = CheckUrl(text, policy);
    ASSERT_FALSE(status) << text;
    EXPECT_EQ(status.error().code(), Code::kInvalidArgument);
  }
  policy.allow_http = true;
  policy.allowed_networks = {"127.0.0.0/8"};
  EXPECT_TRUE(CheckUrl("http://127.0.0.1:9/x", policy));
  policy.allowed_networks = {"home"};
  EXPECT_FALSE(CheckUrl("http://127.0.0.1:9/x", policy));
}

}  // namespace
}  // namespace tocsin
