#include "web_api/access.h"

#include <sys/stat.h>

#include <algorithm>
#include <mutex>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/json_text.h"
#include "base/logging.h"
#include "base/text.h"
#include "http/address_policy.h"
#include "web_api/access_file.h"
#include "web_api/api_json.h"
#include "web_api/query.h"
#include "web_api/session_table.h"

namespace tocsin {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kCookie = "__Host-tocsin";
constexpr std::string_view kScopeNames[] = {"", "ingest", "read", "write"};

// A host without its port and the brackets of an IPv6 address.
std::string_view HostName(std::string_view authority) {
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    return end == std::string_view::npos ? std::string_view() : authority.substr(1, end - 1);
  }
  return authority.substr(0, authority.rfind(':'));
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

bool NeedsUsers(const Settings& settings) {
  return settings.http_auth == "required" || settings.http_behind_proxy ||
         !IsLoopback(settings.http_bind);
}

// The secret of the session cookie, "" without one.
std::string_view SessionSecret(const ServerRequest& request) {
  std::string_view cookies = request.Header("cookie");
  while (!cookies.empty()) {
    const std::size_t end = std::min(cookies.find(';'), cookies.size());
    std::string_view cookie = cookies.substr(0, end);
    cookies.remove_prefix(std::min(end + 1, cookies.size()));
    while (cookie.starts_with(' ')) cookie.remove_prefix(1);
    if (cookie.starts_with(kCookie) && cookie.substr(kCookie.size()).starts_with('=')) {
      return cookie.substr(kCookie.size() + 1);
    }
  }
  return {};
}

// The token of the Authorization header, "" without one.
std::string ShownToken(const ServerRequest& request) {
  const std::string_view header = request.Header("authorization");
  const std::size_t space = std::min(header.find(' '), header.size());
  const std::string scheme = Lower(header.substr(0, space));
  const std::string_view rest = header.substr(std::min(space + 1, header.size()));
  if (scheme == "bearer" || scheme == "token") return std::string(rest);
  std::string decoded;
  if (scheme != "basic" || !DecodeBase64(rest, decoded)) return "";
  const std::size_t colon = decoded.find(':');
  return colon == std::string::npos ? "" : decoded.substr(colon + 1);
}

ServerResponse Refusal(int status, std::string_view detail) {
  ServerResponse response = Problem(status, detail);
  if (status == 401) response.headers.emplace_back("www-authenticate", "Bearer realm=\"tocsin\"");
  return response;
}

// The list of users and tokens as the file is now.
class WatchedFile {
 public:
  explicit WatchedFile(std::string path) : path_(std::move(path)) {}

  Result<std::shared_ptr<const AccessList>> Get() {
    const std::lock_guard lock(mutex_);
    struct stat info{};
    const bool there = ::stat(path_.c_str(), &info) == 0;
    const std::int64_t stamp =
        there ? info.st_mtim.tv_sec * 1'000'000'000LL + info.st_mtim.tv_nsec : -1;
    if (list_ != nullptr && stamp == stamp_ && info.st_ino == inode_) return list_;
    TOCSIN_ASSIGN(AccessList list, ReadAccessFile(path_));
    list_ = std::make_shared<const AccessList>(std::move(list));
    stamp_ = stamp;
    inode_ = info.st_ino;
    return list_;
  }
  // Adds the first user; kFailedPrecondition when there is one already.
  Status AddFirst(AccessUser user) {
    const std::lock_guard lock(mutex_);
    TOCSIN_ASSIGN(AccessList list, ReadAccessFile(path_));
    if (!list.users.empty()) {
      return Fail(Code::kFailedPrecondition, "there is a user already; log in");
    }
    list.users.push_back(std::move(user));
    list_ = nullptr;
    return WriteAccessFile(path_, list);
  }

 private:
  const std::string path_;
  std::mutex mutex_;
  std::shared_ptr<const AccessList> list_;
  std::int64_t stamp_ = 0;
  ino_t inode_ = 0;
};

class HttpAccess final : public Access {
 public:
  HttpAccess(const Settings& settings, const Clock& clock)
      : clock_(clock),
        bind_(Lower(settings.http_bind)),
        hosts_(SplitList(Lower(settings.http_allowed_hosts))),
        users_(NeedsUsers(settings)),
        loopback_(IsLoopback(settings.http_bind)),
        file_(AccessFilePath(settings.data_dir)),
        sessions_(clock),
        setup_token_(users_ ? RandomText() : "") {}

