#include "server/http_server.h"

#include <sys/resource.h>

#include <array>
#include <atomic>
#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <mutex>
#include <thread>
#include <unordered_set>

#include "base/clock.h"
#include "base/logging.h"
#include "server/body_memory.h"
#include "server/live_readers.h"
#include "server/response_head.h"

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
constexpr auto kDrainTime = std::chrono::seconds(2);
constexpr auto kStopTime = std::chrono::seconds(3);

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

// A connection that has become a reader of the live stream.
class StreamSocket final : public LiveSocket, public std::enable_shared_from_this<StreamSocket> {
 public:
  explicit StreamSocket(std::unique_ptr<Stream> stream) : stream_(std::move(stream)) {
    error_code ignored;
    stream_->socket().non_blocking(true, ignored);
    stream_->socket().set_option(net::socket_base::send_buffer_size(kLiveSocketBytes), ignored);
  }
  void SetOnSent(std::function<void(bool ok)> on_sent) override { on_sent_ = std::move(on_sent); }
  void Close() override {
    on_sent_ = nullptr;
    stream_->layer().close();
  }

  Sent Send(const LiveFrame& frame) override {
    frame_ = frame;
    written_ = 0;
    if (!stream_->encrypted()) return SendOn();
    net::async_write(*stream_, net::buffer(*frame_),
                     [self = shared_from_this()](const error_code& failed, std::size_t) {
                       if (self->on_sent_) self->on_sent_(!failed);
                     });
    return Sent::kLater;
  }

 private:
  // One system call when the kernel has room, which is the usual case.
  Sent SendOn() {
    while (written_ < frame_->size()) {
      error_code error;
      written_ += stream_->socket().write_some(
          net::buffer(frame_->data() + written_, frame_->size() - written_), error);
      if (error == net::error::would_block) {
        stream_->socket().async_wait(
            tcp::socket::wait_write,
            [self = shared_from_this()](const error_code& failed) { self->OnWritable(!failed); });
        return Sent::kLater;
      }
      if (error) return Sent::kFailed;
    }
    frame_ = nullptr;
    return Sent::kDone;
  }
  void OnWritable(bool ok) {
    if (!on_sent_) return;
    const Sent sent = ok ? SendOn() : Sent::kFailed;
    if (sent != Sent::kLater) on_sent_(sent == Sent::kDone);
  }

  std::unique_ptr<Stream> stream_;
  std::function<void(bool)> on_sent_;
  LiveFrame frame_;
  std::size_t written_ = 0;
};

// What all connections share.
struct Shared {
  const HttpServerOptions& options;
  HttpService& service;
  Metrics& metrics;
  net::ssl::context* tls = nullptr;
  net::thread_pool& workers;
  const Clock& clock;
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
  explicit Loop(Shared& shared)
      : shared_(shared), readers_(shared.clock, shared.options.stalled_timeout_us) {}

  net::io_context& context() { return context_; }
  void Start() {
    net::post(context_, [this] { ArmTimer(); });
    thread_ = std::thread([this] { context_.run(); });
  }
  // Closes what is open; the thread ends when nothing is left.
  void BeginStop() {
    net::post(context_, [this] {
      stopping_ = true;
      timer_.cancel();
      readers_.CloseAll();
      Count();
      for (Stream* stream : streams_) stream->layer().close();
      guard_.reset();
    });
  }
  void Join() {
    if (thread_.joinable()) thread_.join();
  }

  void Enter(Stream* stream) { streams_.insert(stream); }
  void Leave(Stream* stream) { streams_.erase(stream); }

  void AddReader(std::unique_ptr<Stream> stream, std::function<bool()> allowed,
                 std::uint64_t from) {
    readers_.Add(std::make_shared<StreamSocket>(std::move(stream)), std::move(allowed), from);
    Count();
  }
  void Tick(const LiveFrame& frame) {
    readers_.Tick(frame);
    Count();
  }
  void Queue(std::uint64_t number, const LiveFrame& frame) {
    readers_.Queue(number, frame);
    Count();
  }

