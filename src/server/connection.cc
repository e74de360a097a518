#include "server/connection.h"

#include <array>
#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "base/logging.h"
#include "server/body_memory.h"
#include "server/response_head.h"

namespace tocsin {
namespace {

namespace http = beast::http;
using Microseconds = std::chrono::microseconds;

constexpr std::uint32_t kMaxHeaderBytes = 16 * 1024;
constexpr std::size_t kMaxTargetBytes = 8 * 1024;
constexpr std::size_t kBufferBytes = 64 * 1024;
constexpr std::size_t kDrainBytes = 4u << 20;  // of a refused body, so that the answer gets there
constexpr auto kDrainTime = std::chrono::seconds(2);

// Has a worker make the answer; completes in the coroutine's loop.
template <class Token>
auto AnswerByWorker(ServerState& state, ServerRequest& request, ServerResponse& response,
                    Token&& token) {
  return net::async_initiate<Token, void()>(
      [&state, &request, &response](auto handler) {
        net::post(state.workers,
                  [&state, &request, &response, handler = std::move(handler)]() mutable {
                    try {
                      response = state.service.Answer(request);
                    } catch (const std::exception& exception) {
                      LogError("http", "an answer failed",
                               {{"target", request.target}, {"reason", exception.what()}});
                      response = Problem(500, "the server made a mistake; its log says more");
                    }
                    auto executor = net::get_associated_executor(handler);
                    net::post(executor, std::move(handler));
                  });
      },
      token);
}

class Connection {
 public:
  Connection(ServerState& state, EventLoop& loop, std::unique_ptr<Stream> stream)
      : state_(state), loop_(loop), stream_(std::move(stream)), buffer_(kBufferBytes) {
    loop_.Enter(stream_.get());
    error_code error;
    stream_->socket().set_option(tcp::no_delay(true), error);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() {
    if (stream_ != nullptr) loop_.Leave(stream_.get());  // else it is a live reader now
  }

  net::awaitable<void> Run() {
    error_code error;
    if (stream_->encrypted()) {
      stream_->layer().expires_after(Microseconds(state_.options.header_timeout_us));
      co_await stream_->tls().async_handshake(net::ssl::stream_base::server,
                                              net::redirect_error(net::use_awaitable, error));
      if (error) co_return;
    }
    std::int64_t idle_us = state_.options.header_timeout_us;
    for (bool more = true; more && !state_.stopping;) {
      more = co_await WaitForRequest(idle_us);
      if (more) more = co_await ServeOne();
      idle_us = state_.options.idle_timeout_us;
    }
    if (stream_ == nullptr) co_return;
    stream_->socket().shutdown(tcp::socket::shutdown_send, error);
    if (unread_body_) co_await Drain();
    stream_->layer().close();
  }

 private:
  net::awaitable<bool> WaitForRequest(std::int64_t timeout_us) {
    if (buffer_.size() > 0) co_return true;
    stream_->layer().expires_after(Microseconds(timeout_us));
    error_code error;
    const auto space = buffer_.prepare(4096);
    const std::size_t bytes =
        co_await stream_->async_read_some(space, net::redirect_error(net::use_awaitable, error));
    buffer_.commit(bytes);
    co_return !error;
  }

  // True when the connection may carry another request.
  net::awaitable<bool> ServeOne() {
    http::request_parser<http::empty_body> head;
    head.header_limit(kMaxHeaderBytes);
    head.body_limit(boost::none);
    stream_->layer().expires_after(Microseconds(state_.options.header_timeout_us));
    error_code error;
    co_await http::async_read_header(*stream_, buffer_, head,
                                     net::redirect_error(net::use_awaitable, error));
    if (error) {
      co_await RefuseHeader(error);
      co_return false;
    }
    ServerRequest request;
    ServerResponse response;
    BodyMemory share;
    bool keep_alive = head.keep_alive();
    const bool head_only = head.get().method() == http::verb::head;
    std::size_t max_body = 0;
    if (!TakeHead(head, request, response) || !Admit(head, request, response, share, max_body)) {
      keep_alive = false;
      unread_body_ = head.chunked() || head.content_length().value_or(0) > 0;
      co_await Write(response, false, head_only);
      co_return false;
    }
    if (head.chunked() || head.content_length().value_or(0) > 0) {
      const int failed = co_await ReadBody(head, request, max_body);
      if (failed != 0) {
        if (failed == 1) co_return false;
        unread_body_ = true;
        const ServerResponse refusal = BodyProblem(failed, max_body);
        co_await Write(refusal, false, head_only);
        co_return false;
      }
    }
    if (state_.waiting.fetch_add(1) < state_.options.max_waiting) {
      stream_->layer().expires_never();
      co_await AnswerByWorker(state_, request, response, net::use_awaitable);
    } else {
      response = Busy(503, "too many requests are in work");
    }
    --state_.waiting;
    if (state_.stopping) keep_alive = false;
    if (response.live) BeginLive(request, response);
    const bool written = co_await Write(response, keep_alive, head_only);
    if (!written) co_return false;
    if (response.live && !head_only) {
      BecomeLive(response);
      co_return false;
    }
    co_return keep_alive && !response.live;
  }

  static ServerResponse BodyProblem(int status, std::size_t max_body) {
    if (status == 413) {
      return Problem(413, "the body is longer than " + std::to_string(max_body) +
                              " bytes; send it in parts (HTTP_MAX_BODY sets the limit)");
    }
    return Problem(status, status == 408 ? "the body did not arrive in time"
                                         : "the body is not well-formed HTTP");
  }

  net::awaitable<void> RefuseHeader(error_code error) {
    int status = 400;
    std::string_view detail = "the request is not well-formed HTTP/1.1";
    if (error == http::error::header_limit || error == http::error::buffer_overflow) {
      status = 431;
      detail = "the header is longer than 16 KiB";
    } else if (error == beast::error::timeout) {
      status = 408;
      detail = "the header did not arrive in time";
    } else if (error.category() != http::make_error_code(http::error::bad_method).category() ||
               error == http::error::end_of_stream || error == http::error::partial_message) {
      co_return;
    }
    state_.metrics.Add(Metric::kHttpRefused, 1);
    unread_body_ = true;
    const ServerResponse response = Problem(status, detail);
    co_await Write(response, false, false);
  }

  template <class Parser>
  bool TakeHead(const Parser& head, ServerRequest& request, ServerResponse& refusal) {
    const auto& message = head.get();
    request.method = std::string(message.method_string());
    request.peer = stream_->place().address();
    request.encrypted = stream_->encrypted();
    int hosts = 0;
    for (const auto& field : message) {
      std::string name(field.name_string());
      for (char& c : name) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
      }
      hosts += name == "host" ? 1 : 0;
      request.headers.emplace_back(std::move(name), std::string(field.value()));
    }
    if (message.target().size() > kMaxTargetBytes) {
      refusal = Problem(414, "the target is longer than 8 KiB");
      return false;
    }
    if (!ParseTarget(message.target(), request)) {
      refusal = Problem(400, "the target is no path with a query of at most 64 parameters");
      return false;
    }
    if (hosts != 1) {
      refusal = Problem(400, "the request must have one Host header");
      return false;
    }
    return true;
  }