  std::optional<ServerResponse> Check(ServerRequest& request, Scope scope) override {
    if (!KnownHost(request.Header("host"))) {
      return Problem(421, "this server is not asked as '" +
                              std::string(request.Header("host").substr(0, 80)) +
                              "'; add the name to HTTP_ALLOWED_HOSTS");
    }
    if (request.method == "POST") {
      if (auto refusal = CheckOrigin(request)) return refusal;
    }
    if (!users_ || scope == Scope::kNone) return std::nullopt;
    const std::string token = ShownToken(request);
    if (!token.empty()) return CheckToken(request, token, scope);
    const auto session = sessions_.Find(SessionSecret(request));
    if (!session) return Refusal(401, "log in, or show a token: Authorization: Bearer …");
    request.user = session->user;
    if (request.method == "POST" && !SameSecret(request.Header("x-tocsin-csrf"), session->csrf)) {
      return Problem(403, "X-Tocsin-CSRF is not that of the session; GET /api/v1/session tells it");
    }
    return std::nullopt;
  }

  ServerResponse Session(const ServerRequest& request) override {
    const auto session = sessions_.Find(SessionSecret(request));
    return SessionAnswer(session ? &*session : nullptr);
  }

  ServerResponse Login(const ServerRequest& request) override {
    if (!users_) return NoUsers();
    const Json body = Json::parse(request.body, nullptr, false);
    std::string name;
    std::string password;
    if (!ReadText(body, "user", name) || !ReadText(body, "password", password)) {
      return Problem(400, "user and password must be there, as texts");
    }
    const std::string who = Lower(name) + " " + request.peer;
    if (auto wait = MustWait(who)) return std::move(*wait);
    const auto list = file_.Get();
    if (!list) return CannotRead(list.error());
    const auto user = std::ranges::find((*list)->users, name, &AccessUser::name);
    const bool known = user != (*list)->users.end();
    if (!PasswordMatches(known ? &*user : nullptr, password)) {
      sessions_.Failed(who);
      LogWarning("audit", "log-in refused", {{"user", name}, {"peer", request.peer}});
      return Problem(401, "user or password is wrong");
    }
    sessions_.Succeeded(who);
    LogInfo("audit", "logged in", {{"user", name}, {"peer", request.peer}});
    return BeginSession(request, name);
  }

  ServerResponse Setup(const ServerRequest& request) override {
    if (!users_) return NoUsers();
    const Json body = Json::parse(request.body, nullptr, false);
    std::string token;
    std::string name;
    std::string password;
    if (!ReadText(body, "token", token) || !ReadText(body, "user", name) ||
        !ReadText(body, "password", password)) {
      return Problem(400, "token, user and password must be there, as texts");
    }
    const std::string who = "set-up " + request.peer;
    if (auto wait = MustWait(who)) return std::move(*wait);
    if (!SameSecret(token, setup_token_)) {
      sessions_.Failed(who);
      LogWarning("audit", "set-up refused", {{"peer", request.peer}});
      return Problem(401, "the token is not the one that was printed at the start");
    }
    Result<AccessUser> user = MakeUser(name, password);
    if (!user) return ProblemOf(user.error());
    const Status added = file_.AddFirst(std::move(*user));
    if (!added) return ProblemOf(added.error());
    LogInfo("audit", "first user made", {{"user", name}, {"peer", request.peer}});
    return BeginSession(request, name);
  }

  ServerResponse Logout(const ServerRequest& request) override {
    sessions_.End(SessionSecret(request));
    ServerResponse response;
    response.body = "{}";
    response.headers.emplace_back("set-cookie", std::string(kCookie) +
                                                    "=; Path=/; Secure; HttpOnly; SameSite=Strict; "
                                                    "Max-Age=0");
    return response;
  }

  std::function<bool()> StillAllowed(const ServerRequest& request) override {
    if (!users_) return {};
    const std::string token = ShownToken(request);
    if (!token.empty()) {
      return [this, token] {
        const auto list = file_.Get();
        return list && FindToken(**list, token, clock_.WallUs()).has_value();
      };
    }
    return [this, secret = std::string(SessionSecret(request))] {
      return sessions_.Find(secret, false).has_value();
    };
  }

  std::string setup_token() const override {
    return users_ && WithoutUsers() ? setup_token_ : std::string();
  }

 private:
  static ServerResponse NoUsers() {
    return Problem(409, "this server has no users: it listens on this machine only");
  }
  static ServerResponse CannotRead(const Error& error) {
    LogError("http", "nobody is let in", {{"reason", error.message()}});
    return Problem(503, "the list of users cannot be read; the server's log says why");
  }
  static bool ReadText(const Json& body, const char* name, std::string& out) {
    if (!body.is_object()) return false;
    const auto found = body.find(name);
    if (found == body.end() || !found->is_string()) return false;
    out = found->get<std::string>();
    return true;
  }

