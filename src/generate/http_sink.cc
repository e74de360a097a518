#include <algorithm>
#include <utility>

#include "base/logging.h"
#include "base/random.h"
#include "generate/sink.h"
#include "http/address_policy.h"
#include "http/http_client.h"
#include "http/url.h"

namespace tocsin {
namespace {

constexpr std::size_t kRequestBytes = 256 * 1024;
constexpr std::int64_t kFirstPauseUs = 100'000;
constexpr std::int64_t kLongestPauseUs = 5'000'000;
constexpr std::size_t kShownBody = 300;

bool PassesWithTime(int status) {
  return status == 408 || status == 409 || status == 425 || status == 429 || status >= 500;
}

std::string NewKey() {
  return std::to_string(RandomSeed()) + "-" + std::to_string(RandomSeed());
}

// The addresses of devices' servers are private as often as not, and this one was named on purpose.
OutgoingPolicy PolicyFor(bool plain) {
  OutgoingPolicy policy;
  policy.allow_http = plain;
  policy.allowed_networks = {"0.0.0.0/0", "::/0"};
  return policy;
}

class HttpSink final : public EventSink {
 public:
  HttpSink(HttpRequest request, bool plain, const Clock& clock, std::stop_token stop)
      : client_(PolicyFor(plain)),
        request_(std::move(request)),
        clock_(clock),
        stop_(std::move(stop)) {}

  Status Write(const Generator::Event& event) override {
    request_.body += event.line;
    request_.body += '\n';
    ++events_;
    return {};
  }
  bool Full() const override { return request_.body.size() >= kRequestBytes; }

  // The same key each time, so that what arrived although its answer did not is not taken twice.
  Status Flush() override {
    if (events_ == 0) return {};
    request_.headers.back().second = NewKey();
    Status sent;
    for (std::int64_t pause_us = kFirstPauseUs;;
         pause_us = std::min(2 * pause_us, kLongestPauseUs)) {
      const auto answer = client_.Send(request_);
      if (!answer && answer.error().code() != Code::kUnavailable) {
        sent = std::unexpected(answer.error());
        break;
      }
      if (answer && !PassesWithTime(answer->status)) {
        if (pause_us > kFirstPauseUs) LogInfo("generate", "the server takes events again");
        sent = CheckAnswer(*answer);
        break;
      }
      if (stop_.stop_requested()) {
        dropped_ += events_;
        break;
      }
      if (pause_us == kFirstPauseUs) {
        LogWarning(
            "generate", "the server does not take events; waiting",
            {{"reason", answer ? "status " + std::to_string(answer->status) + ": " + Shown(*answer)
                               : answer.error().message()}});
      }
      WaitUntil(clock_, clock_.SteadyUs() + pause_us, stop_);
    }
    request_.body.clear();
    events_ = 0;
    return sent;
  }
  Status Close() override { return Flush(); }
  std::uint64_t dropped() const override { return dropped_; }

 private:
  static std::string Shown(const HttpResponse& answer) { return answer.body.substr(0, kShownBody); }

  static Status CheckAnswer(const HttpResponse& answer) {
    // 202: lines that are no readings (--faults malformed=…) are named in it, the others are taken.
    if (answer.status / 100 == 2) return {};
    const std::string said =
        "the server answered " + std::to_string(answer.status) + ": " + Shown(answer);
    if (answer.status == 401 || answer.status == 403) {
      return Fail(Code::kConfiguration, said + "; set GEN_HTTP_TOKEN (`tocsin token` makes one)");
    }
    if (answer.status == 404 || answer.status == 405) {
      return Fail(Code::kConfiguration, said + "; GEN_HTTP_URL names no server of Tocsin");
    }
    return Fail(Code::kUnavailable, said);
  }

  HttpClient client_;
  HttpRequest request_;  // its body: the events that wait; its last header: the key
  const Clock& clock_;
  const std::stop_token stop_;
  std::size_t events_ = 0;
  std::uint64_t dropped_ = 0;
};

}  // namespace

Result<std::unique_ptr<EventSink>> MakeHttpSink(const std::string& url, const std::string& token,
                                                const Clock& clock, std::stop_token stop) {
  const auto parsed = ParseOutgoingUrl(url);
  if (!parsed) {
    return Fail(Code::kConfiguration, "GEN_HTTP_URL: " + parsed.error().message());
  }
  const bool plain = token.empty() || IsLoopback(parsed->host);
  if (!plain && !parsed->encrypted()) {
    return Fail(Code::kConfiguration,
                "GEN_HTTP_URL is no https:// URL, and GEN_HTTP_TOKEN is not "
                "sent unencrypted to another machine");
  }
  HttpRequest request;
  request.url = url + (url.ends_with('/') ? "" : "/") + "api/v1/events";
  request.bearer_token = token;
  request.headers = {{"Content-Type", "application/x-ndjson"}, {"Idempotency-Key", ""}};
  return std::make_unique<HttpSink>(std::move(request), plain, clock, std::move(stop));
}

}  // namespace tocsin
