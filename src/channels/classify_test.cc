#include "channels/classify.h"

#include <gtest/gtest.h>

namespace tocsin {
namespace {

using Outcome = SendResult::Outcome;
constexpr std::int64_t kNow = 1'700'000'000'000'000;  // Tue, 14 Nov 2023 22:13:20 GMT

HttpResponse Answer(int status, std::string retry_after = {}) {
  HttpResponse response;
  response.status = status;
  response.retry_after = std::move(retry_after);
  return response;
}

TEST(RetryAfterTest, ReadsSeconds) {
  EXPECT_EQ(ParseRetryAfter("0", kNow), 0);
  EXPECT_EQ(ParseRetryAfter("120", kNow), 120'000'000);
  EXPECT_EQ(ParseRetryAfter("99999999999999999999999", kNow), 365LL * 86'400 * 1'000'000);
}

TEST(RetryAfterTest, ReadsTheThreeFormsOfHttpDates) {
  for (const char* text : {"Tue, 14 Nov 2023 22:14:20 GMT", "Tuesday, 14-Nov-23 22:14:20 GMT",
                           "Tue Nov 14 22:14:20 2023"}) {
    EXPECT_EQ(ParseRetryAfter(text, kNow), 60'000'000) << text;
  }
  EXPECT_EQ(ParseRetryAfter("Tue, 14 Nov 2023 22:00:00 GMT", kNow), 0);
}

TEST(RetryAfterTest, AnythingElseIsNoWish) {
  for (const char* text : {"", "-1", "1.5", "soon", "12 s", "Tue, 99 Nov 2023 22:14:20 GMT",
                           "Tue, 14 Nov 2023 22:14:20 GMT x"}) {
    EXPECT_EQ(ParseRetryAfter(text, kNow), -1) << text;
  }
}

TEST(ClassifyHttpTest, EveryStatusHasItsOutcome) {
  const auto outcome = [](int status) { return ClassifyHttp(Answer(status), kNow).outcome; };
  for (const int status : {200, 201, 202, 204, 299})
    EXPECT_EQ(outcome(status), Outcome::kDelivered);
  for (const int status : {408, 425, 429, 500, 501, 502, 503, 599}) {
    EXPECT_EQ(outcome(status), Outcome::kRetry) << status;
  }
  for (const int status : {100, 301, 302, 307, 308, 400, 401, 403, 404, 413, 422, 499, 600}) {
    EXPECT_EQ(outcome(status), Outcome::kDead) << status;
  }
  EXPECT_EQ(outcome(410), Outcome::kDisabled);
  EXPECT_EQ(ClassifyHttp(Answer(429, "5"), kNow).retry_after_us, 5'000'000);
  EXPECT_EQ(ClassifyHttp(Answer(400, "5"), kNow).retry_after_us, -1);
}

TEST(ClassifyHttpTest, ErrorsOfTheTransportRetryAndRefusedAddressesAreDead) {
  EXPECT_EQ(ClassifyHttp(Fail(Code::kUnavailable, "down"), kNow).outcome, Outcome::kRetry);
  EXPECT_EQ(ClassifyHttp(Fail(Code::kCancelled, "cancelled"), kNow).outcome, Outcome::kRetry);
  EXPECT_EQ(ClassifyHttp(Fail(Code::kInvalidArgument, "no"), kNow).outcome, Outcome::kDead);
}

TEST(ClassifyMailTest, TemporaryRefusalsRetryAndFinalOnesAreDead) {
  EXPECT_EQ(ClassifyMail(Answer(250)).outcome, Outcome::kDelivered);
  EXPECT_EQ(ClassifyMail(Answer(421)).outcome, Outcome::kRetry);
  EXPECT_EQ(ClassifyMail(Answer(451)).outcome, Outcome::kRetry);
  EXPECT_EQ(ClassifyMail(Answer(550)).outcome, Outcome::kDead);
  EXPECT_EQ(ClassifyMail(Answer(354)).outcome, Outcome::kRetry);
}

TEST(MakeSendResultTest, KeepsTheMessageShortAndInOneLine) {
  std::string text = "a\r\nb";
  for (int i = 0; i < 400; ++i) text += "😀";
  const SendResult result = MakeSendResult(Outcome::kDead, 400, text);
  EXPECT_LE(result.message.size(), 512u);
  EXPECT_TRUE(result.message.starts_with("a  b😀"));
}

}  // namespace
}  // namespace tocsin
