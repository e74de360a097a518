#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "config/settings.h"
#include "server/http_message.h"

namespace tocsin {

// What a request needs to be allowed.
enum class Scope : std::uint8_t {
  kNone,    // nothing: health, the page's files, the log-in
  kIngest,  // send readings
  kRead,
  kWrite,  // change something
};

// Decides who may ask what, before a body is read.
//
// Every request: its Host must be one under which the server is known, so that no foreign page
// reaches a server of this machine by a name of its own. Requests that change something: neither
// Origin nor Sec-Fetch-Site may speak of a foreign page.
//
// On loopback, with HTTP_AUTH=auto and no proxy in front, whoever is on this machine may do
// everything. Otherwise: users log in (a session cookie; what they change carries the session's
// X-Tocsin-CSRF), programs show a token (`Authorization: Bearer`, `Token`, or as the password of
// `Basic`) with its scopes. Users and tokens stand in access_file.h's file, which is read again
// when it changes. A file that cannot be read lets nobody in.
//
// Threads: any.
class Access {
 public:
  // kConfiguration when the server would listen beyond this machine without users or without TLS.
  static Status CheckSettings(const Settings& settings);

  static std::unique_ptr<Access> Make(const Settings& settings, const Clock& clock);
  virtual ~Access() = default;

  // The refusal, or nothing; then `request.user` names who asks.
  virtual std::optional<ServerResponse> Check(ServerRequest& request, Scope scope) = 0;
  // GET /api/v1/session and POST login, setup, logout. May take a tenth of a second (passwords).
  virtual ServerResponse Session(const ServerRequest& request) = 0;
  virtual ServerResponse Login(const ServerRequest& request) = 0;
  virtual ServerResponse Setup(const ServerRequest& request) = 0;
  virtual ServerResponse Logout(const ServerRequest& request) = 0;
  // Tells, now and later, whether whoever made the request still may read.
  virtual std::function<bool()> StillAllowed(const ServerRequest& request) = 0;
  // Printed at the start while there is no user; "" when none is needed.
  virtual std::string setup_token() const = 0;
};

}  // namespace tocsin
