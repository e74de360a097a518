#include "server/http_message.h"

#include <gtest/gtest.h>

namespace tocsin {
namespace {

TEST(HttpTargetTest, PathAndQueryAreDecoded) {
  ServerRequest request;
  ASSERT_TRUE(ParseTarget("/a%2Fb/c+d?x=1%262&y=a+b&&z&x=3", request));
  EXPECT_EQ(request.path, "/a/b/c+d");
  EXPECT_EQ(request.Parameter("x"), "1&2");
  EXPECT_EQ(request.Parameter("y"), "a b");
  EXPECT_EQ(request.Parameter("z"), "");
  EXPECT_FALSE(request.Parameter("w"));
  EXPECT_EQ(request.query.size(), 4u);
}

TEST(HttpTargetTest, OtherFormsAndBadEscapesAreRefused) {
  ServerRequest request;
  for (const char* target :
       {"", "*", "http://x/", "x", "/%", "/%a", "/%zz", "/a b", "/?a=%0", "/\x7f"}) {
    EXPECT_FALSE(ParseTarget(target, request)) << target;
  }
  std::string many = "/?";
  for (int i = 0; i < 65; ++i) many += "a&";
  EXPECT_FALSE(ParseTarget(many, request));
}

TEST(HttpTargetTest, AZeroByteMayBeWrittenAsAnEscape) {
  ServerRequest request;
  ASSERT_TRUE(ParseTarget("/?id=a%00b", request));
  EXPECT_EQ(request.Parameter("id"), std::string_view("a\0b", 3));
}

TEST(ProblemTest, NamesTheStatusAndKeepsTheTextValid) {
  const ServerResponse response = Problem(404, "no \"x\"\n", ",\"errors\":[]");
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.content_type, "application/problem+json");
  EXPECT_EQ(
      response.body,
      R"({"type":"about:blank","title":"Not Found","status":404,"detail":"no \"x\"\n","errors":[]})");
}

}  // namespace
}  // namespace tocsin
