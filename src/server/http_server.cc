#include "server/http_server.h"

#include <sys/resource.h>

#include <array>
#include <atomic>
#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <ctime>
#include <deque>
#include <mutex>
#include <thread>
#include <unordered_set>

#include "base/logging.h"

namespace tocsin {
namespace {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using net::ip::tcp;
using Microseconds = std::chrono::microseconds;
using SteadyClock = std::chrono::steady_clock;
using boost::system::error_code;

constexpr std::uint32_t kMaxHeaderBytes = 16 * 1024;
constexpr std::size_t kMaxTargetBytes = 8 * 1024;
constexpr std::size_t kBufferBytes = 64 * 1024;
constexpr std::size_t kDrainBytes = 4u << 20;  // of a refused body, so that the answer gets there
constexpr int kLiveSocketBytes = 64 * 1024;    // that the kernel holds for one live reader
constexpr std::size_t kLiveQueue = 256;        // frames that wait for one reader
constexpr std::size_t kLiveRecent = 1024;      // frames that a reader who joins may still get
constexpr auto kHeartbeat = std::chrono::seconds(10);
constexpr auto kDrainTime = std::chrono::seconds(2);
constexpr auto kStopTime = std::chrono::seconds(3);

constexpr std::string_view kSecurityHeaders =
    "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src 'self' data:; font-src 'self'; manifest-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'\r\n"
    "x-content-type-options: nosniff\r\n"
    "referrer-policy: no-referrer\r\n"
    "cross-origin-opener-policy: same-origin\r\n"
    "cross-origin-resource-policy: same-origin\r\n";

using Frame = std::shared_ptr<const std::string>;

// A connection, plain or TLS, as one type: Beast's algorithms are compiled once.
class Stream {
 public:
  using executor_type = beast::tcp_stream::executor_type;

  Stream(tcp::socket socket, net::ssl::context* tls) : tcp_(std::move(socket)) {
    if (tls != nullptr) tls_.emplace(tcp_, *tls);
  }
  executor_type get_executor() { return tcp_.get_executor(); }
  beast::tcp_stream& layer() { return tcp_; }
  tcp::socket& socket() { return tcp_.socket(); }
  bool encrypted() const { return tls_.has_value(); }
  net::ssl::stream<beast::tcp_stream&>& tls() { return *tls_; }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    if (tls_) return tls_->async_read_some(buffers, std::forward<Token>(token));
    return tcp_.async_read_some(buffers, std::forward<Token>(token));
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    if (tls_) return tls_->async_write_some(buffers, std::forward<Token>(token));
    return tcp_.async_write_some(buffers, std::forward<Token>(token));
  }

 private:
  beast::tcp_stream tcp_;
  std::optional<net::ssl::stream<beast::tcp_stream&>> tls_;
};

// One reader of the live stream. Owned by its loop's thread.
struct LiveReader : std::enable_shared_from_this<LiveReader> {
  std::unique_ptr<Stream> stream;
  std::function<bool()> allowed;
  std::deque<Frame> queue;
  Frame tick;     // the newest that was not sent
  Frame writing;  // in parts
  std::size_t written = 0;
  std::uint64_t missed = 0;
  SteadyClock::time_point since;  // when `writing` began
  bool dead = false;
};

// What all connections share.
struct Shared {
  const HttpServerOptions& options;
  HttpService& service;
  Metrics& metrics;
  net::ssl::context* tls = nullptr;
  net::thread_pool& workers;
  std::atomic<std::size_t> connections{0};
  std::atomic<std::size_t> live_readers{0};
  std::atomic<std::size_t> waiting{0};
  std::atomic<std::size_t> body_bytes{0};
  std::atomic<bool> stopping{false};

  void CountConnections(std::size_t now) {
    metrics.Set(Metric::kHttpConnections, static_cast<std::int64_t>(now));
  }
};

// One event loop with its thread, its connections and its live readers.
class Loop {
 public:
  explicit Loop(Shared& shared) : shared_(shared) {}

