#include "http/curl_transfer.h"

#include <curl/curl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <string_view>

namespace tocsin {
namespace {

constexpr std::size_t kMaxHeaderBytes = 64 * 1024;
constexpr int kPollMs = 1000;  // a guard only: curl_multi_wakeup ends the wait

class List {
 public:
  ~List() { curl_slist_free_all(list_); }
  List() = default;
  List(const List&) = delete;
  List& operator=(const List&) = delete;
  void Add(const std::string& line) {
    if (curl_slist* longer = curl_slist_append(list_, line.c_str())) list_ = longer;
  }
  curl_slist* get() const { return list_; }

 private:
  curl_slist* list_ = nullptr;
};

// What the callbacks of one transfer share.
struct Exchange {
  const TransferTarget* target = nullptr;
  std::string_view upload;
  HttpResponse response;
  std::size_t header_bytes = 0;
  bool cut = false;
  bool refused = false;  // an address that the policy does not allow
};

std::size_t OnBody(char* data, std::size_t, std::size_t size, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  std::string& body = exchange.response.body;
  const std::size_t room = exchange.target->max_response_bytes - body.size();
  body.append(data, std::min(size, room));
  if (size <= room) return size;
  exchange.cut = true;
  return 0;
}

std::size_t OnHeader(char* data, std::size_t, std::size_t size, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  exchange.header_bytes += size;
  if (exchange.header_bytes > kMaxHeaderBytes) return 0;
  constexpr std::string_view kName = "retry-after:";
  std::string_view line(data, size);
  if (line.starts_with("HTTP/")) exchange.response.retry_after.clear();
  if (line.size() < kName.size() || strncasecmp(data, kName.data(), kName.size()) != 0) return size;
  line.remove_prefix(kName.size());
  const std::size_t begin = line.find_first_not_of(" \t");
  const std::size_t end = line.find_last_not_of(" \t\r\n");
  if (begin != std::string_view::npos && end >= begin && end - begin < 128) {
    exchange.response.retry_after = std::string(line.substr(begin, end - begin + 1));
  }
  return size;
}

std::size_t OnUpload(char* out, std::size_t, std::size_t room, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  const std::size_t size = std::min(room, exchange.upload.size());
  std::memcpy(out, exchange.upload.data(), size);
  exchange.upload.remove_prefix(size);
  return size;
}

// The second line of the address check: whatever libcurl believes the host to be, no socket is
// opened to an address that was not checked.
curl_socket_t OnOpenSocket(void* user, curlsocktype, curl_sockaddr* address) {
  auto& exchange = *static_cast<Exchange*>(user);
  const auto ip = IpAddress::From(&address->addr);
  const auto& checked = exchange.target->addresses;
  if (!ip || !exchange.target->policy->Allows(*ip) ||
      std::ranges::find(checked, *ip) == checked.end()) {
    exchange.refused = true;
    return CURL_SOCKET_BAD;
  }
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

// libcurl's own words about TLS name the cause (expired, wrong host); its other messages may
// repeat parts of the request.
std::string Reason(CURLcode code, const char* detail) {
  switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
      return *detail != '\0' ? detail : curl_easy_strerror(code);
    case CURLE_USE_SSL_FAILED:
      return "the server does not offer STARTTLS";
    case CURLE_OPERATION_TIMEDOUT:
      return "no complete answer within the time limit";
    case CURLE_COULDNT_CONNECT:
      return "the connection was refused or could not be made";
    default:
      return curl_easy_strerror(code);
  }
}

}  // namespace

struct CurlTransfer::Parts {
  CURLM* multi = nullptr;
  CURL* easy = nullptr;
  std::atomic<bool> cancelled = false;
  char detail[CURL_ERROR_SIZE] = "";

