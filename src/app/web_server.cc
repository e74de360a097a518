#include "app/web_server.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "app/build_info.h"
#include "app/dead_letters.h"
#include "base/logging.h"
#include "base/wait.h"
#include "web_api/web_service.h"

namespace tocsin {
namespace {

constexpr std::int64_t kTickUs = 1'000'000;
constexpr int kWorkers = 8;

HttpServerOptions OptionsFor(const Settings& settings) {
  HttpServerOptions options;
  options.bind = settings.http_bind;
  options.port = static_cast<std::uint16_t>(settings.http_port);
  options.threads = static_cast<int>(settings.http_threads);
  options.workers = kWorkers;
  options.max_connections = static_cast<std::size_t>(settings.http_max_connections);
  options.max_body_memory = std::max<std::size_t>(
      options.max_body_memory, 2 * static_cast<std::size_t>(settings.http_max_body_bytes));
  if (settings.http_behind_proxy) {
    options.peer_limits = {.connections = 0, .requests_per_second = 0, .body_bytes = 0};
  } else {
    options.peer_limits = {
        .connections = static_cast<std::size_t>(settings.http_max_connections_per_address),
        .requests_per_second = static_cast<std::size_t>(settings.http_max_requests_per_address),
        .body_bytes = std::max<std::size_t>(
            options.max_body_memory / 4, static_cast<std::size_t>(settings.http_max_body_bytes))};
  }
  options.header_timeout_us = settings.http_timeout_us;
  options.body_timeout_us = 6 * settings.http_timeout_us;
  options.idle_timeout_us = 6 * settings.http_timeout_us;
  options.stalled_timeout_us = 3 * settings.http_timeout_us;
  options.tls_certificate_file = settings.http_tls_certificate_file;
  options.tls_key_file = settings.http_tls_key_file;
  return options;
}

class RunningWebServer final : public WebServer {
 public:
  RunningWebServer(Session& session, Log& log, WebBackend backend)
      : session_(session),
        backend_(std::move(backend)),
        live_(LiveView::Make(session.settings, log, session.clock)),
        history_(History::Make(session.settings.dashboard_cleansed_path,
                               session.settings.dashboard_aggregates_path,
                               session.settings.metrics)),
        access_(Access::Make(session.settings, session.clock)),
        service_(WebService::Make({.settings = session.settings,
                                   .log = log,
                                   .clock = session.clock,
                                   .metrics = session.metrics,
                                   .live = *live_,
                                   .history = *history_,
                                   .access = *access_,
                                   .backend = backend_})) {}

  ~RunningWebServer() override {
    ticker_ = {};
    reader_ = {};
    server_.reset();
  }

  Status Open() {
    TOCSIN_ASSIGN(server_,
                  HttpServer::Start(OptionsFor(session_.settings), *service_, session_.metrics));
    service_->Attach(*server_);
    live_->SetOnAlert([this](const std::string& positions, const AlertMessage& alert) {
      service_->PublishAlert(positions, alert);
    });
    reader_ = std::jthread([this](std::stop_token stop) { live_->Run(std::move(stop)); });
    ticker_ = std::jthread([this](const std::stop_token& stop) {
      while (WaitUs(kTickUs, stop)) service_->PublishTick();
    });
    return {};
  }

  std::string url() const override {
    const Settings& settings = session_.settings;
    const bool tls = !settings.http_tls_certificate_file.empty();
    const bool any = settings.http_bind == "0.0.0.0" || settings.http_bind == "::";
    std::string host = any ? "localhost" : settings.http_bind;
    if (host.find(':') != std::string::npos) host = "[" + host + "]";
    return (tls ? "https://" : "http://") + host + ":" + std::to_string(server_->port());
  }
  std::string setup_token() const override { return access_->setup_token(); }

 private:
  Session& session_;
  WebBackend backend_;
  std::unique_ptr<LiveView> live_;
  std::unique_ptr<History> history_;
  std::unique_ptr<Access> access_;
  std::unique_ptr<WebService> service_;
  std::unique_ptr<HttpServer> server_;
  std::jthread reader_;
  std::jthread ticker_;
};

}  // namespace

Result<std::unique_ptr<WebServer>> WebServer::Start(Session& session, Log& log,
                                                    WebBackend backend) {
  if (session.settings.http_bind.empty()) return std::unique_ptr<WebServer>();
  TOCSIN_TRY(CheckWebSettings(session.settings));
  auto server = std::make_unique<RunningWebServer>(session, log, std::move(backend));
  TOCSIN_TRY(server->Open());
  return server;
}

WebBackend WebBackendFor(const Session& session, Log& log) {
  const Settings& settings = session.settings;
  WebBackend backend;
  backend.version = VersionText();
  backend.dead_letters = [&settings, &log](const WebBackend::DeadLetterQuery& query) {
    return NewestDeadLetters(log, settings.dlq_topic, query.reason, query.before, query.limit);
  };
  backend.replay = [&settings, &log](const std::string& reason) -> Result<std::string> {
    TOCSIN_ASSIGN(const ReplayReport report,
                  ReplayDeadLetters(settings, log, reason, [] { return false; }));
    return "{\"replayed\":" + std::to_string(report.replayed) +
           ",\"replayed_before\":" + std::to_string(report.replayed_before) +
           ",\"truncated\":" + std::to_string(report.truncated) + "}";
  };
  return backend;
}

Status CheckWebSettings(const Settings& settings) {
  if (settings.http_bind.empty()) return {};
  if (settings.http_tls_certificate_file.empty() != settings.http_tls_key_file.empty()) {
    return Fail(Code::kConfiguration,
                "HTTP_TLS_CERTIFICATE_FILE and HTTP_TLS_KEY_FILE belong together; set both");
  }
  return Access::CheckSettings(settings);
}

}  // namespace tocsin