  net::io_context& context() { return context_; }
  void Start() {
    net::post(context_, [this] { ArmTimer(); });
    thread_ = std::thread([this] { context_.run(); });
  }
  // Closes what is open; the thread ends when nothing is left, or at once with `force`.
  void BeginStop() {
    net::post(context_, [this] {
      stopping_ = true;
      timer_.cancel();
      for (const auto& reader : readers_) Close(*reader);
      readers_.clear();
      shared_.live_readers = 0;
      for (Stream* stream : streams_) stream->layer().close();
      guard_.reset();
    });
  }
  void Join(bool force) {
    if (force) context_.stop();
    if (thread_.joinable()) thread_.join();
  }

  void Enter(Stream* stream) { streams_.insert(stream); }
  void Leave(Stream* stream) { streams_.erase(stream); }

  void AddReader(std::unique_ptr<Stream> stream, std::function<bool()> allowed,
                 std::uint64_t from) {
    const auto reader = std::make_shared<LiveReader>();
    reader->stream = std::move(stream);
    reader->allowed = std::move(allowed);
    error_code ignored;
    reader->stream->socket().non_blocking(true, ignored);
    reader->stream->socket().set_option(net::socket_base::send_buffer_size(kLiveSocketBytes),
                                        ignored);
    for (const auto& [number, frame] : recent_) {
      if (number > from) reader->queue.push_back(frame);
    }
    readers_.insert(reader);
    shared_.metrics.Set(Metric::kLiveClients, static_cast<std::int64_t>(++shared_.live_readers));
    Send(reader);
  }
  void Tick(const Frame& frame) {
    last_frame_ = SteadyClock::now();
    ForEach([&](const std::shared_ptr<LiveReader>& reader) {
      if (reader->tick != nullptr) {
        ++reader->missed;
        shared_.metrics.Add(Metric::kLiveSkipped, 1);
      }
      reader->tick = frame;
      Send(reader);
    });
  }
  void Queue(std::uint64_t number, const Frame& frame) {
    recent_.emplace_back(number, frame);
    if (recent_.size() > kLiveRecent) recent_.pop_front();
    ForEach([&](const std::shared_ptr<LiveReader>& reader) {
      if (reader->queue.size() >= kLiveQueue) return Drop(reader);
      reader->queue.push_back(frame);
      Send(reader);
    });
  }

 private:
  // `visit` may drop the reader it is given.
  template <class Visit>
  void ForEach(Visit visit) {
    for (auto at = readers_.begin(); at != readers_.end();) {
      const std::shared_ptr<LiveReader> reader = *at++;
      visit(reader);
    }
  }

  void Close(LiveReader& reader) {
    reader.dead = true;
    reader.stream->layer().close();
    shared_.CountConnections(--shared_.connections);
  }
  void Remove(const std::shared_ptr<LiveReader>& reader) {
    if (reader->dead) return;
    Close(*reader);
    readers_.erase(reader);
    shared_.metrics.Set(Metric::kLiveClients, static_cast<std::int64_t>(--shared_.live_readers));
  }
  void Drop(const std::shared_ptr<LiveReader>& reader) {
    shared_.metrics.Add(Metric::kLiveDropped, 1);
    Remove(reader);
  }

