#include "server/http_server.h"

#include <sys/resource.h>

#include <atomic>
#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <chrono>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "server/connection.h"
#include "server/event_loop.h"

namespace tocsin {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr auto kStopTime = std::chrono::seconds(3);

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
        state_{.options = options_,
               .service = service,
               .metrics = metrics,
               .workers = workers_,
               .clock = clock_} {}

  ~BeastServer() override {
    state_.stopping = true;
    if (acceptor_) net::post(loops_[0]->context(), [this] { acceptor_->close(); });
    const auto give_up = SteadyClock::now() + kStopTime;
    while (state_.waiting > 0 && SteadyClock::now() < give_up) {
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
    for (int i = 0; i < threads; ++i) loops_.push_back(std::make_unique<EventLoop>(state_));
    TOCSIN_TRY(Listen());
    net::co_spawn(loops_[0]->context(), Accept(), net::detached);
    for (const auto& loop : loops_) loop->Start();
    return {};
  }

  std::uint16_t port() const override { return port_; }
  std::size_t live_clients() const override { return state_.live_readers; }

  void PublishTick(std::string text, std::string details) override {
    state_.metrics.Add(Metric::kLiveFrames, 1);
    const std::lock_guard lock(publish_);
    const LiveFrame frame = encoder_.Encode(std::move(text), details);
    for (const auto& loop : loops_) {
      net::post(loop->context(), [&loop = *loop, frame] { loop.Tick(frame); });
    }
  }
  std::uint64_t Publish(std::string text) override {
    state_.metrics.Add(Metric::kLiveFrames, 1);
    const std::lock_guard lock(publish_);
    const LiveFrame frame = encoder_.Encode(std::move(text));
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
    state_.tls = &*tls_;
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
    for (std::size_t next = 0; !state_.stopping; ++next) {
      EventLoop& loop = *loops_[next % loops_.size()];
      error_code error;
      tcp::socket socket = co_await acceptor_->async_accept(
          loop.context(), net::redirect_error(net::use_awaitable, error));
      if (error) {
        if (state_.stopping || error == net::error::operation_aborted) co_return;
        net::steady_timer pause(loops_[0]->context(), std::chrono::milliseconds(100));
        co_await pause.async_wait(net::redirect_error(net::use_awaitable, error));
        continue;
      }
      const tcp::endpoint peer = socket.remote_endpoint(error);
      if (error) continue;  // gone already
      auto place = state_.places.Take(peer.address().to_string());
      if (place == nullptr) {
        state_.metrics.Add(Metric::kHttpRefused, 1);
        continue;
      }
      auto stream = std::make_unique<Stream>(std::move(socket), state_.tls, std::move(place));
      net::post(loop.context(), [this, &loop, stream = std::move(stream)]() mutable {
        net::co_spawn(loop.context(), ServeConnection(state_, loop, std::move(stream)),
                      net::detached);
      });
    }
  }

  const HttpServerOptions options_;
  const SystemClock clock_;
  net::thread_pool workers_;
  ServerState state_;
  std::optional<net::ssl::context> tls_;
  std::vector<std::unique_ptr<EventLoop>> loops_;
  std::optional<tcp::acceptor> acceptor_;
  std::uint16_t port_ = 0;
  std::mutex publish_;
  LiveEncoder encoder_;  // by publish_
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