  template <class Value>
  void Set(CURLoption option, Value value) {
    curl_easy_setopt(easy, option, value);
  }
  void SetTarget(const TransferTarget& target, Exchange& exchange, List& resolve);
  void SetTls(const std::string& ca_file, const TransferTarget& target, bool skip_verify);
  Result<CURLcode> Run();
  Result<HttpResponse> Finish(Result<CURLcode> code, Exchange& exchange);
};

CurlTransfer::CurlTransfer() : parts_(std::make_unique<Parts>()) {
  [[maybe_unused]] static const CURLcode ready = curl_global_init(CURL_GLOBAL_ALL);
  parts_->multi = curl_multi_init();
  parts_->easy = curl_easy_init();
}

CurlTransfer::~CurlTransfer() {
  if (parts_->easy != nullptr) curl_easy_cleanup(parts_->easy);
  if (parts_->multi != nullptr) curl_multi_cleanup(parts_->multi);
}

void CurlTransfer::Cancel() {
  parts_->cancelled.store(true);
  if (parts_->multi != nullptr) curl_multi_wakeup(parts_->multi);
}

void CurlTransfer::Parts::SetTarget(const TransferTarget& target, Exchange& exchange,
                                    List& resolve) {
  curl_easy_reset(easy);
  exchange.target = &target;
  detail[0] = '\0';
  std::string entry =
      (target.url.host.find(':') == std::string::npos ? target.url.host
                                                      : "[" + target.url.host + "]") +
      ":" + std::to_string(target.url.port) + ":";
  for (const IpAddress& address : target.addresses) {
    if (!entry.ends_with(':')) entry += ',';
    entry += address.v6 ? "[" + address.ToText() + "]" : address.ToText();
  }
  // An address needs no lookup, and libcurl takes no entry for one.
  if (!IpAddress::Parse(target.url.host)) resolve.Add(entry);
  Set(CURLOPT_RESOLVE, resolve.get());
  Set(CURLOPT_URL, target.url.text.c_str());
  Set(CURLOPT_PROTOCOLS_STR, target.url.scheme.c_str());
  Set(CURLOPT_NOSIGNAL, 1L);
  Set(CURLOPT_FOLLOWLOCATION, 0L);
  Set(CURLOPT_PROXY, "");
  Set(CURLOPT_NETRC, long{CURL_NETRC_IGNORED});
  Set(CURLOPT_TIMEOUT_MS, std::max(1L, static_cast<long>(target.timeout_us / 1000)));
  Set(CURLOPT_CONNECTTIMEOUT_MS, std::max(1L, static_cast<long>(target.connect_timeout_us / 1000)));
  Set(CURLOPT_ERRORBUFFER, detail);
  Set(CURLOPT_OPENSOCKETFUNCTION, OnOpenSocket);
  Set(CURLOPT_OPENSOCKETDATA, &exchange);
  Set(CURLOPT_WRITEFUNCTION, OnBody);
  Set(CURLOPT_WRITEDATA, &exchange);
  Set(CURLOPT_HEADERFUNCTION, OnHeader);
  Set(CURLOPT_HEADERDATA, &exchange);
}

void CurlTransfer::Parts::SetTls(const std::string& ca_file, const TransferTarget& target,
                                 bool skip_verify) {
  Set(CURLOPT_SSLVERSION, long{CURL_SSLVERSION_TLSv1_2});
  Set(CURLOPT_SSL_VERIFYPEER, skip_verify ? 0L : 1L);
  Set(CURLOPT_SSL_VERIFYHOST, skip_verify ? 0L : 2L);
  const std::string& path = ca_file.empty() ? target.ca_file : ca_file;
  if (path.empty()) return;
  Set(CURLOPT_CAINFO, path.c_str());
  // Else the system's directory of authorities is asked besides.
  Set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
}

Result<CURLcode> CurlTransfer::Parts::Run() {
  if (curl_multi_add_handle(multi, easy) != CURLM_OK) {
    return Fail(Code::kInternal, "libcurl does not take the transfer");
  }
  CURLcode result = CURLE_OK;
  int running = 1;
  while (running > 0 && !cancelled.load()) {
    if (curl_multi_perform(multi, &running) != CURLM_OK) {
      result = CURLE_FAILED_INIT;
      break;
    }
    if (running > 0 && !cancelled.load()) curl_multi_poll(multi, nullptr, 0, kPollMs, nullptr);
  }
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
    if (message->msg == CURLMSG_DONE) result = message->data.result;
  }
  const bool unfinished = running > 0;
  curl_multi_remove_handle(multi, easy);
  if (unfinished && cancelled.load()) return Fail(Code::kCancelled, "cancelled");
  return result;
}