  // Sends what waits, as far as the socket takes it.
  void Send(const std::shared_ptr<LiveReader>& reader) {
    while (!reader->dead && reader->writing == nullptr && TakeNext(*reader)) {
      reader->since = SteadyClock::now();
      reader->written = 0;
      if (reader->stream->encrypted()) return SendEncrypted(reader);
      if (!SendSome(reader)) return;
    }
  }
  bool TakeNext(LiveReader& reader) {
    if (!reader.queue.empty()) {
      reader.writing = std::move(reader.queue.front());
      reader.queue.pop_front();
    } else if (reader.tick != nullptr && reader.missed > 0) {
      reader.writing = std::make_shared<const std::string>(
          "event: skipped\ndata: {\"skipped\":" + std::to_string(reader.missed) + "}\n\n");
      reader.missed = 0;
    } else {
      reader.writing = std::exchange(reader.tick, nullptr);
    }
    return reader.writing != nullptr;
  }
  // True when the frame is gone; false when it waits for the socket, or the reader is gone.
  bool SendSome(const std::shared_ptr<LiveReader>& reader) {
    const std::string& frame = *reader->writing;
    while (reader->written < frame.size()) {
      error_code error;
      reader->written += reader->stream->socket().write_some(
          net::buffer(frame.data() + reader->written, frame.size() - reader->written), error);
      if (error == net::error::would_block) {
        reader->stream->socket().async_wait(tcp::socket::wait_write,
                                            [this, reader](const error_code& failed) {
                                              if (reader->dead || stopping_) return;
                                              if (failed) return Remove(reader);
                                              if (SendSome(reader)) Send(reader);
                                            });
        return false;
      }
      if (error) {
        Remove(reader);
        return false;
      }
    }
    reader->writing = nullptr;
    return true;
  }
  void SendEncrypted(const std::shared_ptr<LiveReader>& reader) {
    net::async_write(*reader->stream, net::buffer(*reader->writing),
                     [this, reader](const error_code& failed, std::size_t) {
                       if (reader->dead || stopping_) return;
                       if (failed) return Remove(reader);
                       reader->writing = nullptr;
                       Send(reader);
                     });
  }

  void ArmTimer() {
    timer_.expires_after(std::chrono::seconds(1));
    timer_.async_wait([this](const error_code& failed) {
      if (failed || stopping_) return;
      const auto now = SteadyClock::now();
      if (now - last_frame_ > kHeartbeat) Tick(heartbeat_);
      ForEach([&](const std::shared_ptr<LiveReader>& reader) {
        const auto stalled = Microseconds(shared_.options.stalled_timeout_us);
        if (reader->writing != nullptr && now - reader->since > stalled) return Drop(reader);
        if (reader->allowed && !reader->allowed()) Remove(reader);
      });
      ArmTimer();
    });
  }

  Shared& shared_;
  net::io_context context_{1};
  net::executor_work_guard<net::io_context::executor_type> guard_{context_.get_executor()};
  net::steady_timer timer_{context_};
  std::thread thread_;
  bool stopping_ = false;
  std::unordered_set<Stream*> streams_;
  std::unordered_set<std::shared_ptr<LiveReader>> readers_;
  std::deque<std::pair<std::uint64_t, Frame>> recent_;
  SteadyClock::time_point last_frame_ = SteadyClock::now();
  const Frame heartbeat_ = std::make_shared<const std::string>(": still here\n\n");
};

std::string DateText() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[40];
  const std::size_t size = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return {text, size};
}

std::string HeadOf(const HttpResponse& response, std::size_t body_bytes, bool keep_alive,
                   bool encrypted) {
  std::string head = "HTTP/1.1 " + std::to_string(response.status) + " ";
  head.append(StatusName(response.status)).append("\r\ndate: ").append(DateText()).append("\r\n");
  head.append(kSecurityHeaders);
  if (encrypted) head += "strict-transport-security: max-age=31536000\r\n";
  if (response.live) {
    head += "x-accel-buffering: no\r\n";
  } else if (response.status != 204 && response.status != 304) {
    head += "content-length: " + std::to_string(body_bytes) + "\r\n";
  }
  if (response.status != 204 && response.status != 304) {
    head += "content-type: " + response.content_type + "\r\n";
  }
  bool cached = false;
  for (const auto& [name, value] : response.headers) {
    cached = cached || name == "cache-control";
    head.append(name).append(": ").append(value).append("\r\n");
  }
  if (!cached) head += "cache-control: no-store\r\n";
  head += keep_alive ? "connection: keep-alive\r\n\r\n" : "connection: close\r\n\r\n";
  return head;
}

