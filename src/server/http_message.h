#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// A request and its answer as the handlers see them: plain values, nothing of the network.
namespace tocsin {

// Names in lower case, in their order.
using ServerHeaders = std::vector<std::pair<std::string, std::string>>;

struct ServerRequest {
  std::string method;                                      // "GET"
  std::string target;                                      // as sent
  std::string path;                                        // percent-decoded, without the query
  std::vector<std::pair<std::string, std::string>> query;  // percent-decoded, in order
  ServerHeaders headers;
  std::string body;        // as sent
  std::string peer;        // address of the other end
  bool encrypted = false;  // TLS ends here
  std::string user;        // set by the service: who asks; empty = nobody known

  // The value of the first header of that name (in lower case), "" when there is none.
  std::string_view Header(std::string_view name) const {
    const auto found = std::ranges::find(headers, name, &ServerHeaders::value_type::first);
    return found == headers.end() ? std::string_view() : std::string_view(found->second);
  }
  // The first query parameter of that name, or nothing.
  std::optional<std::string_view> Parameter(std::string_view name) const {
    const auto found = std::ranges::find(query, name, &ServerHeaders::value_type::first);
    if (found == query.end()) return std::nullopt;
    return std::string_view(found->second);
  }
};

// How a reader wants a live stream.
struct LiveForm {
  bool details = true;  // also the frames that are details
  bool gzip = false;
};

// An answer that is an open stream: its body is sent, then the frames of HttpServer::Publish()
// above number `from`, and every tick, until the reader goes. The server compresses it.
struct LiveStart {
  std::uint64_t from = 0;
  LiveForm form;
  // Asked about once a second from an event loop; false ends the stream. Empty = for ever.
  std::function<bool()> allowed{};
};

struct ServerResponse {
  int status = 200;
  std::string content_type = "application/json";
  ServerHeaders headers;  // besides those of every answer
  std::string body;
  std::span<const std::uint8_t> constant{};  // instead of `body`: bytes that live for the whole run
  std::optional<LiveStart> live{};
};

// The name of a status: "Not Found"; "Error" for one that this program does not use.
std::string_view StatusName(int status);

// application/problem+json (RFC 9457) with title, status and detail. `more` is appended to the
// members as it is: `,"errors":[…]`.
ServerResponse Problem(int status, std::string_view detail, std::string_view more = {});

// True when the Accept-Encoding header takes `coding` (`coding;q=0` does not).
bool TakesCoding(const ServerRequest& request, std::string_view coding);

// `target` of a request line in origin form, cut at `?` and percent-decoded (`+` stays in the path
// and is a space in the query). False for anything else: another form, a bad escape, a control
// character, more than 64 parameters.
bool ParseTarget(std::string_view target, ServerRequest& request);

}  // namespace tocsin
