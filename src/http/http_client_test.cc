#include "http/http_client.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <string>
#include <thread>

namespace tocsin {
namespace {

// Answers every connection on 127.0.0.1 with the same bytes and keeps the requests. An empty
// answer is never given: the connection stays open.
class CannedServer {
 public:
  explicit CannedServer(std::string answer) : answer_(std::move(answer)) {
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    bind(fd_, reinterpret_cast<sockaddr*>(&address), size);
    listen(fd_, 8);
    getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Serve(); });
  }
  ~CannedServer() {
    shutdown(fd_, SHUT_RDWR);
    thread_.join();
    close(fd_);
  }
  std::string Url(const std::string& path = "/") const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }
  int connections() const { return connections_; }
  std::string requests() const { return requests_; }  // after the answers were received

 private:
  void Serve() {
    for (;;) {
      const int peer = accept(fd_, nullptr, nullptr);
      if (peer < 0) return;
      ++connections_;
      char buffer[65536];
      while (true) {
        const ssize_t size = read(peer, buffer, sizeof(buffer));
        if (size <= 0) break;
        requests_.append(buffer, static_cast<std::size_t>(size));
        if (answer_.empty()) continue;
        if (write(peer, answer_.data(), answer_.size()) < 0) break;
        if (answer_.find("Connection: close") != std::string::npos) break;
      }
      close(peer);
    }
  }

  const std::string answer_;
  int fd_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<int> connections_ = 0;
  std::string requests_;
  std::thread thread_;
};

OutgoingPolicy Local() {
  OutgoingPolicy policy;
  policy.allow_http = true;
  policy.allowed_networks = {"127.0.0.0/8"};
  return policy;
}

HttpRequest To(const std::string& url) {
  HttpRequest request;
  request.url = url;
  request.body = "{}";
  return request;
}

TEST(HttpClientTest, GivesStatusBodyAndRetryAfter) {
  CannedServer server("HTTP/1.1 429 Slow\r\nretry-AFTER:  17 \r\nContent-Length: 4\r\n\r\nwait");
  HttpClient client(Local());
  const auto response = client.Send(To(server.Url()));
  ASSERT_TRUE(response) << response.error().message();
  EXPECT_EQ(response->status, 429);
  EXPECT_EQ(response->body, "wait");
  EXPECT_EQ(response->retry_after, "17");
  EXPECT_EQ(response->address, "127.0.0.1");
}

TEST(HttpClientTest, KeepsTheConnectionForTheNextRequest) {
  CannedServer server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  HttpClient client(Local());
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(client.Send(To(server.Url())));
  EXPECT_EQ(server.connections(), 1);
}

TEST(HttpClientTest, SendsHeadersCredentialsAndBodyAsGiven) {
  CannedServer server("HTTP/1.1 204 No\r\nContent-Length: 0\r\n\r\n");
  HttpClient client(Local());
  HttpRequest request = To(server.Url("/a?b=c"));
  request.headers = {{"X-One", "1"}, {"Content-Type", "application/json"}, {"X-Empty", ""}};
  request.basic_user = "user";
  request.basic_password = "pass";
  ASSERT_TRUE(client.Send(request));
  const std::string seen = server.requests();
  EXPECT_TRUE(seen.starts_with("POST /a?b=c HTTP/1.1\r\n")) << seen;
  EXPECT_NE(seen.find("X-One: 1\r\n"), std::string::npos);
  EXPECT_NE(seen.find("X-Empty:\r\n"), std::string::npos);
  EXPECT_NE(seen.find("Authorization: Basic dXNlcjpwYXNz\r\n"), std::string::npos);
  EXPECT_EQ(seen.find("Expect:"), std::string::npos);
  EXPECT_TRUE(seen.ends_with("\r\n\r\n{}"));
}

TEST(HttpClientTest, CutsALargeAnswerAndKeepsItsStatus) {
  CannedServer server("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + std::string(300'000, 'x'));
  HttpClient client(Local());
  const auto response = client.Send(To(server.Url()));
  ASSERT_TRUE(response) << response.error().message();
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->body, std::string(64 * 1024, 'x'));
}

TEST(HttpClientTest, EndlessHeadersAreAnErrorAndNoMemory) {
  std::string answer = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 3000; ++i) answer += "X-Header: " + std::string(90, 'y') + "\r\n";
  CannedServer server(answer + "Connection: close\r\n\r\n");
  HttpClient client(Local());
  const auto response = client.Send(To(server.Url()));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code(), Code::kUnavailable);
}

TEST(HttpClientTest, DoesNotFollowRedirects) {
  CannedServer other("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  CannedServer server("HTTP/1.1 307 T\r\nLocation: " + other.Url() +
                      "\r\nContent-Length: 0\r\n\r\n");
  HttpClient client(Local());
  EXPECT_EQ(client.Send(To(server.Url()))->status, 307);
  EXPECT_EQ(other.connections(), 0);
}