 private:
  // What changed since the last time, into the figures of all loops.
  void Count() {
    const LiveReaders::Counts& now = readers_.counts();
    shared_.live_readers += now.readers - counted_.readers;
    shared_.metrics.Set(Metric::kLiveClients, static_cast<std::int64_t>(shared_.live_readers));
    shared_.metrics.Add(Metric::kLiveSkipped, now.skipped - counted_.skipped);
    shared_.metrics.Add(Metric::kLiveDropped, now.dropped - counted_.dropped);
    if (now.left != counted_.left) {
      shared_.CountConnections(shared_.connections -= now.left - counted_.left);
    }
    counted_ = now;
  }

  void ArmTimer() {
    timer_.expires_after(std::chrono::seconds(1));
    timer_.async_wait([this](const error_code& failed) {
      if (failed || stopping_) return;
      readers_.Sweep();
      Count();
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
  LiveReaders readers_;
  LiveReaders::Counts counted_;
};

// Has a worker make the answer; completes in the coroutine's loop.
template <class Token>
auto AnswerByWorker(Shared& shared, ServerRequest& request, ServerResponse& response,
                    Token&& token) {
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
    shared_.metrics.Add(Metric::kHttpRefused, 1);
    unread_body_ = true;
    const ServerResponse response = Problem(status, detail);
    co_await Write(response, false, false);
  }

  template <class Parser>
  bool TakeHead(const Parser& head, ServerRequest& request, ServerResponse& refusal) {
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
  bool Admit(const Parser& head, ServerRequest& request, ServerResponse& refusal, BodyMemory& share,
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
    if (!share.Take(shared_.body_bytes, announced, shared_.options.max_body_memory)) {
      refusal = Busy(429, "too many bytes of requests are in work");
      return false;
    }
    return true;
  }
  ServerResponse Busy(int status, std::string_view what) {
    shared_.metrics.Add(Metric::kHttpRefused, 1);
    ServerResponse response = Problem(status, std::string(what) + "; try again in a second");
    response.headers.emplace_back("retry-after", "1");
    return response;
  }

  // 0, or the status of the refusal, or 1 when there is nobody to tell.
  template <class Parser>
  net::awaitable<int> ReadBody(Parser& head, ServerRequest& request, std::size_t max_body) {
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

  net::awaitable<bool> Write(const ServerResponse& response, bool keep_alive, bool head_only) {
    const bool constant = !response.constant.empty();
    const net::const_buffer body =
        constant ? net::buffer(response.constant.data(), response.constant.size())
                 : net::buffer(response.body.data(), response.body.size());
    const std::string head = ResponseHead(response, body.size(), keep_alive, stream_->encrypted());
    const std::array<net::const_buffer, 2> parts{net::buffer(head),
                                                 head_only ? net::const_buffer() : body};
    const int first_digit = response.status / 100;
    shared_.metrics.Add(Metric::kHttpRequests, 1, static_cast<std::size_t>(first_digit - 2));
    stream_->layer().expires_after(Microseconds(shared_.options.body_timeout_us));
    error_code error;
    co_await net::async_write(*stream_, parts, net::redirect_error(net::use_awaitable, error));
    co_return !error;
  }

  void BecomeLive(ServerResponse& response) {
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
        shared_{.options = options_,
                .service = service,
                .metrics = metrics,
                .workers = workers_,
                .clock = clock_} {}

  ~BeastServer() override {
    shared_.stopping = true;
    if (acceptor_) net::post(loops_[0]->context(), [this] { acceptor_->close(); });
    const auto give_up = SteadyClock::now() + kStopTime;
    while (shared_.waiting > 0 && SteadyClock::now() < give_up) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    for (const auto& loop : loops_) loop->BeginStop();
    workers_.join();
    for (const auto& loop : loops_) loop->Join();
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
    const LiveFrame frame = std::make_shared<const std::string>(std::move(text));
    shared_.metrics.Add(Metric::kLiveFrames, 1);
    for (const auto& loop : loops_) {
      net::post(loop->context(), [&loop = *loop, frame] { loop.Tick(frame); });
    }
  }
  std::uint64_t Publish(std::string text) override {
    const LiveFrame frame = std::make_shared<const std::string>(std::move(text));
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
  const SystemClock clock_;
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
