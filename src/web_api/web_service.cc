#include "web_api/web_service.h"

#include <algorithm>
#include <atomic>
#include <span>
#include <utility>

#include "web_api/desk_api.h"
#include "web_api/ingest_api.h"
#include "web_api/pages.h"
#include "web_api/read_api.h"

namespace tocsin {
namespace {

constexpr std::size_t kSmallBody = 64 * 1024;

ServerResponse Json(Result<std::string> body, int status = 200) {
  if (!body) return ProblemOf(body.error());
  ServerResponse response;
  response.status = status;
  response.body = std::move(*body);
  return response;
}

ServerResponse Text(int status, std::string body) {
  ServerResponse response;
  response.status = status;
  response.content_type = "text/plain; charset=utf-8";
  response.body = std::move(body);
  return response;
}

std::string FrameOf(const std::string& id, std::string_view event, const std::string& data) {
  std::string frame = "id: " + id + "\nevent: ";
  frame.append(event).append("\ndata: ").append(data).append("\n\n");
  return frame;
}

class Service final : public WebService {
 public:
  explicit Service(const WebParts& parts)
      : parts_(parts), read_(parts_), desk_(parts_), ingest_(parts_) {}

  void Attach(HttpServer& server) override { server_ = &server; }

  Admission Admit(ServerRequest& head) override {
    if (head.method == "HEAD") head.method = "GET";
    bool path_known = false;
    const Route* route = Find(head, path_known);
    Admission admission;
    if (route == nullptr && path_known) {
      admission.refusal = Problem(405, "the path does not take " + head.method.substr(0, 20));
      admission.refusal->headers.emplace_back("allow", head.method == "GET" ? "POST" : "GET");
      return admission;
    }
    if (route == nullptr && head.method != "GET") {
      admission.refusal = Problem(head.path.starts_with("/api/") ? 404 : 405,
                                  "there is nothing at this path that takes this method");
      return admission;
    }
    if (route == nullptr && head.path.starts_with("/api/")) {
      admission.refusal =
          Problem(404, "the API has no such path; docs/specs/openapi.yaml lists them");
      return admission;
    }
    const Scope scope = route == nullptr ? Scope::kNone : route->scope;
    admission.refusal = parts_.access.Check(head, scope);
    if (!admission.refusal && route != nullptr) admission.refusal = CheckType(*route, head);
    if (route == nullptr) return admission;
    admission.max_body = route->readings
                             ? static_cast<std::size_t>(parts_.settings.http_max_body_bytes)
                             : (head.method == "POST" ? kSmallBody : 0);
    return admission;
  }

  ServerResponse Answer(ServerRequest& request) override {
    bool path_known = false;
    const Route* route = Find(request, path_known);
    return route == nullptr ? ServePage(request) : (this->*route->handler)(request);
  }

  void PublishTick() override {
    if (server_ == nullptr || server_.load()->live_clients() == 0) return;
    const std::string id = parts_.live.AlertPositions();
    std::string devices = read_.DevicesData();
    if (!devices.empty()) devices = FrameOf(id, "devices", devices);
    server_.load()->PublishTick(FrameOf(id, "tick", read_.TickData(server_.load()->live_clients())),
                                std::move(devices));
  }

  void PublishAlert(const std::string& positions, const AlertMessage& alert) override {
    if (server_ == nullptr) return;
    server_.load()->Publish(FrameOf(positions, "alert", read_.AlertData(alert)));
  }

 private:
  using Handler = ServerResponse (Service::*)(const ServerRequest&);
  struct Route {
    std::string_view method;
    std::string_view path;
    Scope scope;
    Handler handler;
    bool readings = false;  // the body is readings, not a small JSON object
  };