TEST(HttpClientTest, TakesNoProxyFromTheEnvironment) {
  CannedServer server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  setenv("http_proxy", "http://127.0.0.1:1", 1);
  setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
  HttpClient client(Local());
  EXPECT_TRUE(client.Send(To(server.Url())));
  unsetenv("http_proxy");
  unsetenv("ALL_PROXY");
}

TEST(HttpClientTest, RefusesAddressesBeforeAnyConnection) {
  CannedServer server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  OutgoingPolicy policy;
  policy.allow_http = true;
  HttpClient client(policy);
  std::string named = server.Url("/SECRET");
  for (const std::string& url : {named, "http://localhost" + named.substr(named.rfind(':')),
                                 "http://2130706433" + named.substr(named.rfind(':'))}) {
    const auto response = client.Send(To(url));
    ASSERT_FALSE(response) << url;
    EXPECT_EQ(response.error().code(), Code::kInvalidArgument);
    EXPECT_EQ(response.error().message().find("SECRET"), std::string::npos);
    EXPECT_NE(response.error().message().find("ALERT_ALLOW_NETWORKS"), std::string::npos);
  }
  EXPECT_EQ(server.connections(), 0);
}

TEST(HttpClientTest, RefusesPlainHttpUnlessItIsAllowed) {
  OutgoingPolicy policy = Local();
  policy.allow_http = false;
  HttpClient client(policy);
  const auto response = client.Send(To("http://127.0.0.1:1/x"));
  ASSERT_FALSE(response);
  EXPECT_NE(response.error().message().find("ALERT_ALLOW_HTTP"), std::string::npos);
}

TEST(HttpClientTest, RefusesHeadersThatCouldEndALine) {
  HttpClient client(Local());
  for (const auto& [name, value] :
       std::vector<std::pair<std::string, std::string>>{{"X", "a\r\nY: b"},
                                                        {"X", "a\nb"},
                                                        {"X", std::string("a\0b", 3)},
                                                        {"X Y", "a"},
                                                        {"X:", "a"},
                                                        {"", "a"},
                                                        {"X\r\n", "a"}}) {
    HttpRequest request = To("http://127.0.0.1:1/");
    request.headers = {{name, value}};
    const auto response = client.Send(request);
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code(), Code::kInvalidArgument);
  }
  HttpRequest request = To("http://127.0.0.1:1/");
  request.bearer_token = "token\r\nX: y";
  EXPECT_EQ(client.Send(request).error().code(), Code::kInvalidArgument);
}

TEST(HttpClientTest, AConnectionThatNobodyTakesIsUnavailable) {
  HttpClient client(Local());
  const auto response = client.Send(To("http://127.0.0.1:1/SECRET?x=SECRET"));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code(), Code::kUnavailable);
  EXPECT_TRUE(response.error().message().starts_with("http://127.0.0.1:1: "));
  EXPECT_EQ(response.error().message().find("SECRET"), std::string::npos);
}

TEST(HttpClientTest, AnAnswerThatDoesNotComeEndsAtTheTimeLimit) {
  CannedServer server("");
  OutgoingPolicy policy = Local();
  policy.timeout_us = 100'000;
  HttpClient client(policy);
  const auto response = client.Send(To(server.Url()));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code(), Code::kUnavailable);
}

TEST(HttpClientTest, AnAnswerThatIsShorterThanItSaysIsUnavailable) {
  CannedServer server("HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\nhalf of");
  HttpClient client(Local());
  const auto response = client.Send(To(server.Url()));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code(), Code::kUnavailable);
}

TEST(HttpClientTest, CancelEndsTheRequestUnderWayAndAllLaterOnes) {
  CannedServer server("");
  HttpClient client(Local());
  std::thread canceller([&] {
    while (server.connections() == 0) std::this_thread::yield();
    client.Cancel();
  });
  const auto begin = std::chrono::steady_clock::now();
  const auto response = client.Send(To(server.Url()));
  canceller.join();
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code(), Code::kCancelled);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  EXPECT_EQ(client.Send(To(server.Url())).error().code(), Code::kCancelled);
}

TEST(HttpClientTest, MailIsCheckedBeforeAnythingIsSent) {
  HttpClient client(Local());
  MailRequest mail;
  mail.url = "smtp://127.0.0.1:1";
  mail.from = "tocsin@example.com";
  mail.to = {"ops@example.com"};
  EXPECT_EQ(client.Mail(mail).error().code(), Code::kUnavailable);
  for (const char* text : {"", "ops", "@x", "a@", "a@x>\r\nRCPT TO:<b@x", "a b@x", "a@x,b@x"}) {
    mail.to = {text};
    EXPECT_EQ(client.Mail(mail).error().code(), Code::kInvalidArgument) << text;
  }
  mail.to = {"ops@example.com"};
  mail.url = "https://127.0.0.1:1";
  EXPECT_EQ(client.Mail(mail).error().code(), Code::kInvalidArgument);
  OutgoingPolicy strict = Local();
  strict.allow_http = false;
  HttpClient strict_client(strict);
  mail.url = "smtp://127.0.0.1:1";
  mail.require_tls = false;
  EXPECT_EQ(strict_client.Mail(mail).error().code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace tocsin