  // With users a session is bound to the name it was begun under, so any name will do unless the
  // names are given.
  bool KnownHost(std::string_view host) const {
    const std::string name = Lower(HostName(host));
    if (IsLoopback(name) || name == bind_) return true;
    if (users_ && !loopback_ && hosts_.empty()) return !name.empty();
    return std::ranges::find(hosts_, name) != hosts_.end();
  }

  // Browsers tell from where a request comes; a foreign page may not change anything here.
  static std::optional<ServerResponse> CheckOrigin(const ServerRequest& request) {
    const std::string_view site = request.Header("sec-fetch-site");
    const std::string_view origin = request.Header("origin");
    const std::size_t scheme = origin.find("://");
    const bool foreign_origin =
        !origin.empty() && (scheme == std::string_view::npos ||
                            Lower(origin.substr(scheme + 3)) != Lower(request.Header("host")));
    if (foreign_origin || (!site.empty() && site != "same-origin" && site != "none")) {
      return Problem(403, "a page of another origin may not change anything here");
    }
    return std::nullopt;
  }

  std::optional<ServerResponse> CheckToken(ServerRequest& request, const std::string& shown,
                                           Scope scope) {
    const auto list = file_.Get();
    if (!list) return CannotRead(list.error());
    const auto found = FindToken(**list, shown, clock_.WallUs());
    if (!found) return Refusal(401, "the token is not known, or no longer valid");
    const AccessToken& token = (*list)->tokens[*found];
    const std::string_view needed = kScopeNames[static_cast<std::size_t>(scope)];
    if (std::ranges::find(token.scopes, needed) == token.scopes.end()) {
      return Refusal(403, "the token has not the scope " + std::string(needed));
    }
    request.user = token.name;
    return std::nullopt;
  }

  std::optional<ServerResponse> MustWait(const std::string& who) {
    const std::int64_t wait_us = sessions_.WaitUs(who);
    if (wait_us == 0) return std::nullopt;
    const std::int64_t seconds = (wait_us + 999'999) / 1'000'000;
    ServerResponse response =
        Problem(429, "too many tries; the next one in " + std::to_string(seconds) + " s");
    response.headers.emplace_back("retry-after", std::to_string(seconds));
    return response;
  }

  bool WithoutUsers() const {
    const auto list = file_.Get();
    return list && (*list)->users.empty();
  }

  ServerResponse BeginSession(const ServerRequest& request, const std::string& name) {
    sessions_.End(SessionSecret(request));
    const std::string secret = sessions_.Begin(name);
    const auto session = sessions_.Find(secret);
    ServerResponse response = SessionAnswer(session ? &*session : nullptr);
    response.headers.emplace_back("set-cookie", std::string(kCookie) + "=" + secret +
                                                    "; Path=/; Secure; HttpOnly; SameSite=Strict");
    return response;
  }

  ServerResponse SessionAnswer(const SessionTable::Session* session) const {
    ServerResponse response;
    std::string& out = response.body;
    out = "{";
    AppendMember(out, "auth", std::string_view(users_ ? "required" : "off"));
    AppendMember(out, "setup", users_ && WithoutUsers());
    const bool all = !users_ || session != nullptr;
    AppendName(out, "scopes");
    out += all ? R"(["ingest","read","write"])" : "[]";
    if (session != nullptr) {
      AppendMember(out, "user", std::string_view(session->user));
      AppendMember(out, "csrf", std::string_view(session->csrf));
    } else {
      AppendNull(out, "user");
      AppendNull(out, "csrf");
    }
    out += '}';
    return response;
  }

  const Clock& clock_;
  const std::string bind_;
  const std::vector<std::string> hosts_;
  const bool users_;  // whoever asks must log in or show a token
  const bool loopback_;
  mutable WatchedFile file_;
  SessionTable sessions_;
  const std::string setup_token_;
};

}  // namespace

Status Access::CheckSettings(const Settings& settings) {
  if (IsLoopback(settings.http_bind) || settings.http_behind_proxy) return {};
  if (!settings.http_tls_certificate_file.empty()) return {};
  return Fail(Code::kConfiguration,
              "HTTP_BIND='" + settings.http_bind +
                  "' lets others in, and what they send would be readable on the way: set "
                  "HTTP_TLS_CERTIFICATE_FILE and HTTP_TLS_KEY_FILE, or HTTP_BEHIND_PROXY=true "
                  "where a proxy in front ends TLS");
}

std::unique_ptr<Access> Access::Make(const Settings& settings, const Clock& clock) {
  return std::make_unique<HttpAccess>(settings, clock);
}

}  // namespace tocsin