  template <class Parser>
  bool Admit(const Parser& head, ServerRequest& request, ServerResponse& refusal, BodyMemory& share,
             std::size_t& max_body) {
    if (!state_.peers.Request(stream_->place().key(), state_.clock.SteadyUs())) {
      refusal = Busy(429, "this address asks too often (HTTP_MAX_REQUESTS_PER_ADDRESS)");
      return false;
    }
    HttpService::Admission admission = state_.service.Admit(request);
    if (admission.refusal) {
      refusal = std::move(*admission.refusal);
      return false;
    }
    max_body = admission.max_body;
    const std::size_t announced = head.chunked() ? max_body : head.content_length().value_or(0);
    if (announced > max_body) {
      refusal = BodyProblem(413, max_body);
      return false;
    }
    if (!share.Take(state_.bodies, stream_->place().key(), announced)) {
      refusal = Busy(429, "too many bytes of requests are in work");
      return false;
    }
    return true;
  }
  ServerResponse Busy(int status, std::string_view what) {
    state_.metrics.Add(Metric::kHttpRefused, 1);
    ServerResponse response = Problem(status, std::string(what) + "; try again in a second");
    response.headers.emplace_back("retry-after", "1");
    return response;
  }

  // 0, or the status of the refusal, or 1 when there is nobody to tell.
  template <class Parser>
  net::awaitable<int> ReadBody(Parser& head, ServerRequest& request, std::size_t max_body) {
    stream_->layer().expires_after(Microseconds(state_.options.body_timeout_us));
    error_code error;
    if (request.Header("expect") == "100-continue") {
      constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
      co_await net::async_write(*stream_, net::buffer(kContinue.data(), kContinue.size()),
                                net::redirect_error(net::use_awaitable, error));
    }
    http::request_parser<http::string_body> body(std::move(head));
    body.body_limit(max_body);
    if (!error) {
      co_await http::async_read(*stream_, buffer_, body,
                                net::redirect_error(net::use_awaitable, error));
    }
    if (!error) {
      request.body = std::move(body.get().body());
      co_return 0;
    }
    if (error == http::error::body_limit) co_return 413;
    if (error == beast::error::timeout) co_return 408;
    if (error == http::error::bad_chunk || error == http::error::bad_chunk_extension) co_return 400;
    co_return 1;
  }