Result<HttpResponse> CurlTransfer::Parts::Finish(Result<CURLcode> code, Exchange& exchange) {
  if (!code) return std::unexpected(std::move(code).error());
  const OutgoingUrl& url = exchange.target->url;
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  const char* address = nullptr;
  curl_easy_getinfo(easy, CURLINFO_PRIMARY_IP, &address);
  HttpResponse& response = exchange.response;
  response.status = static_cast<int>(status);
  if (address != nullptr) response.address = address;
  const bool cut = *code == CURLE_WRITE_ERROR && exchange.cut;
  // A refusal of SMTP ends libcurl's transfer with an error, but it is an answer.
  const bool mail_refused = url.mail() && status >= 400;
  if (*code == CURLE_OK || cut || mail_refused) {
    if (status > 0) return std::move(response);
    return Fail(Code::kUnavailable, url.Name() + ": the answer has no status");
  }
  if (exchange.refused) {
    return Fail(Code::kInvalidArgument, url.Name() + ": its address is not allowed");
  }
  return Fail(Code::kUnavailable, url.Name() + ": " + Reason(*code, detail));
}

Result<HttpResponse> CurlTransfer::Http(const HttpRequest& request, const TransferTarget& target) {
  Parts& parts = *parts_;
  if (parts.easy == nullptr || parts.multi == nullptr) {
    return Fail(Code::kResourceExhausted, "no memory for libcurl");
  }
  Exchange exchange;
  List resolve, headers;
  parts.SetTarget(target, exchange, resolve);
  parts.SetTls(request.ca_file, target, request.insecure_skip_verify);
  parts.Set(CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
  if (request.method == "GET") {
    parts.Set(CURLOPT_HTTPGET, 1L);
  } else {
    parts.Set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    parts.Set(CURLOPT_POSTFIELDS, request.body.c_str());
    parts.Set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
  for (const auto& [name, value] : request.headers) {
    headers.Add(value.empty() ? name + ";" : name + ": " + value);
  }
  headers.Add("Expect:");
  if (!request.bearer_token.empty()) headers.Add("Authorization: Bearer " + request.bearer_token);
  parts.Set(CURLOPT_HTTPHEADER, headers.get());
  parts.Set(CURLOPT_USERAGENT, "tocsin");
  if (!request.basic_user.empty()) {
    parts.Set(CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
    parts.Set(CURLOPT_USERNAME, request.basic_user.c_str());
    parts.Set(CURLOPT_PASSWORD, request.basic_password.c_str());
  }
  if (!request.cert_file.empty()) parts.Set(CURLOPT_SSLCERT, request.cert_file.c_str());
  if (!request.key_file.empty()) parts.Set(CURLOPT_SSLKEY, request.key_file.c_str());
  return parts.Finish(parts.Run(), exchange);
}

Result<HttpResponse> CurlTransfer::Mail(const MailRequest& request, const TransferTarget& target) {
  Parts& parts = *parts_;
  if (parts.easy == nullptr || parts.multi == nullptr) {
    return Fail(Code::kResourceExhausted, "no memory for libcurl");
  }
  Exchange exchange;
  exchange.upload = request.message;
  List resolve, recipients;
  parts.SetTarget(target, exchange, resolve);
  parts.SetTls(request.ca_file, target, request.insecure_skip_verify);
  parts.Set(CURLOPT_USE_SSL, long{request.require_tls ? CURLUSESSL_ALL : CURLUSESSL_TRY});
  for (const std::string& to : request.to) recipients.Add("<" + to + ">");
  const std::string from = "<" + request.from + ">";
  parts.Set(CURLOPT_MAIL_FROM, from.c_str());
  parts.Set(CURLOPT_MAIL_RCPT, recipients.get());
  if (!request.user.empty()) {
    parts.Set(CURLOPT_USERNAME, request.user.c_str());
    parts.Set(CURLOPT_PASSWORD, request.password.c_str());
  }
  parts.Set(CURLOPT_UPLOAD, 1L);
  parts.Set(CURLOPT_READFUNCTION, OnUpload);
  parts.Set(CURLOPT_READDATA, &exchange);
  parts.Set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request.message.size()));
  return parts.Finish(parts.Run(), exchange);
}

}  // namespace tocsin