  static std::span<const Route> Routes() {
    static constexpr Route kRoutes[] = {
        {"GET", "/healthz", Scope::kNone, &Service::Health},
        {"GET", "/readyz", Scope::kNone, &Service::Ready},
        {"GET", "/metrics", Scope::kRead, &Service::MetricsText},
        {"GET", "/api/v1/meta", Scope::kRead, &Service::Meta},
        {"GET", "/api/v1/summary", Scope::kRead, &Service::Summary},
        {"GET", "/api/v1/devices", Scope::kRead, &Service::Devices},
        {"GET", "/api/v1/device", Scope::kRead, &Service::Device},
        {"GET", "/api/v1/events", Scope::kRead, &Service::Events},
        {"POST", "/api/v1/events", Scope::kIngest, &Service::Ingest, true},
        {"POST", "/api/v2/write", Scope::kIngest, &Service::Write, true},
        {"POST", "/write", Scope::kIngest, &Service::Write, true},
        {"GET", "/api/v1/series", Scope::kRead, &Service::Series},
        {"GET", "/api/v1/alerts", Scope::kRead, &Service::Alerts},
        {"POST", "/api/v1/alerts/acknowledge", Scope::kWrite, &Service::Desk},
        {"GET", "/api/v1/aggregates/hourly", Scope::kRead, &Service::Hourly},
        {"GET", "/api/v1/pipeline", Scope::kRead, &Service::Pipeline},
        {"GET", "/api/v1/dead-letters", Scope::kRead, &Service::DeadLetters},
        {"POST", "/api/v1/dead-letters/replay", Scope::kWrite, &Service::Desk},
        {"GET", "/api/v1/deliveries", Scope::kRead, &Service::Desk},
        {"GET", "/api/v1/delivery", Scope::kRead, &Service::Desk},
        {"POST", "/api/v1/deliveries/redeliver", Scope::kWrite, &Service::Desk},
        {"GET", "/api/v1/channels", Scope::kRead, &Service::Desk},
        {"POST", "/api/v1/channels/test", Scope::kWrite, &Service::Desk},
        {"POST", "/api/v1/channels/enable", Scope::kWrite, &Service::Desk},
        {"GET", "/api/v1/silences", Scope::kRead, &Service::Desk},
        {"POST", "/api/v1/silences", Scope::kWrite, &Service::Desk},
        {"POST", "/api/v1/silences/expire", Scope::kWrite, &Service::Desk},
        {"GET", "/api/v1/live", Scope::kRead, &Service::Live},
        {"GET", "/api/v1/session", Scope::kNone, &Service::Session},
        {"POST", "/api/v1/session/login", Scope::kNone, &Service::Login},
        {"POST", "/api/v1/session/setup", Scope::kNone, &Service::Setup},
        {"POST", "/api/v1/session/logout", Scope::kRead, &Service::Logout},
    };
    return kRoutes;
  }

  static const Route* Find(const ServerRequest& request, bool& path_known) {
    for (const Route& route : Routes()) {
      if (route.path != request.path) continue;
      path_known = true;
      if (route.method == request.method) return &route;
    }
    return nullptr;
  }

  // A form of a foreign page cannot send JSON without asking first.
  static std::optional<ServerResponse> CheckType(const Route& route, const ServerRequest& request) {
    if (route.method != "POST" || route.readings) return std::nullopt;
    const std::string_view type = request.Header("content-type");
    if (type == "application/json" || type.starts_with("application/json;")) return std::nullopt;
    return Problem(415, "the body must be JSON: send Content-Type: application/json");
  }

  ServerResponse Health(const ServerRequest&) { return Text(200, "ok\n"); }

  ServerResponse Ready(const ServerRequest& request) {
    const bool live = parts_.live.ready();
    const LiveFigures figures = parts_.live.Figures();
    const bool log = figures.topics[0].partitions > 0;
    const bool ready = live && log;
    if (!request.Parameter("verbose")) {
      return Text(ready ? 200 : 503, ready ? "ready\n" : "not ready\n");
    }
    std::string out = "{";
    AppendMember(out, "ready", ready);
    AppendName(out, "checks");
    out += "[{";
    AppendMember(out, "name", std::string_view("log"));
    AppendMember(out, "ok", log);
    out += "},{";
    AppendMember(out, "name", std::string_view("live_view"));
    AppendMember(out, "ok", live);
    AppendMember(out, "detail",
                 std::string_view(std::to_string(figures.behind) + " records behind"));
    out += "}]}";
    return Json(std::move(out), ready ? 200 : 503);
  }

