#include "server/http_message.h"

#include "base/json_text.h"

namespace tocsin {
namespace {

constexpr std::size_t kMaxParameters = 64;

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool Decode(std::string_view text, bool plus_is_space, std::string& out) {
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (static_cast<unsigned char>(c) <= ' ' || c == 0x7F) return false;
    if (c == '+' && plus_is_space) {
      out += ' ';
    } else if (c == '%') {
      if (i + 2 >= text.size()) return false;
      const int high = HexValue(text[i + 1]);
      const int low = HexValue(text[i + 2]);
      if (high < 0 || low < 0) return false;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += c;
    }
  }
  return true;
}

}  // namespace

std::string_view StatusName(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 421:
      return "Misdirected Request";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    default:
      return "Error";
  }
}

ServerResponse Problem(int status, std::string_view detail, std::string_view more) {
  ServerResponse response;
  response.status = status;
  response.content_type = "application/problem+json";
  response.body = R"({"type":"about:blank","title":)";
  AppendJsonString(response.body, StatusName(status));
  response.body += ",\"status\":" + std::to_string(status) + ",\"detail\":";
  AppendJsonString(response.body, detail);
  response.body.append(more);
  response.body += '}';
  return response;
}

bool TakesCoding(const ServerRequest& request, std::string_view coding) {
  const std::string_view accepted = request.Header("accept-encoding");
  for (std::size_t at = accepted.find(coding); at != std::string_view::npos;
       at = accepted.find(coding, at + 1)) {
    const std::string_view rest = accepted.substr(at + coding.size());
    const bool whole = at == 0 || accepted[at - 1] == ' ' || accepted[at - 1] == ',';
    if (!whole || (!rest.empty() && rest[0] != ',' && rest[0] != ';' && rest[0] != ' ')) continue;
    return !rest.starts_with(";q=0") || rest.starts_with(";q=0.");
  }
  return false;
}

bool ParseTarget(std::string_view target, ServerRequest& request) {
  request.target = target;
  request.path.clear();
  request.query.clear();
  if (!target.starts_with('/')) return false;
  const std::size_t mark = std::min(target.find('?'), target.size());
  if (!Decode(target.substr(0, mark), false, request.path)) return false;
  std::string_view rest = target.substr(std::min(mark + 1, target.size()));
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('&'), rest.size());
    const std::string_view pair = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (pair.empty()) continue;
    if (request.query.size() == kMaxParameters) return false;
    auto& [name, value] = request.query.emplace_back();
    const std::size_t equals = std::min(pair.find('='), pair.size());
    if (!Decode(pair.substr(0, equals), true, name)) return false;
    if (!Decode(pair.substr(std::min(equals + 1, pair.size())), true, value)) return false;
  }
  return true;
}

}  // namespace tocsin