  net::awaitable<bool> Write(const ServerResponse& response, bool keep_alive, bool head_only) {
    const bool constant = !response.constant.empty();
    const net::const_buffer body =
        constant ? net::buffer(response.constant.data(), response.constant.size())
                 : net::buffer(response.body.data(), response.body.size());
    const std::string head = ResponseHead(response, body.size(), keep_alive, stream_->encrypted());
    const std::array<net::const_buffer, 2> parts{net::buffer(head),
                                                 head_only ? net::const_buffer() : body};
    const int first_digit = response.status / 100;
    state_.metrics.Add(Metric::kHttpRequests, 1, static_cast<std::size_t>(first_digit - 2));
    stream_->layer().expires_after(Microseconds(state_.options.body_timeout_us));
    error_code error;
    co_await net::async_write(*stream_, parts, net::redirect_error(net::use_awaitable, error));
    co_return !error;
  }

  static void BeginLive(const ServerRequest& request, ServerResponse& response) {
    response.headers.emplace_back("vary", "accept-encoding");
    response.live->form.gzip = TakesCoding(request, "gzip");
    if (!response.live->form.gzip) return;
    response.headers.emplace_back("content-encoding", "gzip");
    response.body = std::string(LiveEncoder::GzipBegin()) + LiveEncoder().Compressed(response.body);
  }
  void BecomeLive(ServerResponse& response) {
    stream_->layer().expires_never();
    loop_.Leave(stream_.get());
    loop_.AddReader(std::move(stream_), std::move(*response.live));
  }

  // Reads on for a moment, or closing would throw the answer away at the sender.
  net::awaitable<void> Drain() {
    error_code error;
    std::size_t drained = 0;
    stream_->layer().expires_after(kDrainTime);
    std::array<char, 16 * 1024> bytes;
    while (!error && drained < kDrainBytes) {
      drained += co_await stream_->layer().async_read_some(
          net::buffer(bytes), net::redirect_error(net::use_awaitable, error));
    }
  }

  ServerState& state_;
  EventLoop& loop_;
  std::unique_ptr<Stream> stream_;
  beast::flat_buffer buffer_;
  bool unread_body_ = false;
};

}  // namespace

net::awaitable<void> ServeConnection(ServerState& state, EventLoop& loop,
                                     std::unique_ptr<Stream> stream) {
  Connection connection(state, loop, std::move(stream));
  co_await connection.Run();
}

}  // namespace tocsin
