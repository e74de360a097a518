// Private to the module.
#pragma once

#include <atomic>
#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <unordered_set>
#include <utility>

#include "base/clock.h"
#include "metrics/metrics.h"
#include "server/body_memory.h"
#include "server/connection_places.h"
#include "server/http_server.h"
#include "server/live_readers.h"
#include "server/peers.h"
#include "server/stream.h"
#include "server/stream_socket.h"

namespace tocsin {

// What all connections of a server share.
struct ServerState {
  const HttpServerOptions& options;
  HttpService& service;
  Metrics& metrics;
  net::thread_pool& workers;
  const Clock& clock;
  net::ssl::context* tls = nullptr;
  Peers peers{options.peer_limits};
  BodyBudget bodies{peers, options.max_body_memory};
  ConnectionPlaces places{peers, metrics, options.max_connections};
  std::atomic<std::size_t> live_readers{0};
  std::atomic<std::size_t> waiting{0};
  std::atomic<bool> stopping{false};
};

// One event loop with its thread, its connections and its live readers.
class EventLoop {
 public:
  explicit EventLoop(ServerState& state)
      : state_(state), readers_(state.clock, state.options.stalled_timeout_us) {}

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

  void AddReader(std::unique_ptr<Stream> stream, LiveStart start) {
    readers_.Add(std::make_shared<StreamSocket>(std::move(stream)), std::move(start));
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
    state_.live_readers += now.readers - counted_.readers;
    state_.metrics.Set(Metric::kLiveClients, static_cast<std::int64_t>(state_.live_readers));
    state_.metrics.Add(Metric::kLiveSkipped, now.skipped - counted_.skipped);
    state_.metrics.Add(Metric::kLiveDropped, now.dropped - counted_.dropped);
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

  ServerState& state_;
  net::io_context context_{1};
  net::executor_work_guard<net::io_context::executor_type> guard_{context_.get_executor()};
  net::steady_timer timer_{context_};
  std::thread thread_;
  bool stopping_ = false;
  std::unordered_set<Stream*> streams_;
  LiveReaders readers_;
  LiveReaders::Counts counted_;
};

}  // namespace tocsin