// Has a worker make the answer; completes in the coroutine's loop.
template <class Token>
auto AnswerByWorker(Shared& shared, HttpRequest& request, HttpResponse& response, Token&& token) {
  return net::async_initiate<Token, void()>(
      [&shared, &request, &response](auto handler) {
        net::post(shared.workers,
                  [&shared, &request, &response, handler = std::move(handler)]() mutable {
                    try {
                      response = shared.service.Answer(request);
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

// Bytes of a body, counted as long as the object lives.
class BodyShare {
 public:
  BodyShare() = default;
  BodyShare(const BodyShare&) = delete;
  BodyShare& operator=(const BodyShare&) = delete;
  ~BodyShare() {
    if (shared_ != nullptr) shared_->body_bytes -= bytes_;
  }
  bool Take(Shared& shared, std::size_t bytes) {
    if (shared.body_bytes.fetch_add(bytes) + bytes > shared.options.max_body_memory) {
      shared.body_bytes -= bytes;
      return false;
    }
    shared_ = &shared;
    bytes_ = bytes;
    return true;
  }

 private:
  Shared* shared_ = nullptr;
  std::size_t bytes_ = 0;
};

// Serves one connection, request by request.
class Connection {
 public:
  Connection(Shared& shared, Loop& loop, std::unique_ptr<Stream> stream)
      : shared_(shared), loop_(loop), stream_(std::move(stream)), buffer_(kBufferBytes) {
    loop_.Enter(stream_.get());
    error_code error;
    const tcp::endpoint peer = stream_->socket().remote_endpoint(error);
    if (!error) peer_ = peer.address().to_string();
    stream_->socket().set_option(tcp::no_delay(true), error);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() {
    if (stream_ == nullptr) return;  // a live reader now
    loop_.Leave(stream_.get());
    shared_.CountConnections(--shared_.connections);
  }

  net::awaitable<void> Run() {
    error_code error;
    if (stream_->encrypted()) {
      stream_->layer().expires_after(Microseconds(shared_.options.header_timeout_us));
      co_await stream_->tls().async_handshake(net::ssl::stream_base::server,
                                              net::redirect_error(net::use_awaitable, error));
      if (error) co_return;
    }
    std::int64_t idle_us = shared_.options.header_timeout_us;
    for (bool more = true; more && !shared_.stopping;) {
      more = co_await WaitForRequest(idle_us);
      if (more) more = co_await ServeOne();
      idle_us = shared_.options.idle_timeout_us;
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
    stream_->layer().expires_after(Microseconds(shared_.options.header_timeout_us));
    error_code error;
    co_await http::async_read_header(*stream_, buffer_, head,
                                     net::redirect_error(net::use_awaitable, error));
    if (error) {
      co_await RefuseHeader(error);
      co_return false;
    }
    HttpRequest request;
    HttpResponse response;
    BodyShare share;
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
        const HttpResponse refusal = BodyProblem(failed, max_body);
        co_await Write(refusal, false, head_only);
        co_return false;
      }
    }
    if (shared_.waiting.fetch_add(1) < shared_.options.max_waiting) {
      stream_->layer().expires_never();
      co_await AnswerByWorker(shared_, request, response, net::use_awaitable);
    } else {
      response = Busy(503, "too many requests are in work");
    }
    --shared_.waiting;
    if (shared_.stopping) keep_alive = false;
    const bool written = co_await Write(response, keep_alive, head_only);
    if (!written) co_return false;
    if (response.live && !head_only) {
      BecomeLive(response);
      co_return false;
    }
    co_return keep_alive && !response.live;
  }

  static HttpResponse BodyProblem(int status, std::size_t max_body) {
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
    shared_.metrics.Add(Metric::kHttpRefused, 1);
    unread_body_ = true;
    const HttpResponse response = Problem(status, detail);
    co_await Write(response, false, false);
  }

  template <class Parser>
  bool TakeHead(const Parser& head, HttpRequest& request, HttpResponse& refusal) {
    const auto& message = head.get();
    request.method = std::string(message.method_string());
    request.peer = peer_;
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
  bool Admit(const Parser& head, HttpRequest& request, HttpResponse& refusal, BodyShare& share,
             std::size_t& max_body) {
    HttpService::Admission admission = shared_.service.Admit(request);
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
    if (!share.Take(shared_, announced)) {
      refusal = Busy(429, "too many bytes of requests are in work");
      return false;
    }
    return true;
  }
  HttpResponse Busy(int status, std::string_view what) {
    shared_.metrics.Add(Metric::kHttpRefused, 1);
    HttpResponse response = Problem(status, std::string(what) + "; try again in a second");
    response.headers.emplace_back("retry-after", "1");
    return response;
  }

  // 0, or the status of the refusal, or 1 when there is nobody to tell.
  template <class Parser>
  net::awaitable<int> ReadBody(Parser& head, HttpRequest& request, std::size_t max_body) {
    stream_->layer().expires_after(Microseconds(shared_.options.body_timeout_us));
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

  net::awaitable<bool> Write(const HttpResponse& response, bool keep_alive, bool head_only) {
    const bool constant = !response.constant.empty();
    const net::const_buffer body =
        constant ? net::buffer(response.constant.data(), response.constant.size())
                 : net::buffer(response.body.data(), response.body.size());
    const std::string head = HeadOf(response, body.size(), keep_alive, stream_->encrypted());
    const std::array<net::const_buffer, 2> parts{net::buffer(head),
                                                 head_only ? net::const_buffer() : body};
    const int first_digit = response.status / 100;
    shared_.metrics.Add(Metric::kHttpRequests, 1, static_cast<std::size_t>(first_digit - 2));
    stream_->layer().expires_after(Microseconds(shared_.options.body_timeout_us));
    error_code error;
    co_await net::async_write(*stream_, parts, net::redirect_error(net::use_awaitable, error));
    co_return !error;
  }

  void BecomeLive(HttpResponse& response) {
    stream_->layer().expires_never();
    loop_.Leave(stream_.get());
    loop_.AddReader(std::move(stream_), std::move(response.live_allowed), response.live_from);
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

  Shared& shared_;
  Loop& loop_;
  std::unique_ptr<Stream> stream_;
  beast::flat_buffer buffer_;
  std::string peer_;
  bool unread_body_ = false;
};

net::awaitable<void> Serve(Shared& shared, Loop& loop, std::unique_ptr<Stream> stream) {
  Connection connection(shared, loop, std::move(stream));
  co_await connection.Run();
}

void RaiseFileLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

class BeastServer final : public HttpServer {
 public:
  BeastServer(const HttpServerOptions& options, HttpService& service, Metrics& metrics)
      : options_(options),
        workers_(static_cast<std::size_t>(std::max(options.workers, 1))),
        shared_{.options = options_, .service = service, .metrics = metrics, .workers = workers_} {}

  ~BeastServer() override {
    shared_.stopping = true;
    if (acceptor_) net::post(loops_[0]->context(), [this] { acceptor_->close(); });
    const auto give_up = SteadyClock::now() + kStopTime;
    while (shared_.waiting > 0 && SteadyClock::now() < give_up) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    for (const auto& loop : loops_) loop->BeginStop();
    workers_.join();
    for (const auto& loop : loops_) loop->Join(false);
    acceptor_.reset();
  }

  Status Open() {
    RaiseFileLimit();
    TOCSIN_TRY(OpenTls());
    int threads = options_.threads;
    if (threads <= 0) threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
    for (int i = 0; i < threads; ++i) loops_.push_back(std::make_unique<Loop>(shared_));
    TOCSIN_TRY(Listen());
    net::co_spawn(loops_[0]->context(), Accept(), net::detached);
    for (const auto& loop : loops_) loop->Start();
    return {};
  }

  std::uint16_t port() const override { return port_; }
  std::size_t live_clients() const override { return shared_.live_readers; }

  void PublishTick(std::string text) override {
    const Frame frame = std::make_shared<const std::string>(std::move(text));
    shared_.metrics.Add(Metric::kLiveFrames, 1);
    for (const auto& loop : loops_) {
      net::post(loop->context(), [&loop = *loop, frame] { loop.Tick(frame); });
    }
  }
  std::uint64_t Publish(std::string text) override {
    const Frame frame = std::make_shared<const std::string>(std::move(text));
    shared_.metrics.Add(Metric::kLiveFrames, 1);
    const std::lock_guard lock(publish_);
    const std::uint64_t number = ++published_;
    for (const auto& loop : loops_) {
      net::post(loop->context(), [&loop = *loop, number, frame] { loop.Queue(number, frame); });
    }
    return number;
  }
  std::uint64_t last_published() const override { return published_; }

 private:
  Status OpenTls() {
    if (options_.tls_certificate_file.empty()) return {};
    tls_.emplace(net::ssl::context::tls_server);
    tls_->set_options(net::ssl::context::default_workarounds | net::ssl::context::no_tlsv1 |
                      net::ssl::context::no_tlsv1_1);
    error_code error;
    tls_->use_certificate_chain_file(options_.tls_certificate_file, error);
    if (error) {
      return Fail(Code::kConfiguration,
                  "HTTP_TLS_CERTIFICATE_FILE='" + options_.tls_certificate_file +
                      "' is no readable certificate chain in PEM: " + error.message());
    }
    tls_->use_private_key_file(options_.tls_key_file, net::ssl::context::pem, error);
    if (error) {
      return Fail(Code::kConfiguration,
                  "HTTP_TLS_KEY_FILE='" + options_.tls_key_file +
                      "' is not the private key of the certificate in PEM: " + error.message());
    }
    shared_.tls = &*tls_;
    return {};
  }

  Status Listen() {
    error_code error;
    const auto address =
        net::ip::make_address(options_.bind == "localhost" ? "127.0.0.1" : options_.bind, error);
    if (error) {
      return Fail(Code::kConfiguration, "HTTP_BIND='" + options_.bind +
                                            "' is no IP address; write 127.0.0.1, ::1, 0.0.0.0 …");
    }
    const tcp::endpoint endpoint(address, options_.port);
    acceptor_.emplace(loops_[0]->context());
    acceptor_->open(endpoint.protocol(), error);
    if (!error) acceptor_->set_option(net::socket_base::reuse_address(true), error);
    if (!error) acceptor_->bind(endpoint, error);
    if (!error) acceptor_->listen(4096, error);
    if (error) {
      return Fail(Code::kUnavailable, "cannot listen on " + options_.bind + " port " +
                                          std::to_string(options_.port) + ": " + error.message() +
                                          "; choose another with --port, or 0 for any free one");
    }
    port_ = acceptor_->local_endpoint().port();
    return {};
  }

  net::awaitable<void> Accept() {
    for (std::size_t next = 0; !shared_.stopping; ++next) {
      Loop& loop = *loops_[next % loops_.size()];
      error_code error;
      tcp::socket socket = co_await acceptor_->async_accept(
          loop.context(), net::redirect_error(net::use_awaitable, error));
      if (error) {
        if (shared_.stopping || error == net::error::operation_aborted) co_return;
        net::steady_timer pause(loops_[0]->context(), std::chrono::milliseconds(100));
        co_await pause.async_wait(net::redirect_error(net::use_awaitable, error));
        continue;
      }
      const std::size_t count = ++shared_.connections;
      shared_.CountConnections(count);
      if (count > options_.max_connections) {
        shared_.CountConnections(--shared_.connections);
        shared_.metrics.Add(Metric::kHttpRefused, 1);
        continue;
      }
      auto stream = std::make_unique<Stream>(std::move(socket), shared_.tls);
      net::post(loop.context(), [this, &loop, stream = std::move(stream)]() mutable {
        net::co_spawn(loop.context(), Serve(shared_, loop, std::move(stream)), net::detached);
      });
    }
  }

  const HttpServerOptions options_;
  net::thread_pool workers_;
  Shared shared_;
  std::optional<net::ssl::context> tls_;
  std::vector<std::unique_ptr<Loop>> loops_;
  std::optional<tcp::acceptor> acceptor_;
  std::uint16_t port_ = 0;
  std::mutex publish_;
  std::atomic<std::uint64_t> published_{0};
};

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::Start(const HttpServerOptions& options,
                                                      HttpService& service, Metrics& metrics) {
  try {
    auto server = std::make_unique<BeastServer>(options, service, metrics);
    TOCSIN_TRY(server->Open());
    return server;
  } catch (const std::exception& exception) {
    return Fail(Code::kUnavailable,
                std::string("the HTTP server cannot start: ") + exception.what());
  }
}

}  // namespace tocsin