  ServerResponse MetricsText(const ServerRequest&) {
    if (parts_.backend.totals) {
      if (const auto totals = parts_.backend.totals()) {
        parts_.metrics.Set(Metric::kConsumerLag, totals->lag);
      }
    }
    ServerResponse response = Text(200, parts_.metrics.ToPrometheus());
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    return response;
  }

  ServerResponse Meta(const ServerRequest&) { return Json(read_.Meta()); }
  ServerResponse Summary(const ServerRequest&) { return Json(read_.Summary()); }
  ServerResponse Devices(const ServerRequest& request) { return Json(read_.Devices(request)); }
  ServerResponse Device(const ServerRequest& request) { return Json(read_.Device(request)); }
  ServerResponse Events(const ServerRequest& request) { return Json(read_.Events(request)); }
  ServerResponse Series(const ServerRequest& request) { return Json(read_.Series(request)); }
  ServerResponse Alerts(const ServerRequest& request) { return Json(read_.Alerts(request)); }
  ServerResponse Hourly(const ServerRequest& request) { return Json(read_.Hourly(request)); }
  ServerResponse DeadLetters(const ServerRequest& request) {
    return Json(read_.DeadLetters(request));
  }
  ServerResponse Pipeline(const ServerRequest&) { return Json(read_.Pipeline(LiveClients())); }
  ServerResponse Desk(const ServerRequest& request) { return desk_.Answer(request); }
  ServerResponse Ingest(const ServerRequest& request) { return ingest_.Events(request); }
  ServerResponse Write(const ServerRequest& request) { return ingest_.LineProtocol(request); }
  ServerResponse Session(const ServerRequest& request) { return parts_.access.Session(request); }
  ServerResponse Login(const ServerRequest& request) { return parts_.access.Login(request); }
  ServerResponse Setup(const ServerRequest& request) { return parts_.access.Setup(request); }
  ServerResponse Logout(const ServerRequest& request) { return parts_.access.Logout(request); }

  ServerResponse Live(const ServerRequest& request) {
    const auto devices = ChoiceParameter(request, "devices", "all none");
    if (!devices) return ProblemOf(devices.error());
    ServerResponse response;
    response.content_type = "text/event-stream";
    response.live =
        LiveStart{// Before the positions are read: an alert may come twice then, never not at all.
                  .from = server_ == nullptr ? 0 : server_.load()->last_published(),
                  .form = {.details = *devices == 0},
                  .allowed = parts_.access.StillAllowed(request)};
    std::string last(request.Header("last-event-id"));
    if (last.empty()) last = TextParameter(request, "last_event_id");
    response.body =
        "retry: 2000\n" + FrameOf(parts_.live.AlertPositions(), "hello", read_.HelloData());
    if (last.empty()) return response;
    const auto missed = parts_.live.TransitionsSince(last);
    if (!missed) {
      response.body += FrameOf(parts_.live.AlertPositions(), "reset", "{}");
      return response;
    }
    for (const LiveView::Transition& transition : *missed) {
      response.body += FrameOf(transition.positions, "alert", read_.AlertData(transition.alert));
    }
    return response;
  }

  std::size_t LiveClients() const {
    return server_ == nullptr ? 0 : server_.load()->live_clients();
  }

  const WebParts parts_;
  ReadApi read_;
  DeskApi desk_;
  IngestApi ingest_;
  std::atomic<HttpServer*> server_{nullptr};
};

}  // namespace

std::unique_ptr<WebService> WebService::Make(const WebParts& parts) {
  return std::make_unique<Service>(parts);
}

}  // namespace tocsin
